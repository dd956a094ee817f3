package cloud

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	accountHost = "account.xiaomi.com"
	stsHost     = "sts.api.io.mi.com"
	apiDomain   = "api.io.mi.com"
	newHost     = "api.mijia.tech" // of newer apps
)

// apiHost is where Xiaomi has the API of a region.
func apiHost(region string) string {
	if region == "cn" {
		return apiDomain
	}
	return region + "." + apiDomain
}

// regionOf is the way back; "" when host is no API.
func regionOf(host string) string {
	if host == "" || host == apiDomain || host == newHost {
		return "cn"
	}
	region, ok := strings.CutSuffix(host, "."+apiDomain)
	if !ok || !slices.Contains(Regions(), region) {
		return ""
	}
	return region
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, err := s.enter(w, r)
	if err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	if s.handmade(w, v) {
		return
	}
	api := strings.HasPrefix(r.URL.Path, "/app/")
	s.mu.Lock()
	weather, down := s.mood.Account, s.down(v, api)
	if api {
		weather = s.mood.API
	}
	v.note = &Request{At: v.now, Host: v.name(api), Path: v.endpoint(), Device: v.value("deviceId")}
	s.note(v.note)
	s.mu.Unlock()
	if down || !s.pause(v, weather.Slow) {
		panic(http.ErrAbortHandler)
	}
	a, bad := weather.spoil(api)
	if !bad {
		a = s.answer(v, api)
	}
	if weather.Cut {
		cut(w, a)
	}
	a.write(w)
}

// name is the host of a request as Xiaomi calls it.
func (v *visit) name(api bool) string {
	switch {
	case v.host != "":
		return v.host
	case api:
		return apiDomain
	case v.path == "/sts":
		return stsHost
	}
	return accountHost
}

// endpoint is the path without what differs from call to call.
func (v *visit) endpoint() string {
	if strings.HasPrefix(v.path, "/home/rpc/") {
		return "/home/rpc"
	}
	return v.path
}

// down reports whether nobody answers at that host. It needs s.mu.
func (s *Server) down(v *visit, api bool) bool {
	name := "account"
	switch {
	case api:
		name = regionOf(v.host)
	case v.path == "/sts":
		name = "sts"
	}
	return slices.Contains(s.mood.Down, name)
}

// pause waits; it reports false when nobody waits for the answer any more.
func (s *Server) pause(v *visit, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-v.Context().Done():
	case <-s.done:
	}
	return false
}

// spoil returns what bad weather makes of an answer.
func (w Weather) spoil(api bool) (reply, bool) {
	switch {
	case w.Status != 0:
		a := page("<h1>Something went wrong</h1>")
		a.status = w.Status
		return a, true
	case w.HTML:
		return page("<h1>Access restricted</h1><p>Please try again later.</p>"), true
	case w.Lies && api:
		return reply{kind: typeJSON, body: []byte(`{"code":"0","message":["ok"],"result":"[[["}`)}, true
	case w.Lies:
		return reply{kind: typeJSON, body: []byte(prefix + `{"code":{},"location":7,"userId":[],"qs":null}`)}, true
	case w.Limited && api:
		a := plain(http.StatusTooManyRequests, -8, "too many requests")
		a.header = [][2]string{{"Retry-After", "60"}}
		return a, true
	case w.Limited:
		return told(object{"result": "error", "code": 20024, "desc": "too frequent", "data": object{"wt": 60}}), true
	case w.Expired:
		return plain(http.StatusUnauthorized, 3, "auth error"), api
	case w.Stale:
		return reply{kind: typeJSON, body: marshal(expiredSoftly())}, api
	}
	return reply{}, false
}

// expiredSoftly is what the API says of a token that ended, with code 0.
func expiredSoftly() object { return object{"code": 0, "message": "SERVICETOKEN_EXPIRED"} }

// cut sends half an answer and ends the connection.
func cut(w http.ResponseWriter, a reply) {
	a.header = append(a.header, [2]string{"Content-Length", "1000000"})
	a.body = a.body[:len(a.body)/2]
	a.write(w)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// answer finds who answers.
func (s *Server) answer(v *visit, api bool) reply {
	if v.path == "/lp/s" {
		return s.poll(v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if api {
		return s.serveAPI(v)
	}
	if v.path == "/sts" {
		return s.serviceToken(v)
	}
	if isXiaomi(v.host) && v.host != accountHost {
		return missing()
	}
	return s.serveAccount(v)
}

// serveAccount answers account.xiaomi.com. It needs s.mu.
func (s *Server) serveAccount(v *visit) reply {
	post := v.Method == http.MethodPost
	switch v.URL.Path {
	case "/pass/serviceLogin":
		return s.serviceLogin(v)
	case "/pass/serviceLoginAuth2":
		if post {
			return s.passwordLogin(v)
		}
	case "/pass/getCode":
		return s.picture()
	case "/pass/qr":
		return scanPicture(v)
	case "/longPolling/loginUrl":
		return s.offerScan(v)
	case "/pass/serviceLoginAuth2/end":
		return s.endCheck(v)
	}
	if strings.Contains(v.URL.Path, "/identity/") || strings.HasPrefix(v.URL.Path, "/fe/") {
		return s.serveIdentity(v, post)
	}
	return missing()
}

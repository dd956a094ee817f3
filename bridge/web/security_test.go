package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	password  = mi.Secret("correct horse battery")
	token     = mi.Secret("0123456789abcdefghij")
	elsewhere = "192.168.1.77:50000"
)

func locked(o *Options) { o.Password, o.Token = password, token }

// unlock gives the password and returns the session's cookie.
func unlock(t *testing.T, s *Server) *http.Cookie {
	t.Helper()
	w := asked{method: "POST", path: "/unlock", from: elsewhere, form: url.Values{"form": {formOf(s)}, "password": {password.Reveal()}}.Encode()}.of(s)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("the right password gives %d and %d cookies: %s", w.Code, len(cookies), w.Body)
	}
	return cookies[0]
}

func TestPasswordOpensThePagesForOthers(t *testing.T) {
	s := serve(t, newHouse(5), locked)
	for _, path := range []string{"/", "/devices", "/devices/" + purifier, "/logs", "/settings", "/about/report", "/nothing"} {
		w := asked{path: path, from: elsewhere}.of(s)
		if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.Contains(to, "unlock") || strings.HasPrefix(to, "/") {
			t.Errorf("%s from elsewhere gives %d to %q", path, w.Code, to)
		}
		if (asked{path: path}.of(s)).Code == http.StatusSeeOther {
			t.Errorf("%s asks for the password on this machine", path)
		}
	}
	for _, path := range []string{"/api/v1/status", "/api/v1/events", "/metrics"} {
		if w := (asked{path: path, from: elsewhere}.of(s)); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"code":"locked"`) {
			t.Errorf("%s from elsewhere gives %d %s", path, w.Code, w.Body)
		}
	}
	if w := (asked{path: "/metrics", from: elsewhere, header: map[string]string{"Authorization": "Bearer " + token.Reveal()}}.of(s)); w.Code != http.StatusOK {
		t.Errorf("the token opens nothing: %d", w.Code)
	}
	session := unlock(t, s)
	if w := (asked{path: "/devices", from: elsewhere, cookies: []*http.Cookie{session}}.of(s)); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Air Purifier") {
		t.Errorf("the session shows %d", w.Code)
	}
	if w := (asked{path: "/devices", from: elsewhere, header: map[string]string{"X-Forwarded-For": "127.0.0.1"}}.of(s)); w.Code != http.StatusSeeOther {
		t.Errorf("a forwarded address opens the pages: %d", w.Code)
	}
}

func TestPagesAreShutWithoutAPassword(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	w := asked{path: "/devices", from: elsewhere}.of(s)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "MIHOME2MQTT_WEB_PASSWORD") || strings.Contains(w.Body.String(), "Air Purifier") {
		t.Errorf("without a password somebody elsewhere gets %d: %s", w.Code, w.Body)
	}
	empty := asked{method: "POST", path: "/unlock", from: elsewhere, form: url.Values{"form": {formOf(s)}, "password": {""}}.Encode()}.of(s)
	if len(empty.Result().Cookies()) != 0 {
		t.Error("an empty password opens a session where none is set")
	}
	if w := (asked{path: "/api/v1/status", from: elsewhere, header: map[string]string{"Authorization": "Bearer "}}.of(s)); w.Code != http.StatusUnauthorized {
		t.Errorf("an empty token opens the API: %d", w.Code)
	}
	// A proxy on this machine passes on what others ask for.
	if w := (asked{path: "/devices", header: map[string]string{"X-Forwarded-For": "203.0.113.9"}}.of(s)); w.Code != http.StatusForbidden {
		t.Errorf("behind a proxy on this machine everybody gets %d", w.Code)
	}
}

func TestSessionCookieIsStrict(t *testing.T) {
	s := serve(t, newHouse(5), locked)
	c := unlock(t, s)
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "" || c.MaxAge != 7*24*3600 {
		t.Errorf("cookie %+v", c)
	}
	if strings.Contains(c.Value, password.Reveal()) || len(strings.Split(c.Value, ".")[0]) < 22 {
		t.Errorf("the session's id has fewer than 128 bits: %s", c.Value)
	}
	w := asked{method: "POST", path: "/unlock", from: elsewhere, header: map[string]string{"X-Forwarded-Proto": "https"}, form: url.Values{"form": {formOf(s)}, "password": {password.Reveal()}}.Encode()}.of(s)
	if cookies := w.Result().Cookies(); len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("over TLS the cookie is %+v", cookies)
	}
}

func TestSessionsEnd(t *testing.T) {
	kept := &memory{all: map[string]any{}}
	now := noon
	open := func(p mi.Secret) *Server {
		return serve(t, newHouse(5), func(o *Options) { o.Password, o.Memory, o.World.Now = p, kept, func() time.Time { return now } })
	}
	s := open(password)
	session := unlock(t, s)
	works := func(s *Server, c *http.Cookie) bool {
		return asked{path: "/devices", from: elsewhere, cookies: []*http.Cookie{c}}.of(s).Code == http.StatusOK
	}
	if !works(open(password), session) {
		t.Error("a session does not outlive a restart")
	}
	if works(open("another password 1"), session) {
		t.Error("a session outlives another password")
	}
	forged := *session
	forged.Value = strings.Replace(session.Value, ".", ".9", 1)
	if works(s, &forged) {
		t.Error("a session can be prolonged by its owner")
	}
	now = noon.Add(8 * 24 * time.Hour)
	if works(s, session) {
		t.Error("a session lasts longer than a week")
	}
	now = noon
	form := s.keys.form(strings.Split(session.Value, ".")[0])
	if w := (asked{method: "POST", path: "/lock", from: elsewhere, form: "form=" + form, cookies: []*http.Cookie{session}}.of(s)); w.Code != http.StatusSeeOther {
		t.Errorf("lock gives %d", w.Code)
	}
	if works(s, session) {
		t.Error("a session outlives the press on Lock")
	}
}

func TestPasswordTriesAreLimited(t *testing.T) {
	s := serve(t, newHouse(5), locked)
	try := func(from, word string) *httptest.ResponseRecorder {
		return asked{method: "POST", path: "/unlock", from: from, form: url.Values{"form": {formOf(s)}, "password": {word}}.Encode()}.of(s)
	}
	codes := map[int]int{}
	for range 10 {
		codes[try(elsewhere, "wrong wrong wrong").Code]++
	}
	if codes[http.StatusForbidden] != 5 || codes[http.StatusTooManyRequests] != 5 {
		t.Errorf("ten wrong passwords from one address give %v", codes)
	}
	w := try(elsewhere, password.Reveal())
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "Next try in") {
		t.Errorf("too many tries, then the right one: %d", w.Code)
	}
	for i := range 40 {
		codes[try(fmt.Sprintf("192.168.2.%d:1", i), "wrong wrong wrong").Code]++
	}
	if codes[http.StatusForbidden] != 20 {
		t.Errorf("of 50 wrong passwords from 41 addresses %d were judged", codes[http.StatusForbidden])
	}
}

func TestOrdersComeFromOurPages(t *testing.T) {
	h := newHouse(5)
	s := serve(t, h, func(o *Options) { o.Token = token })
	path := "/devices/" + purifier + "/refresh"
	good := "form=" + formOf(s)
	for _, tc := range []struct {
		name   string
		form   string
		header map[string]string
		want   int
	}{
		{"our page", good, map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusSeeOther},
		{"typed in", good, map[string]string{"Sec-Fetch-Site": "none"}, http.StatusSeeOther},
		{"an old browser", good, nil, http.StatusSeeOther},
		{"a proxy that changed the name", good, map[string]string{"Origin": "http://homeassistant.local:8123"}, http.StatusSeeOther},
		{"a foreign page", good, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}, http.StatusForbidden},
		{"a page of the same site", good, map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		{"no token", "a=b", map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusForbidden},
		{"nothing at all", "a=b", nil, http.StatusForbidden},
		{"a token of somebody else", "form=" + s.keys.form("another session"), nil, http.StatusForbidden},
		{"a program", "a=b", map[string]string{"Authorization": "Bearer " + token.Reveal()}, http.StatusSeeOther},
		{"a program with a wrong token", "a=b", map[string]string{"Authorization": "Bearer x" + token.Reveal()}, http.StatusForbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := h.done()
			w := asked{method: "POST", path: path, form: tc.form, header: tc.header}.of(s)
			if w.Code != tc.want {
				t.Errorf("got %d, want %d", w.Code, tc.want)
			}
			if acted := h.done() != before; acted != (tc.want == http.StatusSeeOther) {
				t.Errorf("acted: %v", acted)
			}
		})
	}
}

func TestNothingChangesByLooking(t *testing.T) {
	h := newHouse(5)
	s := serve(t, h, nil)
	for _, path := range []string{"/devices/" + purifier + "/set?key=fan_2/state&value=OFF", "/devices/" + purifier + "/refresh", "/problems/check", "/settings/restart", "/lock", "/api/v1/devices/" + purifier + "/set"} {
		if w := (asked{path: path + ""}.of(s)); w.Code < http.StatusBadRequest {
			t.Errorf("GET %s gives %d", path, w.Code)
		}
	}
	if got := h.done(); got != "" {
		t.Errorf("looking did %s", got)
	}
}

func TestForeignHostIsRefused(t *testing.T) {
	s := serve(t, newHouse(5), func(o *Options) { o.Hosts = []string{"mihome.example.org"} })
	for host, want := range map[string]int{
		"127.0.0.1:8099": http.StatusOK, "[::1]:8099": http.StatusOK, "192.168.1.5": http.StatusOK, "localhost:8099": http.StatusOK, "nas:8099": http.StatusOK,
		"NAS.local": http.StatusOK, "mihome.example.org": http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "evil.example:8099": http.StatusMisdirectedRequest, "nas.evil.example": http.StatusMisdirectedRequest,
		"localhost.evil.example": http.StatusMisdirectedRequest, "127.0.0.1.evil.example": http.StatusMisdirectedRequest, "printer.local": http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"/devices", "/api/v1/status", "/healthz", "/unlock"} {
			if path == "/unlock" && want == http.StatusOK {
				continue
			}
			if w := (asked{path: path, host: host}.of(s)); w.Code != want {
				t.Errorf("%s%s gives %d, want %d", host, path, w.Code, want)
			}
		}
	}
	if w := (asked{path: "/api/v1/events", host: "evil.example"}.of(s)); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("live events by a foreign name: %d", w.Code)
	}
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	s := serve(t, newHouse(5), locked)
	for _, a := range []asked{{path: "/"}, {path: "/devices"}, {path: "/nothing"}, {path: "/devices", from: elsewhere}, {path: "/unlock", from: elsewhere}, {path: "/api/v1/status"}, {path: "/healthz"}, {path: "/devices", host: "evil.example"}} {
		h := a.of(s).Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'self'") || !strings.Contains(csp, "base-uri 'none'") {
			t.Errorf("%s: policy %q", a.path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", a.path, h)
		}
	}
	for name, f := range s.assets {
		w := asked{path: "/asset/" + f.address, from: elsewhere}.of(s)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %q", name, w.Code, w.Header().Get("Cache-Control"))
		}
	}
}

func TestHostileNamesStayText(t *testing.T) {
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>{{.}}`
	h := newHouse(5)
	h.devices[1].Name, h.devices[1].Room, h.devices[1].Model, h.devices[1].Trouble = evil, evil, evil, evil
	h.mode = evil
	h.problems = []Problem{{ID: "net.none", Device: purifier, Severity: Broken, Text: evil, Proof: evil, ToDo: evil}}
	s := serve(t, h, nil)
	s.Logged(3, []byte(`{"level":"error","device":"`+purifier+`","message":"<script>alert(3)</script>"}`))
	for _, path := range []string{"/", "/devices", "/devices?q=" + url.QueryEscape(evil), "/devices/" + purifier, "/routes", "/problems", "/logs", "/logs?q=" + url.QueryEscape(evil), "/about/report", "/unlock?to=" + url.QueryEscape(evil)} {
		body := asked{path: path}.of(s).Body.String()
		for _, bad := range []string{"<script>alert", "<img src=x", `="'><`} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
	}
	live := string(s.hub.make(map[string]map[string]bool{purifier: {"fan_2": true}}, map[string]bool{})[0].data)
	if strings.Contains(live, "<script>") || strings.Contains(live, "\n") {
		t.Errorf("live event %s", live)
	}
}

func TestIngressIsTrustedByAddressOnly(t *testing.T) {
	supervisor := netip.MustParseAddr("172.30.32.2")
	inside := map[string]string{"X-Ingress-Path": "/api/hassio_ingress/abc", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "ha.example.org", "X-Remote-User-Name": "anna"}
	with := serve(t, newHouse(5), func(o *Options) { o.Ingress = supervisor; o.Password = password })
	if w := (asked{path: "/devices", from: "172.30.32.2:5000", host: "ha.example.org", header: inside}.of(with)); w.Code != http.StatusOK || len(w.Result().Cookies()) != 0 {
		t.Errorf("ingress gets %d with %d cookies", w.Code, len(w.Result().Cookies()))
	}
	for _, from := range []string{"172.30.33.5:5000", "172.30.32.1:5000", elsewhere} {
		if w := (asked{path: "/devices", from: from, header: inside}.of(with)); w.Code != http.StatusSeeOther {
			t.Errorf("from %s with ingress's headers: %d", from, w.Code)
		}
	}
	without := serve(t, newHouse(5), nil)
	if w := (asked{path: "/devices", from: "172.30.32.2:5000", header: inside}.of(without)); w.Code != http.StatusForbidden {
		t.Errorf("that address without the app: %d", w.Code)
	}
	post := asked{method: "POST", path: "/devices/" + purifier + "/refresh", from: "172.30.32.2:5000", host: "ha.example.org", header: inside, form: "form=" + formOf(with)}
	if w := post.of(with); w.Code != http.StatusSeeOther {
		t.Errorf("an order through ingress: %d", w.Code)
	}
}

func TestMetricsShowNoNames(t *testing.T) {
	h := newHouse(40)
	for i := range h.devices {
		h.devices[i].Name, h.devices[i].Room = fmt.Sprintf("secretname%d", i), "secretroom"
	}
	s := serve(t, h, locked)
	for _, path := range []string{"/metrics", "/healthz"} {
		body := asked{path: path}.of(s).Body.String()
		for _, d := range h.devices {
			for _, word := range []string{d.Name, d.Room, d.DID, d.Address, d.Model} {
				if strings.Contains(body, word) {
					t.Errorf("%s shows %s", path, word)
				}
			}
		}
	}
	if w := (asked{path: "/healthz", from: elsewhere}.of(s)); w.Code != http.StatusOK {
		t.Errorf("health from elsewhere: %d", w.Code)
	}
}

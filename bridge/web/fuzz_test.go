package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequest asks for anything in any way: nothing panics, nothing is a mistake of
// ours, and who has no right sees and does nothing.
func FuzzRequest(f *testing.F) {
	for _, path := range shown {
		f.Add("GET", path, "", "", "192.168.1.77:1")
	}
	f.Add("POST", "/devices/460000001/set", "form=x&key=fan_2/state&value=ON", "mihome2mqtt=a.9999999999.b", "192.168.1.77:1")
	f.Add("POST", "/api/v1/devices/460000001/set", `{"2.4":1}`, "", "127.0.0.1:1")
	f.Add("GET", "/api/v1/changes?since=a-1&topics=devices&did=1", "", "lang=xx; theme=yy", "127.0.0.1:1")
	f.Add("GET", "/unlock?to=//evil.example", "", "", "192.168.1.77:1")
	f.Fuzz(func(t *testing.T, method, path, body, cookie, from string) {
		if _, err := url.ParseRequestURI(path); err != nil || !strings.HasPrefix(path, "/") || strings.Contains(path, "/events") || method == "" || strings.ContainsAny(method, " \r\n\t/:") {
			t.Skip()
		}
		r, err := http.NewRequest(method, "http://127.0.0.1:8099"+path, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		h := newHouse(5)
		s := serve(t, h, func(o *Options) { locked(o); o.Accounts = &desk{} })
		r.RemoteAddr = from
		r.Header.Set("Cookie", cookie)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code == 0 {
			t.Errorf("%s %s gives %d", method, path, w.Code)
		}
		if h.done() != "" {
			t.Errorf("%s %s did %s", method, path, h.done())
		}
		if !peer(r).IsLoopback() && strings.Contains(w.Body.String(), "Air Purifier") {
			t.Errorf("%s %s from %s shows devices", method, path, from)
		}
		if to := w.Header().Get("Location"); strings.HasPrefix(to, "/") || strings.Contains(to, "//") {
			t.Errorf("%s %s leads to %s", method, path, to)
		}
	})
}

//go:build browser

package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// scene is one page in one state.
type scene struct {
	name, path string
	server     *Server
	from       string            // peer that looks; "" is this machine
	deaf       bool              // nothing live comes through
	then       []chromedp.Action // to get there
}

// open serves the scene and returns its address.
func (sc *scene) open(t *testing.T) string {
	t.Helper()
	handler := sc.server.Handler()
	return front(t, sc.server, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sc.from != "" {
			r.RemoteAddr = sc.from + ":40000"
		}
		if sc.deaf && (strings.HasSuffix(r.URL.Path, "/events") || strings.HasSuffix(r.URL.Path, "/changes")) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		http.StripPrefix("/a/b", handler).ServeHTTP(w, r)
	})) + "/a/b/" + sc.path
}

func scenes(t *testing.T) []scene {
	t.Helper()
	all := homeScenes(t)
	for _, name := range sortedKeys(steps()) {
		one := serve(t, newHouse(5), func(o *Options) { o.Accounts = &desk{at: steps()[name]} })
		all = append(all, scene{name: "login-" + name, path: "login", server: one})
	}
	return append(all, doorScenes(t)...)
}

// homeScenes are the pages of a home that is well, of one in trouble, and of none.
func homeScenes(t *testing.T) []scene {
	t.Helper()
	normal := newHouse(12)
	normal.problems = troubles(normal)
	s := serve(t, normal, func(o *Options) { o.Accounts = &desk{accounts: []Account{account()}} })
	for i, level := range []string{"info", "debug", "warn", "error"} {
		s.Logged(0, fmt.Appendf(nil, `{"level":%q,"time":"2026-11-24T11:5%d:00Z","device":"460000001","message":"device offline","retry":%d}`, level, i, i))
	}
	quiet, failing := serve(t, newHouse(1), nil), newHouse(5)
	failing.fails = fmt.Errorf("no answer")
	first := serve(t, &house{}, func(o *Options) { o.Bridge = strangers{newHouse(0)} })
	lost := []chromedp.Action{chromedp.Poll(`document.querySelector("#live").dataset.state === "lost"`, nil)}
	unfold := []chromedp.Action{chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil)}
	remove := []chromedp.Action{chromedp.Click(`form[action$="/remove"] button`, chromedp.ByQuery), chromedp.WaitVisible(`form[action="remove"] .primary`, chromedp.ByQuery)}
	list := []chromedp.Action{
		chromedp.SendKeys("#list", "460000099, 00112233445566778899aabbccddeeff"), chromedp.Click(`form[action$="import"] button`, chromedp.ByQuery), chromedp.WaitVisible(`ul.rows`, chromedp.ByQuery),
	}
	return []scene{
		{name: "overview", server: s}, {name: "overview-quiet", server: quiet}, {name: "overview-lost", server: s, deaf: true, then: lost}, {name: "first", server: first},
		{name: "devices", path: "devices", server: s}, {name: "devices-none", path: "devices?q=xyz", server: s}, {name: "devices-empty", path: "devices", server: serve(t, newHouse(0), nil)},
		{name: "device", path: "devices/" + purifier, server: s}, {name: "device-whole", path: "devices/" + purifier, server: s, then: unfold},
		{name: "device-failed", path: "devices/" + purifier, server: serve(t, failing, nil)}, {name: "device-silent", path: "devices/460000002", server: s},
		{name: "device-remove", path: "devices/" + purifier, server: s, then: remove}, {name: "device-report", path: "devices/" + purifier + "/report", server: s},
		{name: "routes", path: "routes", server: s}, {name: "problems", path: "problems", server: s}, {name: "problems-asked", path: "problems?asked", server: s}, {name: "problems-none", path: "problems", server: quiet},
		{name: "logs", path: "logs", server: s}, {name: "logs-empty", path: "logs", server: quiet}, {name: "logs-device", path: "logs?did=" + purifier, server: s},
		{name: "settings", path: "settings", server: s}, {name: "more", path: "more", server: s}, {name: "about", path: "about", server: s}, {name: "report", path: "about/report", server: s}, {name: "missing", path: "nothing", server: s},
		{name: "login-account", path: "login", server: s}, {name: "login-missing", path: "login", server: quiet}, {name: "login-list", path: "login?list", server: s}, {name: "imported", path: "login?list", server: s, then: list},
	}
}

// troubles are a problem of each severity.
func troubles(h *house) []Problem {
	return []Problem{
		{
			ID: "net.foreign_subnet", Device: h.devices[2].ID, Severity: Broken, Text: "Balcony Camera answers a ping, but not the bridge. It is at 192.168.30.17, the bridge at 192.168.1.5.",
			Proof: "ping answered at 10:02:11, hello not, 6 tries", ToDo: "Give the bridge an address in 192.168.30.0/24, or let your router translate (masquerade).", Since: noon.Add(-3 * time.Hour),
		},
		{ID: "account.expiring", Severity: Warn, Text: "Your Xiaomi sign-in ends soon.", ToDo: "Sign in again."},
		{ID: "token.missing", Device: h.devices[3].ID, Severity: Note, Text: "Kettle was found, but its key is missing."},
	}
}

// doorScenes are what somebody from outside sees.
func doorScenes(t *testing.T) []scene {
	t.Helper()
	const stranger = "192.0.2.7"
	shut, door := serve(t, newHouse(1), nil), serve(t, newHouse(1), locked)
	typed := chromedp.SendKeys("#password", "not the password\r")
	said := chromedp.WaitVisible("#why", chromedp.ByQuery)
	return []scene{
		{name: "shut", server: shut, from: stranger}, {name: "unlock", path: "unlock", server: door, from: stranger}, {name: "unlock-lost", path: "unlock?opened", server: door, from: stranger},
		{name: "unlock-wrong", path: "unlock", server: door, from: stranger, then: []chromedp.Action{typed, said}},
	}
}

//go:build browser

package web

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// behind serves s as Home Assistant's ingress does over plain http: the prefix is
// taken off, the name is another one, browsers do not say where an order comes from.
// held paths get no answer, as behind a proxy that holds back streams.
func behind(t *testing.T, s *Server, held string) string {
	t.Helper()
	go s.hub.run(t.Context())
	back := httptest.NewServer(s.Handler())
	target, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "/api/hassio_ingress/abc"
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = "supervisor.internal"
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, prefix)
		for _, name := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User"} {
			r.Out.Header.Del(name)
		}
		r.Out.Header.Set("X-Ingress-Path", prefix)
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if held != "" && strings.HasSuffix(r.URL.Path, held) {
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.hub.drop()
		for _, one := range []*httptest.Server{front, back} {
			one.CloseClientConnections()
			one.Close()
		}
	})
	return front.URL + prefix + "/"
}

func insideHomeAssistant(o *Options) {
	o.Ingress, o.Password = netip.MustParseAddr("127.0.0.1"), password
}

func TestBrowserWorksInsideHomeAssistant(t *testing.T) {
	ctx := browser(t)
	h := newHouse(5)
	root := behind(t, serve(t, h, insideHomeAssistant), "")
	var where string
	err := chromedp.Run(ctx, chromedp.Navigate(root), chromedp.Click(`.nav a[href$="devices"]`, chromedp.ByQuery), chromedp.WaitVisible(`tr[data-did]`, chromedp.ByQuery),
		chromedp.Click(`tr[data-did="`+purifier+`"] a`, chromedp.ByQuery), chromedp.WaitVisible(`form[data-control]`, chromedp.ByQuery),
		chromedp.Poll(`document.querySelector("#live").dataset.state === "live"`, nil),
		chromedp.Click(`form[data-control$="fan_2/state"] [role=switch]`, chromedp.ByQuery),
		chromedp.Poll(`document.querySelector("#said").textContent.includes("Done")`, nil), chromedp.Location(&where))
	if err != nil || h.done() != "set 460000001 fan_2/state OFF" || !strings.HasSuffix(where, "/api/hassio_ingress/abc/devices/"+purifier) {
		t.Errorf("%v: at %s, did %q", err, where, h.done())
	}
}

func TestBrowserAsksWhereStreamsAreHeldBack(t *testing.T) {
	ctx := browser(t)
	h := newHouse(5)
	s := serve(t, h, insideHomeAssistant)
	root := behind(t, s, "/events")
	err := chromedp.Run(ctx, chromedp.Navigate(root+"devices/"+purifier), chromedp.Poll(`document.querySelector("#live").dataset.state === "live"`, nil))
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.mode = "Favourite"
	h.mu.Unlock()
	s.Changed(purifier, []string{"fan_2"})
	err = chromedp.Run(ctx, chromedp.Poll(`document.querySelector('form[data-control$="fan_2/preset_mode"] select').value === "Favourite"`, nil))
	if err != nil {
		t.Error(err)
	}
}

// TestBrowserGivesOrdersByKeyboard reaches the first control by the Tab key alone.
func TestBrowserGivesOrdersByKeyboard(t *testing.T) {
	ctx := browser(t)
	h := newHouse(5)
	root := at(t, serve(t, h, nil))
	err := chromedp.Run(ctx, chromedp.Navigate(root+"devices/"+purifier), chromedp.Poll(`document.querySelector("#live").dataset.state === "live"`, nil))
	for range 40 {
		var here bool
		if err == nil {
			err = chromedp.Run(ctx, chromedp.KeyEvent("\t"), chromedp.Evaluate(`document.activeElement.getAttribute("role") === "switch"`, &here))
		}
		if here {
			break
		}
	}
	if err == nil {
		err = chromedp.Run(ctx, chromedp.KeyEvent(" ", chromedp.KeyModifiers(input.ModifierNone)), chromedp.Poll(`document.querySelector("#said").textContent.includes("Done")`, nil))
	}
	if err != nil || h.done() != "set 460000001 fan_2/state OFF" {
		t.Errorf("%v: did %q", err, h.done())
	}
}

func TestBrowserSaysThatTheBridgeIsLost(t *testing.T) {
	ctx := browser(t)
	s := serve(t, newHouse(5), nil)
	go s.hub.run(t.Context())
	front := httptest.NewServer(s.Handler())
	err := chromedp.Run(ctx, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}),
		chromedp.Navigate(front.URL+"/devices"), chromedp.Poll(`document.querySelector("#live").dataset.state === "live"`, nil))
	s.hub.drop()
	front.CloseClientConnections()
	front.Close()
	var said string
	if err == nil {
		err = chromedp.Run(ctx, chromedp.Poll(`document.querySelector("#live").dataset.state === "lost"`, nil), chromedp.Text("#live", &said, chromedp.ByQuery))
	}
	if err != nil || !strings.Contains(said, "Trying again") && !strings.Contains(said, "Not live since") {
		t.Errorf("%v: says %q", err, said)
	}
}

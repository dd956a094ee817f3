//go:build browser

package pages_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
)

// ways are what may stand between browser and bridge.
var ways = []way{
	direct,
	{name: "prefix taken off", front: func(back string) (http.Handler, string) {
		return http.StripPrefix("/a/b", proxy(back, func(*httputil.ProxyRequest) {})), "/a/b"
	}},
	{name: "prefix kept", environ: []string{config.Prefix + "WEB_PREFIX=/a/b"}, front: func(back string) (http.Handler, string) {
		return proxy(back, func(*httputil.ProxyRequest) {}), "/a/b"
	}},
	{name: "another host", environ: []string{config.Prefix + "WEB_HOSTS=supervisor.internal"}, locked: true, front: ingress},
}

// mount puts what stands between browser and bridge in front of it, and returns the
// address of the first page.
func (d *desk) mount(w way) string {
	d.Helper()
	if w.front == nil {
		return d.local
	}
	handler, prefix := w.front(d.local)
	one := httptest.NewServer(handler)
	d.Cleanup(func() {
		one.CloseClientConnections()
		one.Close()
	})
	return one.URL + prefix + "/"
}

// proxy passes requests on; change may alter them.
func proxy(back string, change func(r *httputil.ProxyRequest)) http.Handler {
	target, err := url.Parse(strings.TrimSuffix(back, "/"))
	if err != nil {
		panic(err) // the test made it
	}
	return &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		change(r)
	}}
}

// ingress is a proxy like Home Assistant's over plain http: it takes a prefix off,
// calls the bridge by another name, and browsers do not tell it where an order comes
// from.
func ingress(back string) (http.Handler, string) {
	const prefix = "/api/hassio_ingress/abc"
	return proxy(back, func(r *httputil.ProxyRequest) {
		r.SetXForwarded()
		r.Out.Host = "supervisor.internal"
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, prefix)
		for name := range r.Out.Header {
			if strings.HasPrefix(name, "Sec-Fetch-") {
				r.Out.Header.Del(name)
			}
		}
		r.Out.Header.Set("X-Ingress-Path", prefix)
	}), prefix
}

// TestBrowserFromFirstRunToALANThatIsPulled is the whole story of a home, by each way to the
// pages: first run, sign-in, devices, an order, a device that the account does not
// know; then the LAN goes and comes back.
func TestBrowserFromFirstRunToALANThatIsPulled(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, w)
			plug := d.home.Infos()[0].DID
			d.moveIn(w.locked)
			d.switches(plug, "LAN")
			d.withoutScript(plug)
			problem := "hears " + d.typeIn()
			d.pull(plug, problem)
			d.giveBack(plug, problem)
		})
	}
}

// moveIn goes from the first page to the list of devices.
func (d *desk) moveIn(locked bool) {
	d.Helper()
	if locked {
		d.do("locked", d.page(""), says("This bridge has a password."), typed("#password", "not "+pagesPassword), says("Not right."))
		d.do("unlocked", typed("#password", pagesPassword), says("Three steps"))
	}
	d.do("first run", d.page(""), says("Three steps"), says("Inside the bridge"), says("2 devices were found"))
	d.shot("first")
	d.do("sign-in", press("Sign in with Xiaomi"), says("Sign in with one scan"), press("QR code"), says("Waiting for your phone"), holds(code))
	d.shot("code")
	d.confirm(cloud.User)
	d.do("devices", says("See my devices"), press("See my devices"), holds(`document.querySelectorAll("tr[data-did]").length > 5`))
	d.do("all is well", d.page(""), says("How they are reached"))
	d.shot("overview")
}

// chip is the route that the list of devices shows of one.
func chip(did string) string {
	return fmt.Sprintf(`document.querySelector('[data-route-of="%s"]').innerText.trim()`, did)
}

// switches presses the first switch of a device and expects it to be done by a route.
func (d *desk) switches(did, route string) {
	d.Helper()
	d.do("the page of "+did, d.page("devices/"+did), says("Online"), holds(`document.querySelector("#live").dataset.state === "live"`), chromedp.WaitVisible(lever, chromedp.ByQuery))
	var before string
	d.do("order by "+route, chromedp.Evaluate(state, &before), chromedp.Click(lever, chromedp.ByQuery), says("Done: Switch 1"), says(route+","), holds(state+` !== "`+before+`"`))
	if got := fmt.Sprint(d.home.Device(did).Prop(2, 1) == mi.Bool(true)); got == before {
		d.Errorf("by %s: the switch is still on: %s", route, got)
	}
}

// lever is the switch of the plug's page that is property 2.1, and state whether it
// is on.
const (
	lever = `form[data-control$="/switch_2/state"] [role=switch]`
	state = "document.querySelector('" + lever + "').getAttribute('aria-checked')"
)

// withoutScript reads and orders in a browser that runs none.
func (d *desk) withoutScript(did string) {
	d.Helper()
	on := d.home.Device(did).Prop(2, 1) == mi.Bool(true)
	d.do("no script", emulation.SetScriptExecutionDisabled(true), d.page("devices/"+did), chromedp.WaitVisible(fmt.Sprintf(`%s[aria-checked="%t"]`, lever, on), chromedp.ByQuery))
	d.do("order without script", chromedp.Click(lever, chromedp.ByQuery), chromedp.WaitVisible(fmt.Sprintf(`%s[aria-checked="%t"]`, lever, !on), chromedp.ByQuery))
	if d.home.Device(did).Prop(2, 1) != mi.Bool(!on) {
		d.Error("without script the device does not obey")
	}
	d.do("list without script", d.page("devices?q=plug"), chromedp.WaitVisible(`tr[data-did]`, chromedp.ByQuery), emulation.SetScriptExecutionDisabled(false))
}

// typeIn gives the bridge a device that the account does not know, and returns its
// name.
func (d *desk) typeIn() string {
	d.Helper()
	one := d.shed.Infos()[0]
	line := fmt.Sprintf("%s/%s, %s, %s", one.DID, one.Addr, one.Token.Reveal(), one.Model)
	d.do("typed in", d.page("login?list"), typed("#list", line), says("One device is new."))
	var name string
	d.do("the new device", d.page("devices/"+one.DID), says("Online"), chromedp.TextContent("h1", &name, chromedp.ByQuery))
	d.do("by LAN", d.page("devices"), holds(chip(one.DID)+` === "LAN"`))
	return name
}

// pull takes the LAN away: orders go by the cloud, and the device that only the LAN
// reaches is a problem, in words.
func (d *desk) pull(plug, problem string) {
	d.Helper()
	d.do("before", d.page("devices"), holds(chip(plug)+` === "LAN"`))
	offline := "mihome2mqtt/" + plug + "/availability offline"
	before := d.heard("topics", offline)
	d.lan.pulled.Store(true)
	d.switches(plug, "Cloud")
	d.do("list with the LAN pulled", d.page("devices"), holds(chip(plug)+` === "Cloud"`))
	d.until("the entity says cloud", func() bool { return d.heard("topics", "mihome2mqtt/"+plug+"/connection cloud") > 0 })
	d.do("problem", d.page("problems"), says(problem), says("Look at the device"))
	d.shot("pulled")
	d.do("overview", d.page(""), says("needs you"))
	d.shot("pulled-overview")
	if d.heard("topics", offline) != before {
		d.Error("the plug was offline in between")
	}
}

// tryAgain presses the button of a problem, if it has not vanished by itself.
func (d *desk) tryAgain(ctx context.Context, problem string) error {
	button := fmt.Sprintf(`[...document.querySelectorAll("article")].filter(a => a.innerText.includes(%q)).flatMap(a => [...a.querySelectorAll("button")])`, problem)
	var there bool
	if err := chromedp.Evaluate(button+`.map(b => b.click()).length > 0`, &there).Do(ctx); err != nil || !there {
		return err
	}
	return says("Online").Do(ctx)
}

// giveBack puts the LAN back: within a minute it serves again, and nothing is wrong.
func (d *desk) giveBack(plug, problem string) {
	d.Helper()
	d.do("the list, live", d.page("devices"), holds(`document.querySelector("#live").dataset.state === "live"`))
	d.lan.pulled.Store(false)
	d.do("LAN again", holds(chip(plug)+` === "LAN"`))
	d.do("try again", d.page("problems"), chromedp.ActionFunc(func(ctx context.Context) error { return d.tryAgain(ctx, problem) }))
	d.do("no problem left", d.page("problems"), unsaid(problem))
	d.switches(plug, "LAN")
}

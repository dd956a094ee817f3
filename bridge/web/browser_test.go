//go:build browser

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Browser tests run with `go test -tags browser ./bridge/web` when CHROMIUM names a
// browser. AXE names axe.min.js of axe-core 4.14.1; SHOTS a folder for pictures.

// browser starts a browser for a test; page time is real.
func browser(t *testing.T) context.Context {
	t.Helper()
	program := os.Getenv("CHROMIUM")
	if program == "" {
		t.Skip("CHROMIUM names no browser")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.Flag("lang", "en"))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// at serves s as a proxy that takes the prefix off does, and returns the address of
// its first page.
func at(t *testing.T, s *Server) string {
	t.Helper()
	go s.hub.run(t.Context())
	front := httptest.NewServer(http.StripPrefix("/a/b", s.Handler()))
	t.Cleanup(func() {
		s.hub.drop()
		front.CloseClientConnections()
		front.Close()
	})
	return front.URL + "/a/b/"
}

// scene is one page in one state.
type scene struct {
	name, path string
	server     *Server
}

func scenes(t *testing.T) []scene {
	normal := newHouse(12)
	normal.problems = []Problem{
		{
			ID: "net.foreign_subnet", Device: normal.devices[2].ID, Severity: Broken, Text: "Balcony Camera answers a ping, but not the bridge. It is at 192.168.30.17, the bridge at 192.168.1.5.",
			Proof: "ping answered at 10:02:11, hello not, 6 tries", ToDo: "Give the bridge an address in 192.168.30.0/24, or let your router translate (masquerade).", Since: noon.Add(-3 * time.Hour),
		},
		{ID: "account.expiring", Severity: Warn, Text: "Your Xiaomi sign-in ends soon.", ToDo: "Sign in again."},
		{ID: "token.missing", Device: normal.devices[3].ID, Severity: Note, Text: "Kettle was found, but its key is missing."},
	}
	d := &desk{accounts: []Account{account()}}
	s := serve(t, normal, func(o *Options) { o.Accounts = d })
	for i, level := range []string{"info", "debug", "warn", "error"} {
		s.Logged(0, fmt.Appendf(nil, `{"level":%q,"time":"2026-11-24T11:5%d:00Z","device":"460000001","message":"device offline","retry":%d}`, level, i, i))
	}
	quiet := serve(t, newHouse(1), nil)
	first := serve(t, &house{}, func(o *Options) { o.Bridge = strangers{newHouse(0)} })
	failing := newHouse(5)
	failing.fails = fmt.Errorf("no answer")
	all := []scene{
		{"overview", "", s}, {"overview-quiet", "", quiet}, {"first", "", first},
		{"devices", "devices", s}, {"devices-none", "devices?q=xyz", s}, {"devices-empty", "devices", serve(t, newHouse(0), nil)},
		{"device", "devices/" + purifier, s}, {"device-failed", "devices/" + purifier, serve(t, failing, nil)}, {"device-silent", "devices/460000002", s},
		{"routes", "routes", s}, {"problems", "problems", s}, {"problems-none", "problems", quiet}, {"logs", "logs", s}, {"logs-empty", "logs", quiet},
		{"settings", "settings", s}, {"more", "more", s}, {"about", "about", s}, {"report", "about/report", s}, {"missing", "nothing", s},
	}
	for _, name := range sortedKeys(steps()) {
		one := serve(t, newHouse(5), func(o *Options) { o.Accounts = &desk{at: steps()[name]} })
		all = append(all, scene{"login-" + name, "login", one})
	}
	return append(all, scene{"login-account", "login", s}, scene{"login-missing", "login", quiet})
}

const axeRun = `axe.run(document, {runOnly: {type: "tag", values: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}}).then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.map(n => n.target.join(" ") + " " + (n.failureSummary || "")).slice(0, 3).join(" | "))))`

func TestEveryPageIsForEverybody(t *testing.T) {
	ctx := browser(t)
	axe, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Skip("AXE names no axe.min.js")
	}
	looks := 0
	for _, sc := range scenes(t) {
		root := at(t, sc.server)
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				name := fmt.Sprintf("%s-%d-%s", sc.name, width, scheme)
				found := look1(ctx, t, root+sc.path, width, scheme, string(axe), name)
				for _, f := range found {
					t.Errorf("%s: %s", name, f)
				}
				looks++
			}
		}
	}
	t.Logf("%d looks", looks)
}

// look1 opens a page and returns what is wrong with it.
func look1(ctx context.Context, t *testing.T, address string, width int64, scheme, axe, name string) (found []string) {
	t.Helper()
	height := int64(844)
	if width > 860 {
		height = 800
	}
	var wide, report string
	var shot []byte
	awaited := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	err := chromedp.Run(ctx,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.EmulateViewport(width, height),
		chromedp.Navigate(address),
		chromedp.Poll(`document.documentElement.classList.contains("js")`, nil),
		chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll")).slice(0, 3).map(e => e.tagName + "." + e.className).join(", ") || "wider" : ""`, &wide),
		chromedp.Evaluate(axe, nil),
		chromedp.Evaluate(axeRun, &report, awaited),
		chromedp.FullScreenshot(&shot, 100),
	)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if wide != "" {
		found = append(found, "it scrolls sideways: "+wide)
	}
	var violations []string
	if err := json.Unmarshal([]byte(report), &violations); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), shot, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return append(found, violations...)
}

func TestPagesWorkAtTheSmallest(t *testing.T) {
	ctx := browser(t)
	for _, sc := range scenes(t) {
		root := at(t, sc.server)
		var wide bool
		var small []string
		err := chromedp.Run(ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate(root+sc.path),
			chromedp.Poll(`document.documentElement.classList.contains("js")`, nil),
			chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &wide),
			chromedp.Evaluate(`[...document.querySelectorAll("button, select, input:not([type=hidden]), .nav a, .btn")].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 80))`, &small),
		)
		if err != nil || wide || len(small) > 0 {
			t.Errorf("%s: %v, sideways %v, too small %v", sc.name, err, wide, small)
		}
	}
}

// TestOrdersWorkInABrowser gives orders with script, and sees the page follow.
func TestOrdersWorkInABrowser(t *testing.T) {
	ctx := browser(t)
	h := newHouse(5)
	s := serve(t, h, nil)
	root := at(t, s)
	var state, word string
	errs := collectErrors(ctx)
	err := chromedp.Run(ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(root+"devices/"+purifier),
		chromedp.Poll(`document.querySelector("#live").dataset.state === "live"`, nil),
		chromedp.SetValue(`form[data-control$="fan_2/preset_mode"] select`, "Silent", chromedp.ByQuery),
		chromedp.Poll(`!document.querySelector(".busy")`, nil),
		chromedp.Click(`form[data-control$="fan_2/state"] [role=switch]`, chromedp.ByQuery),
		chromedp.Poll(`document.querySelector("#said").textContent.includes("Done")`, nil),
	)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.done(); got != "set 460000001 fan_2/preset_mode Silent; set 460000001 fan_2/state OFF" {
		t.Errorf("did %s", got)
	}
	h.mu.Lock()
	h.mode, h.devices[1].State, h.devices[1].Route = "Favourite", NoAnswer, ""
	h.mu.Unlock()
	s.Changed(purifier, []string{"fan_2"})
	s.Told(purifier)
	err = chromedp.Run(ctx, chromedp.Evaluate(`document.activeElement.blur()`, nil),
		chromedp.Poll(`document.querySelector('form[data-control$="fan_2/preset_mode"] select').value === "Favourite"`, nil),
		chromedp.Poll(`document.querySelector("[data-state-of]").classList.contains("is-bad")`, nil),
		chromedp.Text(`[data-state-of]`, &word, chromedp.ByQuery), chromedp.Evaluate(`document.querySelector("#live").dataset.state`, &state))
	if err != nil || strings.TrimSpace(word) != "No answer" || state != "live" {
		t.Errorf("%v: state %q, live %q", err, word, state)
	}
	if got := errs(); len(got) > 0 {
		t.Errorf("the browser complains: %v", got)
	}
}

// collectErrors hears what a page's console and policy complain about.
func collectErrors(ctx context.Context) func() []string {
	found := make(chan string, 100)
	chromedp.ListenTarget(ctx, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			found <- e.ExceptionDetails.Error()
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError {
				found <- fmt.Sprint(e.Args)
			}
		}
	})
	return func() (all []string) {
		for len(found) > 0 {
			all = append(all, <-found)
		}
		return all
	}
}

// TestOrdersWorkWithoutScript does the same with script switched off.
func TestOrdersWorkWithoutScript(t *testing.T) {
	ctx := browser(t)
	h := newHouse(5)
	root := at(t, serve(t, h, nil))
	var where string
	err := chromedp.Run(ctx, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(root+"devices/"+purifier),
		chromedp.SetValue(`form[data-control$="fan_2/preset_mode"] select`, "Silent", chromedp.ByQuery),
		chromedp.Click(`form[data-control$="fan_2/preset_mode"] button`, chromedp.ByQuery),
		chromedp.WaitVisible(`#order .note`, chromedp.ByQuery), chromedp.Location(&where),
	)
	if err != nil || !strings.HasSuffix(where, "/a/b/devices/"+purifier+"#order") || h.done() != "set 460000001 fan_2/preset_mode Silent" {
		t.Errorf("%v: at %s, did %s", err, where, h.done())
	}
}

// TestHostileNamesRunNothing shows names that are scripts.
func TestHostileNamesRunNothing(t *testing.T) {
	ctx := browser(t)
	const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
	h := newHouse(5)
	h.devices[1].Name, h.mode = evil, evil
	h.problems = []Problem{{ID: "net.none", Severity: Broken, Text: evil}}
	s := serve(t, h, nil)
	root := at(t, s)
	for _, page := range []string{"", "devices", "devices/" + purifier, "problems", "logs"} {
		var title string
		err := chromedp.Run(ctx, chromedp.Navigate(root+page), chromedp.Poll(`document.querySelector("#live").dataset.state !== undefined || !document.body.dataset.topics`, nil))
		s.Logged(3, []byte(`{"level":"error","message":"<img src=x onerror=\"document.title='owned'\">"}`))
		s.Changed(purifier, []string{"fan_2"})
		if err == nil {
			err = chromedp.Run(ctx, chromedp.Sleep(700*time.Millisecond), chromedp.Title(&title))
		}
		if err != nil || title == "owned" {
			t.Errorf("%s: %v, title %q", page, err, title)
		}
	}
}

//go:build browser

package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Browser tests run with `go test -tags browser -run Browser ./bridge/web` when CHROMIUM names a
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

// tab opens another tab of the browser.
func tab(ctx context.Context, t *testing.T) context.Context {
	t.Helper()
	ctx, stop := chromedp.NewContext(ctx)
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
	return front(t, s, http.StripPrefix("/a/b", s.Handler())) + "/a/b/"
}

// front serves a handler in front of s.
func front(t *testing.T, s *Server, h http.Handler) string {
	t.Helper()
	go s.hub.run(t.Context())
	one := httptest.NewServer(h)
	t.Cleanup(func() {
		s.hub.drop()
		one.CloseClientConnections()
		one.Close()
	})
	return one.URL
}

// TestBrowserGivesOrders gives orders with script, and sees the page follow.
func TestBrowserGivesOrders(t *testing.T) {
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

// TestBrowserGivesOrdersWithoutScript does the same with script switched off.
func TestBrowserGivesOrdersWithoutScript(t *testing.T) {
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

// TestBrowserRunsNoHostileNames shows names that are scripts.
func TestBrowserRunsNoHostileNames(t *testing.T) {
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

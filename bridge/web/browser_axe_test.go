//go:build browser

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const axeRun = `axe.run(document, {runOnly: {type: "tag", values: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}}).then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.map(n => n.target.join(" ") + " " + (n.failureSummary || "")).slice(0, 3).join(" | "))))`

const tooWide = `document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll")).slice(0, 3).map(e => e.tagName + "." + e.className).join(", ") || "wider" : ""`

// ready is the page with its script at work.
var ready = chromedp.Poll(`document.documentElement.classList.contains("js")`, nil)

// TestBrowserPagesAreForEverybody looks at each page in each state, on a phone and a
// desktop, in light and in dark, with axe-core's eyes.
func TestBrowserPagesAreForEverybody(t *testing.T) {
	ctx := browser(t)
	axe, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Skip("AXE names no axe.min.js")
	}
	all := make(chan scene)
	var tabs sync.WaitGroup
	for range 3 {
		one := tab(ctx, t)
		tabs.Go(func() {
			for sc := range all {
				visit(one, t, &sc, string(axe))
			}
		})
	}
	for _, sc := range scenes(t) {
		all <- sc
	}
	close(all)
	tabs.Wait()
}

// visit opens a scene and tells what is wrong with it in each size and colour.
func visit(ctx context.Context, t *testing.T, sc *scene, axe string) {
	to := append([]chromedp.Action{chromedp.EmulateViewport(390, 844), chromedp.Navigate(sc.open(t)), ready}, sc.then...)
	if err := chromedp.Run(ctx, append(to, ready, chromedp.Evaluate(axe, nil))...); err != nil {
		t.Errorf("%s: %v", sc.name, err)
		return
	}
	for _, size := range [][2]int64{{390, 844}, {1280, 800}} {
		for _, scheme := range []string{"light", "dark"} {
			name := fmt.Sprintf("%s-%d-%s", sc.name, size[0], scheme)
			for _, found := range inspect(ctx, t, size, scheme, name) {
				t.Errorf("%s: %s", name, found)
			}
		}
	}
}

// inspect returns what is wrong with the page that is open.
func inspect(ctx context.Context, t *testing.T, size [2]int64, scheme, name string) (found []string) {
	var wide, report string
	awaited := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	err := chromedp.Run(ctx,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.EmulateViewport(size[0], size[1]), chromedp.Evaluate(tooWide, &wide), chromedp.Evaluate(axeRun, &report, awaited),
	)
	if err == nil {
		err = json.Unmarshal([]byte(report), &found)
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if wide != "" {
		found = append(found, "it scrolls sideways: "+wide)
	}
	return append(found, shoot(ctx, name)...)
}

// shoot keeps a picture where SHOTS names a folder.
func shoot(ctx context.Context, name string) []string {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return nil
	}
	var shot []byte
	err := chromedp.Run(ctx, chromedp.FullScreenshot(&shot, 100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), shot, 0o600)
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

const tooSmall = `[...document.querySelectorAll("button, select, input:not([type=hidden]), .nav a, .btn")].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 80))`

// TestBrowserPagesWorkAtTheSmallest looks on the smallest screen, in each language: nothing
// sticks out, and a thumb hits what can be pressed.
func TestBrowserPagesWorkAtTheSmallest(t *testing.T) {
	ctx := browser(t)
	for _, sc := range scenes(t) {
		address := sc.open(t)
		for _, language := range []string{"en", "de", "zh"} {
			var wide string
			var small []string
			err := chromedp.Run(ctx, network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": language}), chromedp.EmulateViewport(320, 640),
				chromedp.Navigate(address), ready, chromedp.Evaluate(tooWide, &wide), chromedp.Evaluate(tooSmall, &small))
			if err != nil || wide != "" || len(small) > 0 {
				t.Errorf("%s in %s: %v, sideways %q, too small %v", sc.name, language, err, wide, small)
			}
		}
	}
}

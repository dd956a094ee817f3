package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// shown are all pages.
var shown = []string{
	"/", "/devices", "/devices?show=needs", "/devices?q=nothing+like+that", "/devices/" + purifier, "/routes", "/problems", "/problems?asked", "/logs", "/settings", "/more", "/about", "/about/report",
	"/devices/" + purifier + "/report", "/login", "/nothing",
}

func TestPagesAreWhole(t *testing.T) {
	h := newHouse(5)
	h.problems = []Problem{{ID: "net.none", Device: h.devices[2].ID, Severity: Broken, Text: "Lamp 2 does not answer.", Since: noon}, {ID: "config.open", Severity: Note, Text: "The pages are shut."}}
	s := serve(t, h, nil)
	s.Logged(1, []byte(`{"level":"info","time":"2026-11-24T11:59:00Z","message":"connected to the broker","broker":"inside"}`))
	for i, path := range slices.Concat(shown, shown, shown) {
		language := []string{"en", "de", "zh"}[i/len(shown)]
		w := asked{path: path, header: map[string]string{"Accept-Language": language + ",fr;q=0.5"}}.of(s)
		body := w.Body.String()
		if !strings.Contains(body, `<html lang="`+language+`"`) {
			t.Errorf("%s is not in the language %s", path, language)
		}
		want := http.StatusOK
		if path == "/nothing" {
			want = http.StatusNotFound
		}
		if w.Code != want || !strings.Contains(body, "</html>") || strings.Contains(body, "%!") || strings.Contains(body, "ZgotmplZ") {
			t.Errorf("%s gives %d: %s", path, w.Code, body)
		}
		if strings.Count(body, "<h1") != 1 {
			t.Errorf("%s has %d first headings", path, strings.Count(body, "<h1"))
		}
		if ids := doubled(body); len(ids) > 0 {
			t.Errorf("%s has ids twice: %v", path, ids)
		}
		if w.Body.Len() > 60<<10 {
			t.Errorf("%s takes %d bytes", path, w.Body.Len())
		}
	}
}

var idAttribute = regexp.MustCompile(` id="([^"]+)"`)

func doubled(body string) (ids []string) {
	seen := map[string]bool{}
	for _, m := range idAttribute.FindAllStringSubmatch(body, -1) {
		if seen[m[1]] {
			ids = append(ids, m[1])
		}
		seen[m[1]] = true
	}
	return ids
}

// address finds every address that a page refers to.
var address = regexp.MustCompile(`(?:href|src|action)="([^"#]*)`)

func TestPagesHoldUnderAnyPrefix(t *testing.T) {
	for _, prefix := range []string{"", "/a/b"} {
		s := serve(t, newHouse(5), func(o *Options) { o.Prefix = prefix })
		for _, page := range shown {
			body := asked{path: prefix + page}.of(s).Body.String()
			for _, m := range address.FindAllStringSubmatch(body, -1) {
				if strings.HasPrefix(m[1], "/") {
					t.Errorf("%s%s refers to %s", prefix, page, m[1])
				}
			}
		}
	}
	s := serve(t, newHouse(5), func(o *Options) { o.Prefix = "/a/b" })
	for from, to := range map[string]string{"/a/b": "b/", "/a/b/devices/": "../devices", "/devices/": "../devices"} {
		if w := (asked{path: from}.of(s)); w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
			t.Errorf("%s leads to %q (%d), want %q", from, w.Header().Get("Location"), w.Code, to)
		}
	}
	for _, odd := range []string{"//devices", "/devices/../settings", "/./", "/a/bc"} {
		if w := (asked{path: odd}.of(s)); w.Code != http.StatusNotFound || w.Header().Get("Location") != "" {
			t.Errorf("%s gives %d to %q", odd, w.Code, w.Header().Get("Location"))
		}
	}
}

// TestRedirectsAreRelative follows what a form leads to, as a browser behind a proxy
// that strips its prefix would.
func TestRedirectsAreRelative(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	form := "form=" + formOf(s)
	for _, tc := range []struct{ path, form, want string }{
		{"/devices/" + purifier + "/set", form + "&key=fan_2/state&value=OFF", "/p/devices/" + purifier},
		{"/devices/" + purifier + "/options", form + "&name=Anna", "/p/devices/" + purifier},
		{"/devices/" + purifier + "/remove", form + "&confirmed=yes", "/p/devices"},
		{"/problems/check", form, "/p/problems"},
		{"/look", form + "&theme=dark&lang=en", "/p/settings"},
		{"/settings/restart", form, "/p/"},
		{"/lock", form, "/p/unlock"},
	} {
		w := asked{method: "POST", path: tc.path, form: tc.form}.of(s)
		to, err := (&url.URL{Path: "/p" + tc.path}).Parse(w.Header().Get("Location"))
		if w.Code != http.StatusSeeOther || err != nil || to.Path != tc.want {
			t.Errorf("%s leads to %v (%d), want %s", tc.path, to, w.Code, tc.want)
		}
	}
}

func TestControlsGiveOrdersWithoutScript(t *testing.T) {
	h := newHouse(5)
	s := serve(t, h, nil)
	page := asked{path: "/devices/" + purifier}.of(s).Body.String()
	for _, want := range []string{`role="switch" name="value" value="OFF" aria-checked="true"`, `<option value="Silent">Silent</option>`, `type="range" name="value" min="1" max="100"`, `type="color" name="value" value="#ff0080"`, `value="UNLOCK"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	send := func(path string, fields ...string) int {
		v := url.Values{"form": {formOf(s)}}
		for i := 0; i < len(fields); i += 2 {
			v.Add(fields[i], fields[i+1])
		}
		return asked{method: "POST", path: "/devices/" + purifier + "/" + path, form: v.Encode()}.of(s).Code
	}
	send("set", "key", "fan_2/preset_mode", "value", "Silent")
	send("set", "key", "light_3/rgb", "value", "#0a10ff")
	send("call", "action", "6.1", "arg", "good morning")
	send("options", "name", "Anna", "room", "Attic", "reach", "local", "detail", "all", "asleep", "yes")
	send("options", "hidden", "yes")
	if code := send("set", "key", "lock_4/state", "value", "UNLOCK"); code != http.StatusOK {
		t.Errorf("unlocking gives %d, want the page that asks once more", code)
	}
	send("remove")
	want := "set 460000001 fan_2/preset_mode Silent; set 460000001 light_3/rgb 10,16,255; call 460000001 6.1 [good morning]; choose 460000001 Anna Attic local all asleep true; choose 460000001 hidden true"
	if got := h.done(); got != want {
		t.Errorf("did %s\nwant %s", got, want)
	}
	send("set", "key", "lock_4/state", "value", "UNLOCK", "confirmed", "yes")
	send("remove", "confirmed", "yes")
	if got := strings.TrimPrefix(h.done(), want); got != "; set 460000001 lock_4/state UNLOCK; remove 460000001" {
		t.Errorf("confirmed did %s", got)
	}
}

func TestListFindsSortsAndPages(t *testing.T) {
	s := serve(t, newHouse(250), nil)
	rows := regexp.MustCompile(`<tr data-did="(\d+)"`)
	list := func(query string) (ids []string, body string) {
		body = asked{path: "/devices" + query}.of(s).Body.String()
		for _, m := range rows.FindAllStringSubmatch(body, -1) {
			ids = append(ids, m[1])
		}
		return ids, body
	}
	first, body := list("")
	if len(first) != 100 || !strings.Contains(body, "1–100 of 250") || !strings.Contains(body, `href="devices?page=1"`) {
		t.Errorf("the first page has %d devices", len(first))
	}
	last, _ := list("?page=2")
	if len(last) != 50 || slices.Contains(first, last[0]) {
		t.Errorf("the last page has %d devices", len(last))
	}
	if beyond, _ := list("?page=99"); !slices.Equal(beyond, last) {
		t.Errorf("a page beyond the end has %d devices", len(beyond))
	}
	if found, _ := list("?q=PURIFIER+zhimi"); !slices.Equal(found, []string{purifier}) {
		t.Errorf("found %v", found)
	}
	if found, _ := list("?show=needs"); !slices.Equal(found, []string{"460000002"}) {
		t.Errorf("needs me: %v", found)
	}
	if found, _ := list("?show=asleep"); !slices.Equal(found, []string{"460000003"}) {
		t.Errorf("asleep: %v", found)
	}
	up, _ := list("?sort=seen&q=lamp")
	down, _ := list("?sort=-seen&q=lamp")
	if up[0] != "460000000" || down[0] != "460000249" {
		t.Errorf("by time the first are %s and %s", up[0], down[0])
	}
}

func TestLongPagesAreCut(t *testing.T) {
	h := newHouse(300)
	for _, d := range h.devices {
		h.problems = append(h.problems, Problem{ID: "net.none", Device: d.ID, Severity: Broken, Text: d.Name})
	}
	s := serve(t, h, func(o *Options) { o.Bridge = many{h} })
	for path, want := range map[string]string{"/routes": "200 more devices", "/problems": "200 more problems", "/": "297 more problems"} {
		if page := (asked{path: path}.of(s)).Body; !strings.Contains(page.String(), want) || page.Len() > 150<<10 {
			t.Errorf("%s has %d bytes and lacks %q", path, page.Len(), want)
		}
	}
}

// many is a house whose devices all come by one way.
type many struct{ *house }

func (m many) Routes() []Branch { return []Branch{{"lan", LAN, "LAN", "", m.Devices()}} }

// A list of ten thousand is one short page; BenchmarkListOfTenThousand has what it takes.
func TestTenThousandDevicesAreOneShortPage(t *testing.T) {
	s := serve(t, newHouse(10_000), nil)
	for _, path := range []string{"/devices", "/devices?q=lamp&sort=room"} {
		w := asked{path: path}.of(s)
		if w.Code != http.StatusOK || w.Body.Len() > 128<<10 {
			t.Errorf("%s: %d, %d bytes", path, w.Code, w.Body.Len())
		}
	}
}

func BenchmarkListOfTenThousand(b *testing.B) {
	s := serve(b, newHouse(10_000), nil)
	for b.Loop() {
		asked{path: "/devices?q=lamp&sort=room"}.of(s)
	}
}

func TestLogsKeepTheLastLinesAndFilter(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	for i := range maxLines + 10 {
		s.Logged(0, fmt.Appendf(nil, `{"level":"debug","message":"line %d"}`, i))
	}
	s.Logged(2, []byte(`{"level":"warn","time":"2026-11-24T11:00:00Z","device":"460000001","message":"device offline","password":"hunter2","retry":3}`))
	if n := len(s.lines.pick(1<<20, func(*Line) bool { return true })); n != maxLines {
		t.Errorf("%d lines are kept", n)
	}
	page := asked{path: "/logs?level=warn&did=460000001&q=OFFLINE"}.of(s).Body.String()
	if strings.Count(page, `class="line`) != 1 || !strings.Contains(page, "retry=3") {
		t.Errorf("the filter shows %d lines", strings.Count(page, `class="line`))
	}
	text := asked{path: "/logs/download?level=warn"}.of(s)
	if got := text.Body.String(); strings.Contains(got, "hunter2") || !strings.Contains(got, "2026-11-24T11:00:00Z WARN 460000001 device offline") {
		t.Errorf("download %q", got)
	}
	if !strings.Contains(text.Header().Get("Content-Disposition"), "attachment") {
		t.Error("the download is no file")
	}
}

func TestReportIsShownBeforeItLeaves(t *testing.T) {
	h := newHouse(5)
	h.report = "token hunter2"
	s := serve(t, h, nil)
	page := asked{path: "/devices/" + purifier + "/report"}.of(s).Body.String()
	if !strings.Contains(page, "token ••• of &#34;460000001&#34; with names false") || strings.Contains(page, "hunter2") {
		t.Errorf("page %s", page)
	}
	if got := (asked{path: "/devices/" + purifier + "/report?download&names"}.of(s)).Body.String(); got != `token ••• of "460000001" with names true` {
		t.Errorf("file %q", got)
	}
}

func TestALoudLogCalmsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(5)
		s := serve(t, h, func(o *Options) { o.LogLevel = "info" })
		for range 2 {
			asked{method: "POST", path: "/logs/level", form: "level=debug&form=" + formOf(s)}.of(s)
			time.Sleep(10 * time.Minute)
		}
		if got := h.done(); got != "level debug; level debug" {
			t.Errorf("after 20 minutes: %s", got)
		}
		time.Sleep(6 * time.Minute)
		if got := h.done(); got != "level debug; level debug; level info" {
			t.Errorf("after 26 minutes: %s", got)
		}
	})
}

func TestListsOfDevicesAreTakenIn(t *testing.T) {
	h := newHouse(5)
	s := serve(t, h, nil)
	w := asked{method: "POST", path: "/import", form: url.Values{"form": {formOf(s)}, "list": {"1/2, hunter2"}}.Encode()}.of(s)
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(body, "2 devices are new.") || !strings.Contains(body, "its did is not given") || strings.Contains(body, "hunter2") {
		t.Errorf("%d %s", w.Code, body)
	}
	if h.done() != "import 1/2, hunter2" {
		t.Errorf("did %s", h.done())
	}
}

func TestThemeAndLanguageAreKept(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	cookies := asked{method: "POST", path: "/look", form: "theme=dark&lang=de&form=" + formOf(s)}.of(s).Result().Cookies()
	page := asked{path: "/devices", cookies: cookies}.of(s).Body.String()
	if !strings.Contains(page, `<html lang="de">`) || !strings.Contains(page, `href="asset/dark-`) || strings.Contains(page, "prefers-color-scheme") || !strings.Contains(page, "Geräte") {
		t.Errorf("page %.300s", page)
	}
}

// TestAssetsAreSmall holds them to what a slow machine and an old phone like.
func TestAssetsAreSmall(t *testing.T) {
	all, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(all["app.css"].data) + len(all["dark.css"].data); n > 20<<10 {
		t.Errorf("the styles take %d bytes, more than 20 KiB", n)
	}
	if n := len(all["app.js"].data); n > 15<<10 {
		t.Errorf("the script takes %d bytes, more than 15 KiB", n)
	}
}

func TestFirstRunTellsThreeSteps(t *testing.T) {
	s := serve(t, &house{}, func(o *Options) { o.Bridge = strangers{newHouse(0)} })
	page := asked{path: "/"}.of(s).Body.String()
	for _, want := range []string{"Three steps", "core-mosquitto:1883", "its key is missing", `href="login"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the first page lacks %q", want)
		}
	}
}

// strangers is a house with one device that nobody has a key for, and no account.
type strangers struct{ *house }

func (strangers) Devices() []Device {
	return []Device{{ID: "1", DID: "1", Name: "Stranger", State: Unproven}}
}

func (s strangers) Overview() Overview {
	o := s.house.Overview()
	o.Connections = o.Connections[:2]
	return o
}

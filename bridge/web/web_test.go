package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
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

// TestTenThousandDevicesAreShownAtOnce holds the list to a limit that is wide, since
// tests run on busy machines: BenchmarkListOfTenThousand has the figure.
func TestTenThousandDevicesAreShownAtOnce(t *testing.T) {
	s := serve(t, newHouse(10_000), nil)
	best := time.Hour
	for range 5 {
		began := time.Now()
		if w := (asked{path: "/devices?q=lamp&sort=room"}.of(s)); w.Code != http.StatusOK {
			t.Fatal(w.Code)
		}
		best = min(best, time.Since(began))
	}
	if best > time.Second {
		t.Errorf("the list takes %v", best)
	}
}

func BenchmarkListOfTenThousand(b *testing.B) {
	s := serve(b, newHouse(10_000), nil)
	for b.Loop() {
		asked{path: "/devices?q=lamp&sort=room"}.of(s)
	}
}

// live opens a stream on a real connection.
func live(t *testing.T, s *Server, query string) *bufio.Reader {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	res, err := http.Get("http://" + l.Addr().String() + "/api/v1/events?" + query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		res.Body.Close()
	})
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("stream of %s", got)
	}
	return bufio.NewReader(res.Body)
}

// next returns the next event of a stream.
func next(t *testing.T, r *bufio.Reader) (name, data, id string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			return name, value, id
		}
	}
}

func TestEventsTellWhatChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(5)
	s := serve(t, h, nil)
	r := live(t, s, "topics=devices,problems,logs&did="+purifier)
	if name, data, _ := next(t, r); name != "hello" || !strings.Contains(data, `"version":"1.0.0"`) {
		t.Fatalf("begins with %s %s", name, data)
	}
	h.mu.Lock()
	h.mode = "Silent"
	h.mu.Unlock()
	s.Changed("460000004", []string{"fan_2"}) // nobody looks at it
	s.Changed(purifier, []string{"fan_2"})
	name, data, id := next(t, r)
	var v liveValue
	if err := json.Unmarshal([]byte(data), &v); err != nil || name != "value" || v.DID != purifier || v.Text != "Silent" || id == "" {
		t.Errorf("got %s %s (%v)", name, data, err)
	}
	if name, data, _ = next(t, r); name != "device" || !strings.Contains(data, `"main":"PM2.5 12 µg/m³"`) {
		t.Errorf("got %s %s", name, data)
	}
	s.Logged(2, []byte(`{"level":"warn","message":"device offline"}`))
	if name, data, _ = next(t, r); name != "log" || !strings.Contains(data, "device offline") {
		t.Errorf("got %s %s", name, data)
	}
	for name != "problem" { // the state of problems is compared every two seconds
		h.mu.Lock()
		h.problems = append(h.problems, Problem{ID: "net.none", Device: fmt.Sprint(len(h.problems)), Severity: Broken, Text: "Lamp 2 does not answer."})
		h.mu.Unlock()
		s.Told(purifier)
		name, data, _ = next(t, r)
	}
	if !strings.Contains(data, `"open":true`) || !strings.Contains(data, "Lamp 2") {
		t.Errorf("problem %s", data)
	}
}

func TestMissedEventsAreToldAsAGap(t *testing.T) {
	h := newHouse(5)
	s := serve(t, h, nil)
	want := wish{[]string{topicDevices}, []string{purifier}}
	mark := s.hub.lease(want.topics, want.dids)
	for range 3 {
		s.Changed(purifier, []string{"fan_2"})
		s.hub.flush()
	}
	found, after, missed, _ := s.hub.since(mark, want)
	if len(found) != 6 || missed != 0 {
		t.Fatalf("%d events, %d missed", len(found), missed)
	}
	if again, _, _, _ := s.hub.since(s.hub.mark(found[1].id), want); len(again) != 4 {
		t.Errorf("from the second event on there are %d", len(again))
	}
	for range keptEvents {
		s.Changed(purifier, []string{"fan_2"})
		s.hub.flush()
	}
	if found, _, missed, _ := s.hub.since(after, want); missed != keptEvents || len(found) != 0 {
		t.Errorf("%d events, %d missed", len(found), missed)
	}
	if _, _, missed, _ := s.hub.since("another-12", want); missed != -1 {
		t.Errorf("a mark of another start: %d missed", missed)
	}
}

// TestASlowReaderSlowsNobody lets one reader take nothing while others listen.
func TestASlowReaderSlowsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(5)
	s := serve(t, h, nil)
	h.mu.Lock()
	h.mode = strings.Repeat("x", 1<<20) // fills the buffers of the connection at once
	h.mu.Unlock()
	slow := live(t, s, "topics=devices&did="+purifier)
	next(t, slow)
	quick := live(t, s, "topics=devices&did="+purifier)
	next(t, quick)
	for i := range 12 {
		s.Changed(purifier, []string{"fan_2"})
		s.hub.flush()
		if name, _, _ := next(t, quick); name != "value" {
			t.Fatalf("round %d: the quick reader got %s", i, name)
		}
		next(t, quick) // the state of the device
	}
	s.hub.mu.Lock()
	kept := len(s.hub.ring)
	s.hub.mu.Unlock()
	if kept > keptEvents {
		t.Errorf("%d events are kept", kept)
	}
	h.mu.Lock()
	h.mode = "Silent"
	h.mu.Unlock()
	for range keptEvents {
		s.Changed(purifier, []string{"fan_2"})
		s.hub.flush()
	}
	for name := ""; name != "gap"; { // once it reads again, it hears what it has missed
		name, _, _ = next(t, slow)
	}
}

func TestReadersAreCounted(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	for range maxReaders {
		if _, ok := s.hub.enter(); !ok {
			t.Fatal("a reader was refused too early")
		}
	}
	if w := (asked{path: "/api/v1/events"}.of(s)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one reader too many gets %d", w.Code)
	}
}

func TestNobodyLooksCostsNothing(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	s.Changed(purifier, []string{"fan_2"})
	s.Told(purifier)
	s.Listed()
	if len(s.hub.dirty)+len(s.hub.states)+len(s.hub.ring) > 0 {
		t.Error("changes are kept though nobody looks")
	}
	if n := testing.AllocsPerRun(100, func() { s.Changed(purifier, nil) }); n > 0 {
		t.Errorf("a change costs %v allocations", n)
	}
}

func TestAPI(t *testing.T) {
	h := newHouse(120)
	s := serve(t, h, func(o *Options) { o.Token = token })
	auth := map[string]string{"Authorization": "Bearer " + token.Reveal()}
	for _, tc := range []struct {
		name, method, path, body string
		want                     int
		says                     string
	}{
		{"status", "GET", "status", "", 200, `"devices":{"total":120,"online":118,"asleep":1,"no_answer":1`},
		{"list", "GET", "devices?limit=2&sort=name", "", 200, `"total":120,"next":"2"`},
		{"end of the list", "GET", "devices?cursor=119&limit=500", "", 200, `"total":120}`},
		{"limit", "GET", "devices?limit=9999", "", 400, `"field":"limit"`},
		{"device", "GET", "devices/" + purifier, "", 200, `"did":"460000001"`},
		{"no device", "GET", "devices/nobody", "", 404, `"code":"no_device"`},
		{"set", "POST", "devices/" + purifier + "/set", `{"fan_2/preset_mode":"Silent","2.5":3}`, 200, `"results":[{"key":"2.5","ok":true,"value":3},{"key":"fan_2/preset_mode","ok":true,"value":"Silent"}]`},
		{"set in part", "POST", "devices/" + purifier + "/set", `{"2.5":3,"9.9":1}`, 207, `"code":"no_such_role"`},
		{"set nothing", "POST", "devices/" + purifier + "/set", `{}`, 400, `"code":"bad_value"`},
		{"set what is not there", "POST", "devices/" + purifier + "/set", `{"9.9":1}`, 404, `"field":"9.9"`},
		{"unconfirmed", "POST", "devices/" + purifier + "/set", `{"lock_4/state":"UNLOCK"}`, 409, `"code":"confirm"`},
		{"confirmed", "POST", "devices/" + purifier + "/set?confirm=true", `{"lock_4/state":"UNLOCK"}`, 200, `"ok":true`},
		{"call", "POST", "devices/" + purifier + "/call", `{"action":"6.1","args":["hi"]}`, 200, `"route":"lan"`},
		{"get", "POST", "devices/" + purifier + "/get", "", 200, `"environment/pm2.5-density":12`},
		{"patch", "PATCH", "devices/" + purifier, `{"hidden":true}`, 200, `"hidden":true`},
		{"patch of something else", "PATCH", "devices/" + purifier, `{"token":"x"}`, 400, `token`},
		{"no JSON", "POST", "devices/" + purifier + "/set", `{`, 400, `"code":"bad_value"`},
		{"two values", "POST", "devices/" + purifier + "/set", `{"2.5":3}{"2.5":4}`, 400, `"code":"bad_value"`},
		{"import", "POST", "import", `{"list":"1/2, 3"}`, 200, `"added":2,"changed":1,"skipped":[{"entry":3`},
		{"routes", "GET", "routes", "", 200, `"nodes":[{"id":"lan"`},
		{"problems", "GET", "problems", "", 200, `"items":[]`},
		{"check", "POST", "problems/check", "", 202, `"job":1`},
		{"solved", "GET", "problems/solved", "", 200, `"total":0`},
		{"settings", "GET", "settings", "", 200, `"value":"set, 24 characters"`},
		{"logs", "GET", "logs", "", 200, `"items":[]`},
		{"level", "PUT", "logs/level", `{"level":"debug"}`, 200, `"ok":true`},
		{"report", "GET", "report", "", 200, `a report of ""`},
		{"nothing", "GET", "nothing", "", 404, `"code":"no_such_path"`},
		{"no accounts", "GET", "login", "", 422, `"code":"device_refused"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := asked{method: tc.method, path: "/api/v1/" + tc.path, json: tc.body, header: auth}.of(s)
			if w.Code != tc.want || !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("%d %s\nwant %d with %s", w.Code, w.Body, tc.want, tc.says)
			}
			if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("a failure of the type %s", w.Header().Get("Content-Type"))
			}
		})
	}
	h.fails = fmt.Errorf("miio: set: %w", mi.ErrTimeout)
	w := asked{method: "POST", path: "/api/v1/devices/" + purifier + "/set", json: `{"2.5":3}`, header: auth}.of(s)
	if w.Code != http.StatusGatewayTimeout || !strings.Contains(w.Body.String(), `"code":"device_offline"`) {
		t.Errorf("silence gives %d %s", w.Code, w.Body)
	}
}

func TestOpenAPIDescribesEveryPath(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ Summary, OperationID string }
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	w := asked{path: "/api/v1/openapi.json"}.of(s)
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.") {
		t.Fatalf("%v: %s", err, w.Body)
	}
	ids := map[string]bool{}
	for _, e := range s.endpoints() {
		op := doc.Paths["/"+e.path][strings.ToLower(e.method)]
		if op.Summary == "" || ids[op.OperationID] {
			t.Errorf("%s %s: %+v", e.method, e.path, op)
		}
		ids[op.OperationID] = true
	}
	for _, m := range regexp.MustCompile(`#/components/schemas/([^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		if _, ok := doc.Components.Schemas[m[1]]; !ok {
			t.Errorf("the schema %s is missing", m[1])
		}
	}
	if len(doc.Components.Schemas["Detail"].Properties) < 20 || doc.Components.Schemas["Role"].Properties["entity"] == nil {
		t.Error("embedded fields are missing")
	}
}

func TestMetricsPassPromlint(t *testing.T) {
	s := serve(t, newHouse(5), nil)
	problems, err := testutil.GatherAndLint(s.registry())
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	body := asked{path: "/metrics"}.of(s).Body.String()
	for _, want := range []string{`mihome2mqtt_devices{route="lan",state="online"} 3`, `mihome2mqtt_devices{route="none",state="asleep"} 1`, "mihome2mqtt_broker_connected 1"} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %s", want)
		}
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

package spec

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestLinesRefuseWhatUnpacksTooFar(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 8 {
		_, _ = z.Write(bytes.Repeat([]byte("\n"), 1<<20)) // into memory
	}
	_ = z.Close()
	err := Lines(&packed, func(Line) error { return nil })
	if !errors.Is(err, mi.ErrProtocol) || !strings.Contains(err.Error(), "packed more than 200 to 1") {
		t.Errorf("Lines says %v", err)
	}
	if err := Lines(strings.NewReader(strings.Repeat("x", MaxSize+1)), nil); !errors.Is(err, mi.ErrProtocol) {
		t.Errorf("a long line gives %v", err)
	}
	cut := io.LimitReader(packedLine(t), 40)
	if err := Lines(cut, func(Line) error { return nil }); !errors.Is(err, mi.ErrProtocol) {
		t.Errorf("a cut file gives %v", err)
	}
}

func packedLine(t *testing.T) io.Reader {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(`{"model":"c.light.d","status":"released","instance":` + lamp + "}\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &packed
}

// started runs a library until the test ends and returns what arrives.
func started(t *testing.T, w mi.World, o Options) (*Library, <-chan string) {
	t.Helper()
	arrived := make(chan string, 8)
	o.Log, o.Arrived = zerolog.Nop(), func(model string) { arrived <- model }
	l := New(w, o)
	l.running = true // Run gets there in its own time
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return l, arrived
}

func wait(t *testing.T, arrived <-chan string) string {
	t.Helper()
	select {
	case model := <-arrived:
		return model
	case <-time.After(20 * time.Second):
		t.Fatal("no spec arrived")
		return ""
	}
}

func TestLibrarySearchesSetsInTheBackground(t *testing.T) {
	packed, err := io.ReadAll(packedLine(t))
	if err != nil {
		t.Fatal(err)
	}
	l, arrived := started(t, world(), Options{Offline: true, Sources: []Source{NewFolder(fstest.MapFS{"set.jsonl.gz": {Data: packed}})}})
	if _, err := l.Spec(t.Context(), "c.light.d"); err == nil || !strings.Contains(err.Error(), "is being looked for in the specs folder") {
		t.Errorf("before the search Spec says %v", err)
	}
	if _, err := l.Spec(t.Context(), "no.such.model"); !errors.Is(err, mi.ErrUnsupported) {
		t.Errorf("before the search Spec says %v", err)
	}
	wait(t, arrived)
	if s, err := l.Spec(t.Context(), "c.light.d"); err != nil || s.Model != "c.light.d" {
		t.Errorf("after the search: %v, %v", s, err)
	}
	if _, err := l.Spec(t.Context(), "no.such.model"); err == nil || !strings.Contains(err.Error(), "put its instance file") {
		t.Errorf("after the search Spec says %v", err)
	}
}

// full is a Disk that cannot be written.
type full struct{ memory }

func (full) WriteFile(string, []byte) error { return errors.New("0 bytes free") }

const published2 = `{"instances":[{"model":"x.light.y","version":2,"type":"urn:miot-spec-v2:device:light:0000A001:x-y:2","status":"released"}]}`

// site answers list and instance and counts.
func site(t *testing.T, lists *int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/miot-spec-v2/instances" {
			*lists++
			_, _ = io.WriteString(w, published2)
			return
		}
		_, _ = io.WriteString(w, lamp)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestFetchedSpecIsUsedThoughItCannotBeKept(t *testing.T) {
	w := world()
	w.Disk = full{memory{fstest.MapFS{}}}
	lists := 0
	l, arrived := started(t, w, Options{Host: site(t, &lists)})
	_, _ = l.Spec(t.Context(), "x.light.y")
	wait(t, arrived)
	if s, err := l.Spec(t.Context(), "x.light.y"); err != nil || s.Type != "light" {
		t.Errorf("with a full disk: %v, %v", s, err)
	}
}

func TestWhatCannotBeFetchedIsTold(t *testing.T) {
	lists := 0
	l, arrived := started(t, world(), Options{Host: site(t, &lists)})
	if _, err := l.Spec(t.Context(), "not.there.yet"); err == nil || !strings.Contains(err.Error(), "is being fetched") {
		t.Errorf("at first: %v", err)
	}
	wait(t, arrived)
	if _, err := l.Spec(t.Context(), "not.there.yet"); !errors.Is(err, errUnlisted) || !errors.Is(err, mi.ErrUnsupported) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestKeptListIsNotAskedForAgain(t *testing.T) {
	w := world()
	lists := 0
	f := newFetcher(w, Options{Host: site(t, &lists), Log: zerolog.Nop()}, diskSource{w.Disk})
	for range 3 {
		if _, err := f.one(t.Context(), "x.light.y"); err != nil {
			t.Fatal(err)
		}
		f.list = nil
	}
	if _, err := f.one(t.Context(), "not.there.yet"); !errors.Is(err, errUnlisted) {
		t.Errorf("an unlisted model gives %v", err)
	}
	f.done("not.there.yet", nil, errUnlisted)
	if m := f.missing("not.there.yet"); !m.Unlisted || m.Offline || m.Again <= 59*time.Minute || m.Again > time.Hour {
		t.Errorf("an unlisted model is missing as %+v", m)
	}
	if lists != 1 {
		t.Errorf("asked %d times for the list, want once", lists)
	}
}

func TestRefreshKeepsTheNewerSpec(t *testing.T) {
	disk := listed{memory{fstest.MapFS{keptName("x.light.y"): {Data: []byte(`{"type":"urn:miot-spec-v2:device:light:0000A001:x-y:1"}`)}}}}
	w := world()
	w.Disk = disk
	lists := 0
	f := newFetcher(w, Options{Host: site(t, &lists), Log: zerolog.Nop()}, diskSource{disk})
	f.refresh(t.Context())
	if got := f.kept.keptURN("x.light.y"); !strings.HasSuffix(got, ":x-y:2") {
		t.Errorf("kept is %s, want version 2", got)
	}
	f.refresh(t.Context())
	if lists != 1 {
		t.Errorf("asked %d times for the list in a week, want once", lists)
	}
}

// listed is a Disk that lists its files.
type listed struct{ memory }

func (l listed) List(string) (out []string, err error) {
	for name := range l.files {
		out = append(out, name)
	}
	return out, nil
}

func TestFetcherStaysWithItsHost(t *testing.T) {
	called := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }))
	defer s.Close()
	f := newFetcher(world(), Options{Host: s.URL, Log: zerolog.Nop()}, diskSource{memory{fstest.MapFS{}}})
	f.http.RetryMax = 0
	if _, err := f.one(t.Context(), "x.light.y"); !errors.Is(err, mi.ErrOffline) || !strings.Contains(err.Error(), "sent to") || called {
		t.Errorf("a redirect to another host gives %v, called %v", err, called)
	}
}

func TestListTakesTheBestSpec(t *testing.T) {
	raw, err := json.Marshal(map[string]any{"instances": []entry{
		{"a.b.c", 9, "urn:miot-spec-v2:device:light:1:a-c:9", "debug"},
		{"a.b.c", 1, "urn:miot-spec-v2:device:light:1:a-c:1", "released"},
		{"a.b.c", 3, "urn:miot-spec-v2:device:light:1:a-c:3", "released"},
		{"a.b.c", 5, "urn:miot-spec-v2:device:light:1:a-c:5", "preview"},
		{"../../x", 1, "urn:miot-spec-v2:device:light:1:x:1", "released"},
		{"d.e.f", 1, "https://elsewhere/", "released"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := readList(raw, time.Now())
	if got := fmt.Sprint(l.URNs); err != nil || got != "map[a.b.c:urn:miot-spec-v2:device:light:1:a-c:3]" {
		t.Errorf("the list is %s, %v", got, err)
	}
}

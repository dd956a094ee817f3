package spec

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const lamp = `{"type":"urn:miot-spec-v2:device:light:0000A001:x-y:2","services":[]}`

// memory is a Disk of a map.
type memory struct{ files fstest.MapFS }

func (m memory) ReadFile(name string) ([]byte, error) { return fs.ReadFile(m.files, name) }
func (m memory) Remove(string) error                  { return errors.ErrUnsupported }
func (m memory) List(string) ([]string, error)        { return nil, errors.ErrUnsupported }
func (m memory) FS() fs.FS                            { return m.files }
func (m memory) WriteFile(name string, data []byte) error {
	m.files[name] = &fstest.MapFile{Data: data}
	return nil
}

// loopback is a Network that can only dial.
type loopback struct {
	mi.Network
	dial net.Dialer
}

func (l *loopback) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return l.dial.DialContext(ctx, network, address)
}

func world() mi.World {
	return mi.World{Net: &loopback{}, Disk: memory{fstest.MapFS{}}, Now: time.Now}
}

func TestLibraryFetchesOnceAndKeeps(t *testing.T) {
	var lists, instances atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/miot-spec-v2/instances" {
			lists.Add(1)
			w.Write([]byte(`{"instances":[{"model":"x.light.y","version":1,"type":"urn:old:device:light:1","status":"released"},
			 {"model":"x.light.y","version":2,"type":"urn:miot-spec-v2:device:light:0000A001:x-y:2","status":"released"},
			 {"model":"x.light.y","version":3,"type":"urn:debug:device:light:1","status":"debug"}]}`))
			return
		}
		instances.Add(1)
		if got := r.URL.Query().Get("type"); got != "urn:miot-spec-v2:device:light:0000A001:x-y:2" {
			t.Errorf("asked for %s, want the highest released version", got)
		}
		w.Write([]byte(lamp))
	}))
	defer site.Close()
	w := world()
	arrived := make(chan string, 1)
	l := New(w, Options{Host: site.URL, Log: zerolog.Nop(), Arrived: func(model string) { arrived <- model }})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	if _, err := l.Spec(ctx, "x.light.y"); !errors.Is(err, mi.ErrUnsupported) || !strings.Contains(err.Error(), "is being fetched") {
		t.Errorf("before it is there: %v", err)
	}
	select {
	case <-arrived:
	case <-time.After(10 * time.Second):
		t.Fatal("no spec arrived")
	}
	if s, err := l.Spec(ctx, "x.light.y"); err != nil || s.Model != "x.light.y" {
		t.Errorf("after it arrived: %v", err)
	}
	stop()
	<-done
	again := New(w, Options{Offline: true, Log: zerolog.Nop()})
	if _, err := again.Spec(t.Context(), "x.light.y"); err != nil {
		t.Errorf("after a restart without internet: %v", err)
	}
	if lists.Load() != 1 || instances.Load() != 1 {
		t.Errorf("asked %d times for the list and %d times for the spec, want once each", lists.Load(), instances.Load())
	}
}

func TestLibraryReadsTheUsersFolder(t *testing.T) {
	folder := NewFolder(fstest.MapFS{
		"a.light.b.json": {Data: []byte(lamp)},
		"set.jsonl": {Data: []byte(`{"model":"c.light.d","status":"debug","instance":{}}` + "\n" +
			`{"model":"c.light.d","status":"released","instance":` + lamp + `}`)},
	})
	l := New(world(), Options{Sources: []Source{folder}, Offline: true, Log: zerolog.Nop()})
	for _, model := range []string{"a.light.b", "c.light.d"} {
		if s, err := l.Spec(t.Context(), model); err != nil || s.Type != "light" {
			t.Errorf("Spec(%s) = %v, %v", model, s, err)
		}
	}
	for model, want := range map[string]string{
		"e.light.f":   "put its instance file into the specs folder",
		"../../x.y.z": "is no model name",
	} {
		if _, err := l.Spec(t.Context(), model); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Spec(%s) says %v, want %q", model, err, want)
		}
	}
}

func TestWhatTheFolderLacksIsTold(t *testing.T) {
	folder := NewFolder(fstest.MapFS{"set.jsonl": {Data: []byte(`{"model":"c.light.d","instance":` + lamp + `}`)}})
	l, arrived := started(t, world(), Options{Sources: []Source{folder}, Offline: true})
	for _, want := range []string{"is being looked for in the specs folder", "put its instance file into the specs folder"} {
		if _, err := l.Spec(t.Context(), "e.light.f"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Spec says %v, want %q", err, want)
		}
		if strings.Contains(want, "looked for") {
			wait(t, arrived)
		}
	}
}

func TestLibrarySaysWhatTheSiteSays(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }))
	defer site.Close()
	f := newFetcher(world(), Options{Host: site.URL, Log: zerolog.Nop()}, diskSource{memory{fstest.MapFS{}}})
	if _, err := f.one(t.Context(), "x.light.y"); !errors.Is(err, mi.ErrOffline) || !strings.Contains(err.Error(), "404") {
		t.Errorf("a missing list gives %v", err)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"model":"x.light.y","instance":` + lamp + `}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_ = Lines(strings.NewReader(string(raw)), func(l Line) error { _, err := l.Spec(); return err })
	})
}

package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

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

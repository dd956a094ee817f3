package device

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// watcher is a View that writes down what it is told.
type watcher struct {
	mu     sync.Mutex
	lines  []string
	moving bool
	panics bool
	plan   *Plan
}

func (w *watcher) note(d *Device, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, d.ID()+" "+fmt.Sprintf(format, args...))
}

func (w *watcher) Opened(d *Device, spec *mi.Spec) Plan {
	w.note(d, "opened %s", d.Info().Name)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.plan != nil {
		return *w.plan
	}
	return Plan{Fast: []int{propOn, propLevel, propTemp}, Slow: []int{propFilter}}
}

func (w *watcher) Changed(d *Device, changes []mi.Change) bool {
	for _, c := range changes {
		w.note(d, "%s=%s", d.Spec().Props[c.Prop].Key, c.Value)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.panics {
		w.panics = false
		panic("index out of range in a view")
	}
	return w.moving
}

func (w *watcher) Happened(d *Device, h mi.Happening) { w.note(d, "event %d %v", h.Event, h.Args) }
func (w *watcher) Status(d *Device, s Status) {
	w.note(d, "online=%v by=%s error=%q reason=%q", s.Online, s.Connection, s.LastError, s.Reason)
}
func (w *watcher) Removed(d *Device) { w.note(d, "removed") }

func (w *watcher) put(f func(*watcher)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

// take returns the lines since the last take.
func (w *watcher) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	w.lines = nil
	return lines
}

// stage is a home in a bubble.
type stage struct {
	*testing.T
	*Home
	view *watcher
	lan  *wires
	stop func()
}

// play runs f in a bubble with one device "1" on the route "lan".
func play(t *testing.T, change func(*Options), f func(s *stage, d *Device, th *thing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		th := newThing()
		s := newStage(t, map[string]*thing{"1": th}, change)
		f(s, s.Device("1"), th)
		s.stop()
	})
}

func newStage(t *testing.T, things map[string]*thing, change func(*Options)) *stage {
	s := &stage{T: t, view: &watcher{}, lan: &wires{things: things}}
	o := Options{
		World:  mi.World{Now: time.Now, Seed: 1},
		View:   s.view,
		Routes: []Route{{Name: "lan", Driver: s.lan}},
		Log:    zerolog.New(io.Discard),
	}
	for did := range things {
		o.Known = append(o.Known, mi.Info{DID: did, Model: "acme.fan.one", Name: "Fan"})
	}
	if change != nil {
		change(&o)
	}
	s.Home = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		time.Sleep(time.Millisecond) // what the test does at once comes first
		if err := s.Home.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	s.stop = func() { cancel(); wg.Wait() }
	return s
}

// after lets the time pass.
func (s *stage) after(d time.Duration) {
	s.Helper()
	time.Sleep(d)
	synctest.Wait()
}

// order gives an order and returns where its end will be written.
func (s *stage) order(d *Device, r Request) *end {
	e := &end{given: time.Now()}
	r.Cause = "test"
	r.Done = e.done
	d.Do(r)
	return e
}

type end struct {
	mu    sync.Mutex
	given time.Time
	times int
	took  time.Duration
	out   []mi.Value
	err   error
}

func (e *end) done(out []mi.Value, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.times++
	e.took, e.out, e.err = time.Since(e.given), out, err
}

func (e *end) want(t *testing.T, want string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	got := "ok"
	if e.err != nil {
		got = e.err.Error()
	}
	if e.times != 1 || got != want {
		t.Errorf("order ended %d times with %q, want once with %q", e.times, got, want)
	}
}

func set(prop int, v mi.Value) Request {
	return Request{Order: mi.Order{Set: []mi.Change{{Prop: prop, Value: v}}}, Merge: fmt.Sprint(prop)}
}

func call(action int) Request {
	return Request{Order: mi.Order{Calls: []mi.Call{{Action: action}}}}
}

func (s *stage) wantLines(got []string, want ...string) {
	s.Helper()
	if !slices.Equal(got, want) {
		s.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func count(lines []string, part string) (n int) {
	for _, l := range lines {
		if strings.Contains(l, part) {
			n++
		}
	}
	return n
}

package device

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The properties, actions and events of the fake devices.
const (
	propOn = iota
	propLevel
	propTemp
	propFilter // slow
	propBeep   // write only
	actToggle  = 0
	evClick    = 0
)

func fakeSpec() *mi.Spec {
	return &mi.Spec{
		Model: "acme.fan.one",
		Props: []mi.Property{
			{SIID: 2, PIID: 1, Key: "fan/on", Format: mi.FormatBool, Access: mi.Read | mi.Write},
			{SIID: 2, PIID: 2, Key: "fan/level", Format: mi.FormatInt, Access: mi.Read | mi.Write},
			{SIID: 3, PIID: 1, Key: "environment/temperature", Format: mi.FormatFloat, Access: mi.Read | mi.Notify},
			{SIID: 4, PIID: 1, Key: "filter/life", Format: mi.FormatInt, Access: mi.Read},
			{SIID: 5, PIID: 1, Key: "alarm/beep", Format: mi.FormatInt, Access: mi.Write},
		},
		Actions: []mi.Action{{SIID: 2, AIID: 1, Key: "fan/toggle"}},
		Events:  []mi.Event{{SIID: 6, EIID: 1, Key: "button/click"}},
	}
}

// thing is a device at the other end of the wire: it owns the truth.
type thing struct {
	mu      sync.Mutex
	spec    *mi.Spec
	noSpec  error
	values  []mi.Value // in the order of fakeSpec, whatever spec says
	version string
	latency time.Duration
	cut     bool                  // no packet gets through
	lose    func(packet int) bool // of both directions
	packets int
	fail    error // answers every request with this
	panics  bool
	deaf    bool // accepts writes and ignores them
	pushes  bool
	refuse  map[int]bool // properties it does not give
	wire    []string     // state-changing messages that arrived
	reads   []time.Duration
	asked   [][]int
	links   []*link
	start   time.Time
}

func newThing() *thing {
	return &thing{
		spec:    fakeSpec(),
		values:  []mi.Value{mi.Bool(false), mi.Int(1), mi.Float(21.5), mi.Int(80), {}},
		latency: 10 * time.Millisecond,
		start:   time.Now(),
		version: "1.0",
	}
}

const tries, tryEvery = 3, 2 * time.Second

// exchange is one request with the retries of a driver.
func (t *thing) exchange(ctx context.Context, once bool, arrived func()) error {
	n := tries
	if once {
		n = 1
	}
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		t.mu.Lock()
		there, back := t.passes(), t.passes()
		latency, fail, bad := t.latency, t.fail, t.panics
		t.mu.Unlock()
		if bad {
			panic("nil map of the driver")
		}
		if fail != nil {
			return fail
		}
		if there && arrived != nil {
			t.mu.Lock()
			arrived()
			t.mu.Unlock()
		}
		wait := tryEvery
		if there && back {
			wait = latency
		}
		if !pause(ctx, wait) {
			return ctx.Err()
		}
		if there && back {
			return nil
		}
		if there {
			arrived = nil // the device knows the message's id
		}
	}
	return fmt.Errorf("fake: %w", mi.ErrTimeout)
}

// passes needs t.mu.
func (t *thing) passes() bool {
	t.packets++
	return !t.cut && (t.lose == nil || !t.lose(t.packets))
}

func (t *thing) put(f func(*thing)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t)
}

func (t *thing) written() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.wire)
}

// sinks returns where the open links of the thing report to.
func (t *thing) sinks() []mi.Sink {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []mi.Sink
	for _, l := range t.links {
		all = append(all, l.sink)
	}
	return all
}

// wires is a driver for things, by did.
type wires struct {
	mu     sync.Mutex
	things map[string]*thing
	find   func(ctx context.Context, found func(mi.Info)) error
	opened int
}

func (w *wires) Find(ctx context.Context, found func(mi.Info)) error {
	if w.find != nil {
		return w.find(ctx, found)
	}
	<-ctx.Done()
	return nil
}

func (w *wires) Open(_ context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.things[info.DID]
	if t == nil {
		return nil, fmt.Errorf("fake: open: %w", mi.ErrUnsupported)
	}
	w.opened++
	l := &link{t: t, sink: sink}
	t.put(func(t *thing) { t.links = append(t.links, l) })
	return l, nil
}

type link struct {
	t     *thing
	sink  mi.Sink
	spec  *mi.Spec
	class string
}

var (
	_ mi.Getter    = (*link)(nil)
	_ mi.Setter    = (*link)(nil)
	_ mi.Caller    = (*link)(nil)
	_ mi.Describer = (*link)(nil)
	_ mi.Pusher    = (*link)(nil)
)

func (l *link) Spec(context.Context) (*mi.Spec, error) {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	l.spec = l.t.spec
	return l.t.spec, l.t.noSpec
}

// value is where the thing keeps a property of the link's spec.
func (l *link) value(prop int) *mi.Value {
	p := &l.spec.Props[prop]
	return &l.t.values[base.Prop(p.SIID, p.PIID)]
}

var base = fakeSpec()

func (l *link) Pushing() bool {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	return l.t.pushes
}

func (l *link) Class() string { return l.class }

func (l *link) Close() error {
	l.t.put(func(t *thing) { t.links = slices.DeleteFunc(t.links, func(o *link) bool { return o == l }) })
	return nil
}

func (l *link) Describe(ctx context.Context) (mi.Info, error) {
	err := l.t.exchange(ctx, false, nil)
	return mi.Info{Model: "acme.fan.one", Firmware: l.t.version, MAC: "aa:bb:cc:dd:ee:ff"}, err
}

func (l *link) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	l.t.put(func(t *thing) {
		t.reads = append(t.reads, time.Since(t.start))
		t.asked = append(t.asked, slices.Clone(props))
	})
	got := into
	err := l.t.exchange(ctx, false, func() {
		for _, p := range props {
			if !l.t.refuse[p] {
				got = append(got, mi.Change{Prop: p, Value: *l.value(p)})
			}
		}
	})
	return got, err
}

func (l *link) Set(ctx context.Context, set []mi.Change) error {
	return l.t.exchange(ctx, true, func() {
		text := "set"
		for _, c := range set {
			text += fmt.Sprintf(" %s=%s", l.spec.Props[c.Prop].Key, c.Value)
			if !l.t.deaf {
				*l.value(c.Prop) = c.Value
			}
		}
		l.t.wire = append(l.t.wire, text)
	})
}

func (l *link) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	err := l.t.exchange(ctx, true, func() {
		l.t.wire = append(l.t.wire, fmt.Sprintf("call %s %v", l.t.spec.Actions[action].Key, args))
	})
	return []mi.Value{mi.Int(7)}, err
}

// watcher is a View that writes down what it is told.
type watcher struct {
	mu     sync.Mutex
	start  time.Time
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
	s := &stage{T: t, view: &watcher{start: time.Now()}, lan: &wires{things: things}}
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
		if containsText(l, part) {
			n++
		}
	}
	return n
}

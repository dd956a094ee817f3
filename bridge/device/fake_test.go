package device

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

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
	manners []mi.Manner // of the writes that had one
	latency time.Duration
	cut     bool                  // no packet gets through
	lose    func(packet int) bool // of both directions
	packets int
	fail    error // answers every request with this
	panics  bool
	stuck   chan struct{} // when set, the driver hangs until it is closed, whatever its context says
	deaf    bool          // accepts writes and ignores them
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
		latency, fail, bad, stuck := t.latency, t.fail, t.panics, t.stuck
		t.mu.Unlock()
		if stuck != nil {
			<-stuck
			return fmt.Errorf("fake: %w", mi.ErrTimeout)
		}
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

func (t *thing) readCount() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.reads)
}

func (t *thing) packetCount() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.packets
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

// SetSo implements mi.Mannered: the thing writes down how it is to change.
func (l *link) SetSo(ctx context.Context, set []mi.Change, how mi.Manner) error {
	l.t.put(func(t *thing) { t.manners = append(t.manners, how) })
	return l.Set(ctx, set)
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

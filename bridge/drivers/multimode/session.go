package multimode

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The classes of silence that the device loop knows.
const (
	classMains   = "zigbee-mains"
	classBattery = "zigbee-battery"
	classMesh    = "mesh"
)

// session is the conversation with one child, or with a gateway itself.
type session struct {
	d      *Driver
	child  *child
	gate   *gate  // that was told that there is one
	wire   string // its did on the wire
	model  string
	sink   mi.Sink
	ctx    context.Context // ends with the session
	cancel context.CancelFunc
	one    chan struct{} // one write at a time

	// tell guards the fields below and orders what the sink hears. It is held over
	// the sink, which never calls back.
	tell    sync.Mutex
	closed  bool
	kind    *kind // nil until it is known
	raw     map[place]mi.Value
	clear   *time.Timer // ends the motion; nil without
	moving  bool
	clearAt time.Time
}

var (
	_ mi.Getter = (*session)(nil)
	_ mi.Setter = (*session)(nil)
	_ mi.Caller = (*session)(nil)
	_ mi.Pusher = (*session)(nil)
)

// newSession needs Driver.mu.
func newSession(d *Driver, c *child, model string, k *kind, sink mi.Sink) *session {
	ctx, cancel := context.WithCancel(context.Background())
	s := &session{
		d: d, child: c, gate: c.gate, wire: c.did, model: model, kind: k, sink: sink, ctx: ctx, cancel: cancel,
		one: make(chan struct{}, 1), raw: map[place]mi.Value{},
	}
	if c.did == c.gate.home() {
		s.wire = gatewayDID
	}
	return s
}

// recall tells what was heard of the device before the session.
func (s *session) recall() {
	r := report{did: s.child.did}
	s.d.mu.Lock()
	heard := !s.child.last.IsZero()
	for _, it := range s.child.items {
		r.items = append(r.items, it)
	}
	s.d.mu.Unlock()
	if heard {
		slices.SortFunc(r.items, func(a, b item) int { return a.place.compare(b.place) })
		s.hear(&r)
	}
}

// Spec implements mi.Link.
func (s *session) Spec(ctx context.Context) (*mi.Spec, error) {
	s.tell.Lock()
	k := s.kind
	s.tell.Unlock()
	if k != nil {
		return k.spec, nil
	}
	spec, err := s.d.o.Specs.Spec(ctx, s.model)
	if err != nil {
		return nil, fmt.Errorf("multimode: spec of %s: %w", s.child.did, err)
	}
	s.tell.Lock()
	defer s.tell.Unlock()
	s.kind = s.d.catalog.vendor(spec)
	return spec, nil
}

// Class says what silence means.
func (s *session) Class() string {
	s.tell.Lock()
	defer s.tell.Unlock()
	switch {
	case s.wire == gatewayDID:
		return classMains
	case !strings.HasPrefix(s.wire, zigbeePrefix):
		return classMesh
	case s.kind != nil && s.kind.battery:
		return classBattery
	}
	return classMains
}

// Pushing implements mi.Pusher.
func (s *session) Pushing() bool { return true }

// hear takes what the device told.
func (s *session) hear(r *report) {
	s.tell.Lock()
	defer s.tell.Unlock()
	if s.closed {
		return
	}
	if s.kind == nil || len(r.items) == 0 {
		s.sink.Seen()
		return
	}
	all := s.kind.changes(r.items, s.raw, nil)
	var shown []mi.Change
	for _, c := range all {
		if s.kind.spec.Props[c.Prop].Access&(mi.Read|mi.Notify) != 0 && (c.Prop != s.kind.motion || r.news) {
			shown = append(shown, c)
			s.follow(c)
		}
	}
	s.sink.Seen()
	if len(shown) > 0 {
		s.sink.Changed(shown)
	}
	if !r.news {
		return
	}
	for _, h := range s.kind.happens(r.items, all, nil) {
		h.At = s.d.w.Now()
		s.sink.Happened(h)
	}
}

// follow lets motion last until nobody renews it. It needs s.tell.
func (s *session) follow(c mi.Change) {
	if c.Prop != s.kind.motion {
		return
	}
	s.moving, _ = c.Value.Bool()
	if !s.moving {
		return
	}
	s.clearAt = time.Now().Add(s.d.o.ClearAfter)
	if s.clear == nil {
		s.clear = time.AfterFunc(s.d.o.ClearAfter, s.still)
	} else {
		s.clear.Reset(s.d.o.ClearAfter)
	}
}

// still ends the motion.
func (s *session) still() {
	s.tell.Lock()
	defer s.tell.Unlock()
	if s.closed || !s.moving || time.Now().Before(s.clearAt) {
		return
	}
	s.moving = false
	s.sink.Changed([]mi.Change{{Prop: s.kind.motion, Value: mi.Bool(false)}})
}

// Close implements mi.Link.
func (s *session) Close() error {
	s.tell.Lock()
	was := s.closed
	s.closed = true
	if s.clear != nil {
		s.clear.Stop()
	}
	s.tell.Unlock()
	if was {
		return nil
	}
	s.cancel()
	s.d.mu.Lock()
	if s.child.session == s {
		s.child.session = nil
	}
	s.d.mu.Unlock()
	s.gate.release()
	return nil
}

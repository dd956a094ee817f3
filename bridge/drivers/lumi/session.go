package lumi

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const reportRate = 20 // reports a second of one device that are believed

// The classes of silence that the device loop knows.
const (
	classMains   = "zigbee-mains"
	classBattery = "zigbee-battery"
)

// session is the conversation with one device. A child is never read for the
// device loop: the gateway would answer for one that is long dead.
type session struct {
	d       *Driver
	station *station
	sid     string
	did     string
	kind    *model
	sink    mi.Sink
	ctx     context.Context // ends with the session
	cancel  context.CancelFunc

	// tell guards the fields below and orders what the sink hears. It is held
	// over the sink, which never calls back.
	tell    sync.Mutex
	closed  bool
	clear   *time.Timer // ends the motion; nil without
	clearAt time.Time
	moving  bool
	lamp    lamp
	volume  int64
	second  time.Time // since when reports counts
	reports int
}

var (
	_ mi.Setter = (*session)(nil)
	_ mi.Mover  = (*session)(nil)
)

func newSession(d *Driver, st *station, sid string, kind *model, sink mi.Sink) *session {
	ctx, cancel := context.WithCancel(context.Background())
	return &session{d: d, station: st, sid: sid, kind: kind, sink: sink, ctx: ctx, cancel: cancel, volume: 30}
}

// Spec implements mi.Link.
func (s *session) Spec(context.Context) (*mi.Spec, error) { return s.kind.spec, nil }

// Class says what silence means: children beat about once an hour.
func (s *session) Class() string {
	if s.kind.mains {
		return classMains
	}
	return classBattery
}

// Move implements mi.Mover. An address counts while the gateway was not heard.
func (s *session) Move(info mi.Info) {
	at := parseAddr(info.Addr)
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if at.IsValid() && at.Addr() != s.station.addr.Addr() && time.Since(s.station.heard) >= silence {
		s.d.place(s.station, at)
	}
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
	if s.d.sessions[s.sid] == s {
		delete(s.d.sessions, s.sid)
	}
	s.d.mu.Unlock()
	s.d.release()
	return nil
}

// recall tells what is known of the child since before the session.
func (s *session) recall() {
	m := message{cmd: "read_ack", sid: s.sid}
	s.d.mu.Lock()
	if c := s.d.children[s.sid]; c != nil {
		for name, v := range c.fields {
			m.fields = append(m.fields, field{name, v})
		}
	}
	s.d.mu.Unlock()
	if len(m.fields) > 0 {
		s.hear(&m, time.Now())
	}
}

// hear takes a report, a heartbeat or what was read of the device.
func (s *session) hear(m *message, now time.Time) {
	src, ok := sourceOf(m)
	if !ok || m.fault != "" {
		return
	}
	s.tell.Lock()
	defer s.tell.Unlock()
	if s.closed {
		return
	}
	if !s.allow(now) {
		s.d.counts.flooded.Add(1)
		return
	}
	changes := s.shine(m, s.kind.changes(m, src, nil))
	if changes = s.move(changes, src, now); len(changes) > 0 {
		s.sink.Changed(changes)
	} else {
		s.sink.Seen()
	}
	if src != reported {
		return
	}
	for _, h := range s.kind.events(m, s.d.w.Now(), nil) {
		s.sink.Happened(h)
	}
}

// allow counts the reports of each second. It needs s.tell.
func (s *session) allow(now time.Time) bool {
	if now.Sub(s.second) >= time.Second {
		s.second, s.reports = now, 0
	}
	s.reports++
	return s.reports <= reportRate
}

// move follows the motion: it lasts until the device or the driver's timer ends
// it. It needs s.tell.
func (s *session) move(changes []mi.Change, src source, now time.Time) []mi.Change {
	if s.kind.motion < 0 {
		return changes
	}
	told := false
	for _, c := range changes {
		if c.Prop != s.kind.motion {
			continue
		}
		told = true
		s.moving, _ = c.Value.Bool()
		if s.moving {
			s.extend(now)
		}
	}
	if !told && !s.moving && src == repeated { // nobody saw anything: better than unknown
		changes = append(changes, mi.Change{Prop: s.kind.motion, Value: mi.Bool(false)})
	}
	return changes
}

// extend lets the motion last. It needs s.tell.
func (s *session) extend(now time.Time) {
	s.clearAt = now.Add(s.d.o.ClearAfter)
	if s.clear == nil {
		s.clear = time.AfterFunc(s.d.o.ClearAfter, s.still)
		return
	}
	s.clear.Reset(s.d.o.ClearAfter)
}

// still ends the motion that nobody renewed.
func (s *session) still() {
	s.tell.Lock()
	defer s.tell.Unlock()
	if s.closed || !s.moving || time.Now().Before(s.clearAt) {
		return
	}
	s.moving = false
	s.sink.Changed([]mi.Change{{Prop: s.kind.motion, Value: mi.Bool(false)}})
}

// shine takes in the lamp of a gateway. It needs s.tell.
func (s *session) shine(m *message, changes []mi.Change) []mi.Change {
	if s.kind.lamp.on < 0 {
		return changes
	}
	rgb, ok := m.get("rgb").Int()
	if !ok || rgb < 0 || rgb > 1<<32-1 {
		return changes
	}
	s.lamp = s.lamp.seen(uint32(rgb))
	return s.kind.lamp.shine(s.lamp, changes)
}

// Set implements mi.Setter.
func (s *session) Set(ctx context.Context, changes []mi.Change) error {
	err := s.write(ctx, func(proto int) (map[string]any, error) { return s.kind.values(changes, proto) })
	if err != nil {
		return fmt.Errorf("lumi: set %s: %w", s.sid, err)
	}
	return nil
}

func (s *session) write(ctx context.Context, values func(proto int) (map[string]any, error)) error {
	ctx, stop := s.bound(ctx)
	defer stop()
	return s.explain(s.d.write(ctx, s.station, s.sid, values))
}

// bound returns a context that also ends with the session.
func (s *session) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// explain says so when an exchange failed because the session ended.
func (s *session) explain(err error) error {
	if err != nil && s.ctx.Err() != nil {
		return fmt.Errorf("the conversation was closed: %w", mi.ErrOffline)
	}
	return err
}

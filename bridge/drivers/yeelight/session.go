package yeelight

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// session is the conversation with one lamp.
type session struct {
	d     *Driver
	did   uint64
	sink  mi.Sink
	ctx   context.Context // until Close
	stop  context.CancelFunc
	tasks sync.WaitGroup
	kick  chan struct{} // try to connect now
	doubt chan struct{} // the lamp announced itself: is the connection still good?
	calm  chan struct{} // an effect was stopped
	turn  chan struct{} // held by whoever sends an order of several commands
	what  atomic.Pointer[meaning]
	quota quota
	music music

	mu      sync.Mutex // guards the fields below; never held over I/O or a Sink
	info    mi.Info
	addr    netip.AddrPort
	line    *line         // nil while not connected
	up      bool          // connected, and the state is known
	tried   chan struct{} // closed at the end of the next try to connect
	err     error         // of the last try
	state   state
	playing map[part]int64 // numbers of the effects that flow
}

var (
	_ mi.Link      = (*session)(nil)
	_ mi.Getter    = (*session)(nil)
	_ mi.Setter    = (*session)(nil)
	_ mi.Mannered  = (*session)(nil)
	_ mi.Caller    = (*session)(nil)
	_ mi.Describer = (*session)(nil)
	_ mi.Mover     = (*session)(nil)
	_ mi.Pusher    = (*session)(nil)
)

func newSession(ctx context.Context, d *Driver, did uint64, info mi.Info, addr netip.AddrPort, sink mi.Sink) *session {
	s := &session{
		d: d, did: did, sink: sink, info: info, addr: addr,
		kick: make(chan struct{}, 1), doubt: make(chan struct{}, 1), calm: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		tried: make(chan struct{}), state: state{}, playing: map[part]int64{},
	}
	s.ctx, s.stop = context.WithCancel(ctx)
	s.tasks.Go(s.run)
	return s
}

// Close implements mi.Link.
func (s *session) Close() error {
	s.stop()
	s.tasks.Wait()
	s.d.close(s)
	return nil
}

// Pushing implements mi.Pusher: a lamp reports every change to whoever is connected.
func (s *session) Pushing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up
}

// Move implements mi.Mover.
func (s *session) Move(info mi.Info) {
	s.mu.Lock()
	s.info = s.info.Merge(info)
	s.mu.Unlock()
	if s.d.lamp(s.did).did == 0 {
		s.movedTo(addressOf(info.Addr))
	}
}

// met takes in an advert of the lamp.
func (s *session) met(a advert) {
	s.movedTo(a.addr)
	if a.unasked {
		signal(s.doubt)
	}
}

// movedTo tries another address; a connection that works is not given up for it.
func (s *session) movedTo(addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr.IsValid() && !s.up {
		s.addr = addr
		signal(s.kick)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Spec implements mi.Link. It waits until the lamp told what it has, unless it did
// at an earlier start.
func (s *session) Spec(ctx context.Context) (*mi.Spec, error) {
	m, err := s.meaning(ctx)
	if err != nil {
		return nil, fmt.Errorf("yeelight: spec: %w", err)
	}
	return m.spec, nil
}

func (s *session) meaning(ctx context.Context) (*meaning, error) {
	did := strconv.FormatUint(s.did, 10)
	r, met := s.d.recall(did)
	if s.Pushing() || !met {
		if err := s.ready(ctx); err != nil {
			return nil, err
		}
		r = s.judge()
		s.d.remember(did, r)
	}
	m := s.d.meaning(meaningKey{base: s.d.base(ctx, r.Model), model: r.Model, traits: r.Traits})
	s.what.Store(m)
	return m, nil
}

// judge says what the lamp is, by all that it told.
func (s *session) judge() remembered {
	seen := s.d.lamp(s.did)
	full, _ := fullModel(seen.model)
	s.mu.Lock()
	defer s.mu.Unlock()
	model := s.info.Model
	return remembered{cmp.Or(model, full), traitsOf(cmp.Or(seen.model, shortModel(model)), seen.support, s.state)}
}

// known returns the meaning, asking for it only once.
func (s *session) known(ctx context.Context) (*meaning, error) {
	m := s.what.Load()
	if m == nil {
		var err error
		if m, err = s.meaning(ctx); err != nil {
			return nil, err
		}
	}
	return m, s.ready(ctx)
}

// Get implements mi.Getter.
func (s *session) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	m, err := s.known(ctx)
	if err == nil && !m.has(props) {
		err = mi.ErrUnsupported
	}
	if err == nil {
		err = s.load(ctx)
	}
	if err != nil {
		return into, fmt.Errorf("yeelight: get %d properties: %w", len(props), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range props {
		if i < 0 || i >= len(m.slots) {
			continue
		}
		if v := m.value(i, s.state, s.playing); v.Known() {
			into = append(into, mi.Change{Prop: i, Value: v})
		}
	}
	return into, nil
}

// has reports whether any of the properties comes this way.
func (m *meaning) has(props []int) bool {
	for _, i := range props {
		if i >= 0 && i < len(m.slots) && m.slots[i].role != noRole {
			return true
		}
	}
	return false
}

// Set implements mi.Setter.
func (s *session) Set(ctx context.Context, c []mi.Change) error {
	return s.SetSo(ctx, c, mi.Manner{})
}

// SetSo implements mi.Mannered.
func (s *session) SetSo(ctx context.Context, c []mi.Change, how mi.Manner) error {
	m, err := s.known(ctx)
	if err == nil {
		err = s.carry(ctx, m, c, how)
	}
	if err != nil {
		return fmt.Errorf("yeelight: set: %w", err)
	}
	return nil
}

// carry sends what an order needs, in one piece.
func (s *session) carry(ctx context.Context, m *meaning, c []mi.Change, how mi.Manner) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	now := maps.Clone(s.state)
	s.mu.Unlock()
	todo, err := s.d.plan(m, c, how, now)
	for i := 0; err == nil && i < len(todo); i++ {
		if _, err = s.exchange(ctx, todo[i].command); err == nil && todo[i].effect != 0 {
			s.play(todo[i].part, todo[i].effect)
		}
	}
	return err
}

// play remembers which effect was begun: the lamp only says that it flows. Stop is
// the mode for a moment, so that whoever ordered it sees that it was obeyed.
func (s *session) play(of part, effect int64) {
	s.mu.Lock()
	before, was := maps.Clone(s.state), maps.Clone(s.playing)
	s.playing[of] = effect
	s.mu.Unlock()
	s.compare(before, was)
	if effect == numberStop {
		signal(s.calm)
	}
}

// calmed ends the moment of a stop.
func (s *session) calmed() {
	for _, of := range []part{mainPart, ground} {
		s.mu.Lock()
		stopped := s.playing[of] == numberStop
		s.mu.Unlock()
		if stopped {
			s.play(of, 0)
		}
	}
}

// Call implements mi.Caller.
func (s *session) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	m, err := s.known(ctx)
	switch {
	case err != nil:
	case action < 0 || action >= len(m.calls):
		err = fmt.Errorf("action %d is not to be had this way: %w", action, mi.ErrUnsupported)
	case len(args) > 0:
		err = fmt.Errorf("%s takes no arguments: %w", m.calls[action], mi.ErrInvalid)
	default:
		_, err = s.exchange(ctx, command{method: m.calls[action]})
	}
	if err != nil {
		return nil, fmt.Errorf("yeelight: call: %w", err)
	}
	return nil, nil
}

// Describe implements mi.Describer. What is known better from elsewhere is left out.
func (s *session) Describe(ctx context.Context) (mi.Info, error) {
	if err := s.ready(ctx); err != nil {
		return mi.Info{}, fmt.Errorf("yeelight: describe: %w", err)
	}
	seen := s.d.lamp(s.did)
	s.mu.Lock()
	defer s.mu.Unlock()
	var out mi.Info
	if s.info.Model == "" {
		out.Model, _ = fullModel(seen.model)
	}
	if s.info.Firmware == "" {
		out.Firmware = seen.firmware
	}
	return out, nil
}

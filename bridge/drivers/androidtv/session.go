package androidtv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	retryFirst = time.Second // to the second attempt to connect, doubled each time
	retryLast  = time.Minute
	retryDeny  = 10 * time.Minute       // when the TV does not know the bridge any more
	retryLeast = 500 * time.Millisecond // between attempts that somebody waits for
	retryHung  = 20 * time.Second       // between those with a TV that does not answer
	orderTime  = 15 * time.Second       // that a TV may take to show that it turned on or off
	wholeTime  = time.Second            // to tell its volume after that
	wakeTime   = time.Minute            // or that it was woken
)

// session is an open conversation with one TV. One goroutine keeps it connected;
// what the TV says becomes the state, and Get tells that.
type session struct {
	d      *Driver
	did    string
	sink   mi.Sink
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	nudge  chan struct{} // connect now

	mu      sync.Mutex // guards the fields below
	news    chan struct{}
	addr    string
	mac     string // as configured
	spec    *mi.Spec
	facts   facts
	wire    *wire // nil while not connected
	state   state
	err     error     // of the last attempt to connect
	tried   time.Time // when it ended
	refused bool      // the TV does not know the bridge any more
	pairing *pairing  // nil when the TV shows no code
	expect  expectation
	shown   []mi.Change // as last reported
}

var (
	_ mi.Getter    = (*session)(nil)
	_ mi.Setter    = (*session)(nil)
	_ mi.Caller    = (*session)(nil)
	_ mi.Describer = (*session)(nil)
	_ mi.Mover     = (*session)(nil)
	_ mi.Pusher    = (*session)(nil)
	_ mi.Concerned = (*session)(nil)
)

func newSession(d *Driver, info mi.Info, sink mi.Sink) *session {
	s := &session{
		d: d, did: info.DID, addr: spellAddr(info.Addr), mac: info.MAC, sink: sink,
		nudge: make(chan struct{}, 1), news: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if d.o.Memory != nil {
		d.o.Memory.Load(memoryName(s.did), &s.facts)
	}
	s.shown = s.values()
	return s
}

// Close implements mi.Link.
func (s *session) Close() error {
	s.mu.Lock()
	s.cancel() // nothing begins after this
	s.mu.Unlock()
	s.tasks.Wait()
	s.d.closed(s)
	return nil
}

// Move implements mi.Mover.
func (s *session) Move(info mi.Info) {
	s.mu.Lock()
	addr := spellAddr(info.Addr)
	moved := addr != "" && addr != s.addr
	if s.mac = info.MAC; moved {
		s.addr = addr
	}
	old := s.wire
	s.mu.Unlock()
	if moved {
		if old != nil {
			old.close()
		}
		s.again()
	}
}

func (s *session) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// within ends a request with the session.
func (s *session) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// change changes the fields that mu guards, wakes who waits for that and reports
// what people see of it.
func (s *session) change(f func()) {
	s.mu.Lock()
	f()
	close(s.news)
	s.news = make(chan struct{})
	now := s.values()
	var fresh []mi.Change
	for i, c := range now {
		if s.shown[i] != c {
			fresh = append(fresh, c)
		}
	}
	s.shown = now
	s.mu.Unlock()
	if len(fresh) > 0 && s.ctx.Err() == nil {
		s.sink.Changed(fresh)
	}
}

// wait waits until done, which is called with mu held, holds.
func (s *session) wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		ok, news := done(), s.news
		s.mu.Unlock()
		switch {
		case s.ctx.Err() != nil:
			return fmt.Errorf("closed: %w", mi.ErrOffline)
		case ok:
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
		}
	}
}

// again has the TV connected now instead of later.
func (s *session) again() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// keep connects and reconnects until the session is closed.
func (s *session) keep() {
	pause := retryFirst
	for s.ctx.Err() == nil {
		wait := retryDeny
		if s.paired() {
			start := time.Now()
			heard, err := s.converse()
			if time.Since(start) > quietTime {
				pause = retryFirst
			}
			s.lost(heard, err)
			if !errors.Is(err, mi.ErrDenied) {
				wait = pause
			}
		}
		if pause = min(2*pause, retryLast); s.rest(wait) {
			pause = retryFirst
		}
	}
}

// rest waits for the next attempt; it reports whether somebody wants it at once.
func (s *session) rest(pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.nudge:
		return true
	case <-s.ctx.Done():
	}
	return false
}

func (s *session) paired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts.Paired
}

// welcome reports whether the TV knows the bridge, as far as that is known.
func (s *session) welcome() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts.Paired && !s.refused
}

// lost takes in the end of a connection, or that there was none. What a TV said
// holds until it cannot be reached again: connections break.
func (s *session) lost(heard bool, err error) {
	denied := errors.Is(err, mi.ErrDenied)
	var first bool
	s.change(func() {
		first = denied && !s.refused
		s.refused = s.refused || denied
		s.wire, s.state.known, s.state.whole = nil, false, false
		if heard && !denied {
			return
		}
		s.err, s.tried = err, time.Now()
		if !errors.Is(err, mi.ErrTimeout) {
			s.state = state{met: true}
		}
	})
	if first && s.ctx.Err() == nil {
		s.d.o.Log.Warn().Str("device", s.did).Err(err).Msg("the TV does not know the bridge any more: press Pair, then type the code that the TV shows")
	}
}

// present waits until the TV is connected and has said whether it is on, or until an
// attempt to connect that is not old has failed.
func (s *session) present(ctx context.Context) error {
	s.mu.Lock()
	least := retryLeast
	if errors.Is(s.err, mi.ErrTimeout) {
		least = retryHung
	}
	start := time.Now().Add(-least)
	idle := s.wire == nil && s.tried.Before(start)
	s.mu.Unlock()
	if idle {
		s.again()
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime+helloTime+stepTime)
	defer cancel()
	var failure error
	err := s.wait(ctx, func() bool {
		if s.wire == nil && !s.tried.Before(start) {
			failure = s.err
			return true
		}
		return s.wire != nil && s.state.known
	})
	if err != nil || failure != nil {
		return cmp.Or(err, failure)
	}
	return s.complete(ctx)
}

// complete gives a TV that says that it is on the time to tell the rest.
func (s *session) complete(ctx context.Context) error {
	rest, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	err := s.wait(rest, func() bool { return s.state.whole || !s.state.on })
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		s.change(func() { s.state.whole = true })
		return nil
	}
	return err
}

// Pushing implements mi.Pusher.
func (s *session) Pushing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wire != nil && s.state.known
}

// Describe implements mi.Describer, with what the TV said when it was last
// connected. After that Spec knows it too.
func (s *session) Describe(context.Context) (mi.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.facts.Model == "" {
		return mi.Info{}, fmt.Errorf("androidtv: describe: the TV was never connected: %w", mi.ErrOffline)
	}
	if s.spec != nil && s.spec.Model != s.facts.model() {
		s.spec = nil
	}
	return mi.Info{Model: s.facts.model(), Firmware: s.facts.Version}, nil
}

// remember keeps the facts.
func (s *session) remember() {
	s.mu.Lock()
	f := s.facts
	s.mu.Unlock()
	if s.d.o.Memory != nil {
		s.d.o.Memory.Save(memoryName(s.did), f)
	}
}

// text is an error without the name of its kind at the end.
func text(err, kind error) string { return strings.TrimSuffix(err.Error(), ": "+kind.Error()) }

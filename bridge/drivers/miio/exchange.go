package miio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// answerWait is how long an answer may take before the request counts as lost.
const answerWait = 2 * time.Second

// manner says what may be done when no answer comes.
type manner uint8

const (
	// reading is repeated; a late answer to an earlier try is as good.
	reading manner = iota
	// writing is sent once: whoever ordered it reads before it is sent again.
	writing
	// acting is sent once and waited for longer: nobody can tell whether it was done.
	acting
)

// turns returns how many waits the whole exchange may take.
func (m manner) turns(proven bool) int {
	switch {
	case m == writing:
		return 1
	case m == reading && !proven:
		return 4 // the last ones tell a wrong token from bad luck
	}
	return 3
}

// exchange sends a request and returns what stands under result. When no answer
// comes, the error is a *silence.
func (s *session) exchange(ctx context.Context, tail []byte, m manner) ([]byte, error) {
	began := s.d.w.Moment()
	if err := s.take(ctx); err != nil {
		return nil, unsent(m, err)
	}
	s.mu.Lock()
	s.events = make(chan event, 4)
	s.mu.Unlock()
	defer s.leave()
	proven, err := s.ready(ctx, m)
	if err == nil && m != reading && s.d.w.Overslept(began) {
		err = fmt.Errorf("this machine slept meanwhile: %w", mi.ErrTimeout)
	}
	if err != nil {
		return nil, unsent(m, err)
	}
	for turn := range m.turns(proven) {
		e, err := s.attempt(ctx, tail, m, turn)
		if err != nil {
			return nil, err
		}
		if e.kind == answered {
			return e.body, unconfirmed(m, e.err)
		}
	}
	return nil, s.silent()
}

// unsent makes the failure of an order that never left one of reaching the device:
// nobody need wonder whether it was obeyed.
func unsent(m manner, err error) error {
	if m == reading || !errors.Is(err, mi.ErrTimeout) {
		return err
	}
	return &silence{text: err.Error() + "; nothing was ordered", kind: mi.ErrOffline}
}

// unconfirmed makes an answer that only says that the product did not confirm an
// order a lost answer: it may have obeyed.
func unconfirmed(m manner, err error) error {
	if refusal, ok := errors.AsType[*refusal](err); ok && m != reading && refusal.verdict().repeat {
		return &silence{greeted: true, text: err.Error(), kind: mi.ErrTimeout}
	}
	return err
}

// take waits for the turn: one request in flight per device.
func (s *session) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// leave ends whatever is waited for and gives the turn away.
func (s *session) leave() {
	s.mu.Lock()
	s.wait, s.events = waiting{}, nil
	s.mu.Unlock()
	s.w.due.clear(&s.due)
	<-s.turn
}

// ended tells why a context is over.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w in the time given (%w)", mi.ErrTimeout, ctx.Err())
	}
	return ctx.Err()
}

// ready sees to what a request needs: a key, an address, the device's clock. It
// reports whether the device ever gave a sealed answer.
func (s *session) ready(ctx context.Context, m manner) (proven bool, err error) {
	s.mu.Lock()
	if s.key == nil || s.closed {
		err = s.keyless()
	}
	addr, proven := s.addr, !s.heard.IsZero()
	s.mu.Unlock()
	if err == nil && !addr.IsValid() {
		err = s.search(ctx)
	}
	if err == nil && s.unsure(m) {
		err = s.handshake(ctx)
	}
	return proven, err
}

// unsure reports whether a request might carry a stamp that the device ignores. A
// read takes that risk: it is repeated anyway.
func (s *session) unsure(m manner) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.clock.known || m != reading && s.clock.stale(time.Now())
}

// search waits until Find has seen the device and the device proved itself.
func (s *session) search(ctx context.Context) error {
	s.d.missing()
	for range 3 {
		s.mu.Lock()
		found := s.addr.IsValid()
		if !found {
			s.expect(waiting{hello: true})
		}
		s.mu.Unlock()
		if found {
			return nil
		}
		if _, err := s.next(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("not seen on the network yet: %w", mi.ErrOffline)
}

// handshake asks for the device's clock. Nothing was ordered yet when it fails.
func (s *session) handshake(ctx context.Context) error {
	for turn := range 3 {
		s.askClock(turn == 0)
		e, err := s.next(ctx)
		if err != nil || e.kind == greeted {
			return err
		}
	}
	s.d.missing()
	return s.silent()
}

// askClock sends a hello, or the probe that also tells about push.
func (s *session) askClock(probe bool) {
	s.mu.Lock()
	s.expect(waiting{hello: true})
	s.asked = time.Now()
	out := s.hello(s.addr, probe)
	s.mu.Unlock()
	s.w.send(out)
}

// overdue reports whether the time of a context is over, even if it does not know
// yet: nothing may leave any more.
func overdue(ctx context.Context) bool {
	deadline, some := ctx.Deadline()
	return some && !time.Now().Before(deadline)
}

// attempt sends the request, unless it must not be sent again, and waits.
func (s *session) attempt(ctx context.Context, tail []byte, m manner, turn int) (event, error) {
	for {
		if overdue(ctx) {
			<-ctx.Done()
			return event{}, ended(ctx)
		}
		if turn == 0 || m == reading {
			s.request(tail, m, turn > 0)
		} else {
			s.mu.Lock()
			s.again()
			s.mu.Unlock()
		}
		e, err := s.next(ctx)
		if err != nil || e.kind == answered {
			return e, err
		}
		if e.kind == timedOut {
			s.missed()
			return e, nil
		}
		// The request went elsewhere or with a stamp that the device ignores.
		turn = max(turn, 1)
	}
}

// request sends a request; a repeated one, or one after long silence, takes a
// hello along, which tells whether the device is there and how late it is.
func (s *session) request(tail []byte, m manner, again bool) {
	now := time.Now()
	var out [2]mi.Packet
	n := 0
	s.mu.Lock()
	if again || s.clock.stale(now) {
		s.asked = now
		out[0], n = s.hello(s.addr, !again), 1
	}
	id := s.nextRequest(again)
	w := s.wait
	w.hello = false
	if w.n == len(w.ids) {
		w.n = 0
	}
	w.ids[w.n] = id
	w.n++
	s.expect(w)
	out[n] = s.packet(s.addr, s.clock.now(now), id, tail)
	s.mu.Unlock()
	if m == reading {
		s.w.send(out[:n+1]...)
	} else {
		s.w.sendNow(slices.Clone(out[:n+1])...) // a copy, so that polls need no memory
	}
}

// expect sets what is waited for, and until when. It needs s.mu.
func (s *session) expect(w waiting) {
	w.until = time.Now().Add(answerWait)
	s.wait = w
	s.w.arm(&s.due, w.until)
}

// again goes on waiting for the same. It needs s.mu.
func (s *session) again() { s.expect(s.wait) }

// next waits for the next event.
func (s *session) next(ctx context.Context) (e event, err error) {
	select {
	case e = <-s.events:
	case <-ctx.Done():
		return e, ended(ctx)
	}
	if e.kind == gone {
		err = fmt.Errorf("the conversation is closed: %w", mi.ErrOffline)
	}
	return e, err
}

// missed notes a request without answer from a device that answers hellos.
func (s *session) missed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.greet.IsZero() {
		s.silence++
	}
}

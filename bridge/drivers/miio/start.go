package miio

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var _ mi.Starter = (*session)(nil)

// begun is a read that nobody waits for: the reader goes on with it when an
// answer comes. It holds the turn. Anything out of the ordinary ends it, and the
// device is read by Get instead.
type begun struct {
	what *meaning
	plan *plan
	at   int // index of the chunk under way
	into []mi.Change
	done func([]mi.Change, bool) // nil when there is no such read
}

// Start implements mi.Starter for devices that answered lately.
func (s *session) Start(props []int, into []mi.Change, done func(got []mi.Change, ok bool)) bool {
	what := s.what.Load()
	if what == nil || what.profile != nil {
		return false
	}
	p := what.limit.plan(what.spec, props)
	if len(p.chunks) == 0 {
		return false
	}
	select {
	case s.turn <- struct{}{}:
	default:
		return false
	}
	now := time.Now()
	s.mu.Lock()
	if s.closed || s.key == nil || s.heard.IsZero() || s.silence > 0 || !s.addr.IsValid() || s.clock.stale(now) {
		s.mu.Unlock()
		<-s.turn
		return false
	}
	s.begun = begun{what: what, plan: p, into: into, done: done}
	out := s.ask(now)
	s.mu.Unlock()
	s.w.send(out)
	return true
}

// Stop implements mi.Starter.
func (s *session) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandon()
}

// ask makes the request for the chunk under way. It needs s.mu.
func (s *session) ask(now time.Time) mi.Packet {
	id := s.nextRequest(false)
	s.expect(waiting{ids: [4]uint32{id}, n: 1})
	b := &s.begun
	text := b.plan.chunks[b.at].appendRead(appendID(s.w.buffer(), id), b.plan.spec, s.name)
	return mi.Packet{Data: s.key.seal(text, s.did, s.clock.now(now)), Addr: s.addr}
}

// proceed takes the answer to the chunk under way: what follows is the next one,
// or the end. It needs s.mu.
func (s *session) proceed(e envelope, now time.Time, act *action) {
	b := &s.begun
	c := b.plan.chunks[b.at]
	n, spoken, err := len(c), 0, failed(e.result)
	if err == nil && e.result != nil {
		b.into, spoken, err = c.collect(b.what.spec, e.result, b.into)
	}
	if err != nil || e.result == nil || spoken < n && n > 1 {
		s.abandon()
		return
	}
	if n > 1 {
		b.what.limit.worked(n)
	}
	if b.at++; b.at < len(b.plan.chunks) {
		act.out = append(act.out, s.ask(now))
		return
	}
	done, got := s.finished()
	act.tell = func() { done(got, true) }
}

// finished gives the turn away. It needs s.mu.
func (s *session) finished() (done func([]mi.Change, bool), got []mi.Change) {
	done, got = s.begun.done, s.begun.into
	s.begun, s.wait = begun{}, waiting{}
	s.w.due.clear(&s.due)
	<-s.turn
	return done, got
}

// abandon ends a read that was begun, if there is one. It needs s.mu, under which
// nobody may be told.
func (s *session) abandon() {
	if s.begun.done == nil {
		return
	}
	done, got := s.finished()
	s.w.tasks.Go(func() { done(got, false) })
}

package cloud

import (
	"context"
	"errors"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var (
	errLeftOut = fmt.Errorf("left out by Mi Home: %w", mi.ErrProtocol)
	errAway    = fmt.Errorf("the device is offline, says Mi Home: %w", mi.ErrOffline)
	errRemoved = &trouble{"the account does not have the device any more", "add it again in the Mi Home app, or delete it here", mi.ErrOffline, 0, ""}
	errClosed  = fmt.Errorf("closed: %w", mi.ErrOffline)
)

// read is what one link wants to know of its device. The pool guards its fields
// until it is over.
type read struct {
	s    *session
	p    *pool
	spec *mi.Spec
	done func(got []mi.Change, err error)

	into   []mi.Change
	base   int   // of into: what was there before
	left   int   // properties without an outcome
	alive  bool  // an answer shows that the device is there
	gone   bool  // an answer says that it is not
	err    error // why a property is left out
	broken error // why a request came to nothing
	over   bool
}

// hear takes what the cloud says of one property; nil is nothing.
func (r *read) hear(prop int, a *answer) {
	switch {
	case a == nil:
		r.err = errLeftOut
	case a.code != 0 && a.code != 1:
		refusal := &refusal{a.code}
		r.err = refusal
		r.gone = r.gone || errors.Is(refusal, mi.ErrOffline)
	case !a.has:
		r.err = errLeftOut
	default:
		r.into = append(r.into, mi.Change{Prop: prop, Value: a.value})
		r.alive = r.alive || r.p.shows(r.s, a)
	}
}

// verdict returns what came of the read. Old values that the cloud keeps of a
// device that is away are not told.
func (r *read) verdict() ([]mi.Change, error) {
	got := len(r.into) > r.base
	switch {
	case r.broken != nil:
		return r.into[:r.base], r.broken
	case r.gone && r.err != nil && !got:
		return r.into, r.err
	case r.gone, got && !r.alive:
		return r.into[:r.base], errAway
	case !got:
		return r.into, r.err
	}
	return r.into, nil
}

// forget ends a read whose answer nobody wants; it reports false when it was over.
func (r *read) forget() bool {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	was := r.over
	r.over = true
	return !was
}

// begin asks for properties; ok is false when there is nothing to ask.
func (s *session) begin(props []int, into []mi.Change, done func([]mi.Change, error)) (*read, error) {
	spec := s.spec.Load()
	p, ctx, err := s.pool()
	if err == nil {
		err = p.fuse.blown(reading)
	}
	if err != nil {
		return nil, err
	}
	asked := make([]int, 0, len(props))
	for _, prop := range props {
		if prop >= 0 && prop < len(spec.Props) {
			asked = append(asked, prop)
		}
	}
	s.at.Store(p)
	r := &read{s: s, p: p, spec: spec, into: into}
	r.done = func(got []mi.Change, err error) {
		s.drop(r)
		done(got, err)
	}
	if !s.keep(r) {
		return nil, errClosed
	}
	if len(asked) == 0 {
		r.over = true
		r.done(into, nil)
		return r, nil
	}
	p.ask(ctx, r, asked)
	return r, nil
}

// keep notes a read that is under way; it reports false on a closed link.
func (s *session) keep(r *read) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.reads[r] = true
	return true
}

func (s *session) drop(r *read) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reads, r)
	if s.begun == r {
		s.begun = nil
	}
}

type outcome struct {
	got []mi.Change
	err error
}

// get reads properties and waits for them.
func (s *session) get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	ended := make(chan outcome, 1)
	r, err := s.begin(props, into, func(got []mi.Change, err error) { ended <- outcome{got, err} })
	if err != nil {
		return into, err
	}
	select {
	case o := <-ended:
		return o.got, o.err
	case <-ctx.Done():
		if r.forget() {
			s.drop(r)
			return into, ctx.Err()
		}
		o := <-ended
		return o.got, o.err
	}
}

var _ mi.Starter = (*session)(nil)

// Start implements mi.Starter: polls wait for their turn without a goroutine.
func (s *session) Start(props []int, into []mi.Change, done func(got []mi.Change, ok bool)) bool {
	if s.spec.Load() == nil || s.profile.Load() != nil {
		return false
	}
	r, err := s.begin(props, into, func(got []mi.Change, err error) { done(got, err == nil) })
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reads[r] {
		s.begun = r
	}
	return true
}

// Stop implements mi.Starter.
func (s *session) Stop() {
	s.mu.Lock()
	r := s.begun
	s.mu.Unlock()
	if r != nil && r.forget() {
		r.done(r.into[:r.base], errClosed)
	}
}

package ble

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// classBLE is the class of silence that the device loop knows.
const classBLE = "ble"

// recallAfter is how long the device loop gets to take in a spec before the
// values are told that were heard before.
const recallAfter = time.Second

// session is the conversation with one device, in which only the device speaks.
type session struct {
	s    *sender
	sink mi.Sink

	// The sender's lock guards the fields below.
	closed bool
	model  *model      // that was given last
	recall *time.Timer // tells the values again
}

var _ mi.Mover = (*session)(nil)

// begin opens the session of a device that was heard, or whose kind is known.
func (s *sender) begin(info mi.Info, sink mi.Sink) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil && (strings.HasPrefix(info.DID, prefix) || s.did == info.DID) {
		return nil, fmt.Errorf("it is open already: %w", mi.ErrBusy)
	} // else the account has learnt of it, and its did takes over
	if s.product == nil {
		if s.product = s.d.decoder.kindOf(info); s.product == nil {
			return nil, mi.ErrUnsupported
		}
	}
	s.hand(info)
	s.session = &session{s: s, sink: sink}
	s.kept.Store(true)
	s.note(false)
	return s.session, nil
}

// Class says what silence means.
func (*session) Class() string { return classBLE }

// Spec implements mi.Link. It fails while the device sends what nobody can read.
func (t *session) Spec(context.Context) (*mi.Spec, error) {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.trust.fault; f != noFault {
		return nil, f.diagnosed(fmt.Errorf("ble: spec of %s: %w", s.text, f))
	}
	if t.model != s.like() && !t.closed {
		t.model = s.like()
		if t.recall != nil {
			t.recall.Stop()
		}
		t.recall = time.AfterFunc(recallAfter, t.remind)
	}
	return t.model.spec, nil
}

// diagnosed adds to err which problem people have.
func (f fault) diagnosed(err error) error {
	if f == keyMissing {
		return mi.Diagnose("ble.key_missing", err)
	}
	return err
}

// Error makes a fault of the key an error that the device loop understands.
func (f fault) Error() string { return f.words() }

// Is implements the interface of errors.Is.
func (f fault) Is(target error) bool { return target == mi.ErrDenied }

// remind tells what was heard before the spec was known, but no event of then.
func (t *session) remind() {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.like()
	s.changes = s.changes[:0]
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if at, ok := m.props[key]; ok {
			s.changes = append(s.changes, mi.Change{Prop: at, Value: s.values[key]})
		}
	}
	if len(s.changes) > 0 {
		t.tell(s.changes)
	}
}

// knows reports whether the device loop means by an index what the sender does:
// it was given this spec or one that this one only adds to. It needs the sender's
// lock.
func (t *session) knows() bool {
	return t.s.session == t && t.model != nil && t.model.spec.Model == t.s.like().spec.Model
}

// tell hands changes over; none means that the device is there. It needs the
// sender's lock.
func (t *session) tell(changes []mi.Change) {
	switch {
	case t.s.session != t:
	case len(changes) == 0 || !t.knows():
		t.sink.Seen()
	default:
		t.sink.Changed(changes)
	}
}

func (t *session) happen(h mi.Happening) {
	if t.knows() {
		t.sink.Happened(h)
	}
}

// Move implements mi.Mover: the account may have learnt the key.
func (t *session) Move(info mi.Info) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.s.hand(info) {
		t.s.grow()
	}
}

// Close implements mi.Link.
func (t *session) Close() error {
	s := t.s
	s.mu.Lock()
	was := t.closed
	t.closed = true
	if s.session == t {
		s.note(false)
		s.kept.Store(false)
		s.session = nil
	}
	if t.recall != nil {
		t.recall.Stop()
	}
	s.mu.Unlock()
	if !was {
		s.d.release()
	}
	return nil
}

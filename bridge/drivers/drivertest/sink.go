package drivertest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Sink remembers what a device says unasked.
type Sink struct {
	mu       sync.Mutex // guards the fields below
	changes  []mi.Change
	happened []mi.Happening
	seen     int
}

var _ mi.Sink = (*Sink)(nil)

// Changed implements mi.Sink.
func (s *Sink) Changed(c []mi.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, c...)
}

// Happened implements mi.Sink.
func (s *Sink) Happened(h mi.Happening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.Args = slices.Clone(h.Args)
	s.happened = append(s.happened, h)
}

// Seen implements mi.Sink.
func (s *Sink) Seen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
}

func (s *Sink) told() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.changes)+len(s.happened) > 0
}

// wait waits until done, which is called under the lock, holds.
func (s *Sink) wait(done func() bool) bool {
	return eventually(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return done()
	})
}

// Await waits for something that must come soon.
func Await(t testing.TB, what string, done func() bool) {
	t.Helper()
	if !eventually(done) {
		t.Fatalf("waited in vain for %s", what)
	}
}

// eventually asks again and again, for a limited time.
func eventually(done func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(soon)
	defer deadline.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		}
	}
	return true
}

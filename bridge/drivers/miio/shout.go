package miio

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// shout is what comes of asking by broadcast. Every device answers that, so that
// silence tells something about the network.
type shout struct {
	mu     sync.Mutex
	at     time.Time               // of the newest; zero when there was none
	singly map[netip.AddrPort]bool // who was asked one by one since
	heard  bool                    // somebody answered it
	missed int                     // in a row that nobody answered who was there
	ever   bool                    // one was answered since the start
}

// Unheard returns how many broadcasts in a row nobody answered, though a device that
// the bridge talks with is in the same network. 0 is that all is well, or that there
// was nobody to tell.
func (d *Driver) Unheard() int {
	d.shout.mu.Lock()
	defer d.shout.mu.Unlock()
	return d.shout.missed
}

// Answered reports whether a broadcast was answered since the start.
func (d *Driver) Answered() bool {
	d.shout.mu.Lock()
	defer d.shout.mu.Unlock()
	return d.shout.ever
}

// newest returns when the newest broadcast was.
func (c *shout) newest() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// again judges the broadcast before and begins a new one.
func (c *shout) again(witness bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if witness && !c.heard && !c.at.IsZero() {
		c.missed++
	}
	c.at, c.heard, c.singly = now, false, map[netip.AddrPort]bool{}
}

// single notes that somebody is asked alone.
func (c *shout) single(to netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.singly != nil && len(c.singly) < maxNew {
		c.singly[to] = true
	}
}

// answered notes a hello of somebody who was not asked alone.
func (c *shout) answered(from netip.AddrPort, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.at) < helloWait && !c.singly[from] {
		c.heard, c.ever, c.missed = true, true, 0
	}
}

// answers reports whether a hello of the session's device is the answer to its own.
func (s *session) answers(from netip.AddrPort, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return from == s.addr && now.Sub(s.asked) < helloWait
}

// witnessed reports whether a device in one of the networks was heard after a time.
func (t *sessions) witnessed(networks []mi.Interface, since time.Time) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, s := range t.byDID {
		s.mu.Lock()
		addr, heard := s.addr.Addr(), s.heard
		s.mu.Unlock()
		near := slices.ContainsFunc(networks, func(i mi.Interface) bool { return i.Broadcast.IsValid() && i.Prefix.Contains(addr) })
		if near && heard.After(since) {
			return true
		}
	}
	return false
}

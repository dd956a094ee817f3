package miio

import (
	"net/netip"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// trial is an address that might be the device's new one. It has none after it became
// the device's own.
type trial struct {
	addr  netip.AddrPort
	began time.Time
	id    uint32 // of the request sent there, 0 before that
	clock clock  // as it would be there
}

// greeted takes the answer to a hello. It proves nothing: what it says counts only
// where it was asked for.
func (s *session) greeted(g greeting, from netip.AddrPort, now time.Time) {
	s.mu.Lock()
	var out []mi.Packet
	switch {
	case s.closed:
	case from == s.addr && now.Sub(s.asked) < helloWait:
		s.welcome(g, now)
	case from == s.addr:
		s.d.counts.unasked.Add(1)
	case s.tries(from) && s.trial.id == 0:
		out = s.challenge(g, now)
	default:
		out = s.doubt(from, now)
	}
	s.mu.Unlock()
	s.w.send(out...)
}

// welcome learns from a hello of the device's own address. It needs s.mu.
func (s *session) welcome(g greeting, now time.Time) {
	s.asked = time.Time{}
	s.greet, s.shown = now, g.token != nil
	skipped := s.clock.greet(g.stamp, now)
	switch {
	case s.wait.hello:
		s.wait = waiting{}
		s.post(event{kind: greeted})
	case skipped && s.wait.n > 0:
		s.post(event{kind: jumped})
	}
	if s.push == nil && g.push.known {
		s.push = &subscription{}
	}
	if s.push.offered(g.push, s.did, now) {
		s.d.keeper.want(s)
	}
}

// doubt decides about a hello from another address: a device that speaks from the
// known one stays there. It needs s.mu.
func (s *session) doubt(from netip.AddrPort, now time.Time) []mi.Packet {
	if now.Sub(s.heard) < helloWait || s.trial != nil && now.Sub(s.trial.began) < trialRest {
		s.d.counts.spoofed.Add(1)
		return nil
	}
	return s.tryAddr(from, now)
}

// tries reports whether addr is the one that is tried. It needs s.mu.
func (s *session) tries(addr netip.AddrPort) bool {
	return s.trial != nil && s.trial.addr == addr && addr.IsValid()
}

// tryAddr asks an address whether the device is there. It needs s.mu.
func (s *session) tryAddr(addr netip.AddrPort, now time.Time) []mi.Packet {
	s.trial = &trial{addr: addr, began: now}
	return []mi.Packet{s.hello(addr, false)}
}

// challenge asks for a proof: a sealed answer from there. It needs s.mu.
func (s *session) challenge(g greeting, now time.Time) []mi.Packet {
	if s.key == nil {
		if !s.addr.IsValid() {
			s.shown = g.token != nil
		}
		return nil
	}
	t := s.trial
	t.id, t.clock = s.nextRequest(false), s.clock
	t.clock.greet(g.stamp, now)
	return []mi.Packet{s.packet(t.addr, t.clock.now(now), t.id, infoTail())}
}

// settle makes the tried address the device's own. It needs s.mu.
func (s *session) settle() {
	s.addr, s.clock, s.trial = s.trial.addr, s.trial.clock, &trial{began: s.trial.began}
	s.info.Addr = s.addr.String()
	s.asked = time.Time{}
	s.post(event{kind: moved})
}

package router

import (
	"cmp"
	"slices"
	"time"
)

// state is everything that is known of one router and its network. The router's
// mutex guards it.
type state struct {
	hello    greeting
	status   status
	uplink   uplink
	radios   map[string]radio
	led      number
	mode     number
	rom      rom
	graph    map[string]leaf
	channels map[string][]int // by name of the network; only where they can be set

	people map[string]*presence // by MAC
	heard  time.Time            // of the newest list of clients
}

// presence is a client of the network, or one of its mesh nodes.
type presence struct {
	client
	listed bool // was in a list
	home   bool
	known  bool      // home means something
	absent time.Time // since when it has been missing; zero while it is there
}

// mac is the router's own; "" while it is not known.
func (s *state) mac() string { return cleanMAC(string(s.status.Hardware.it.MAC)) }

// expect makes room for a client that may not be in the list yet.
func (s *state) expect(mac string) *presence {
	p := s.people[mac]
	if p == nil {
		p = &presence{client: client{mac: mac}}
		if len(s.people) < 2*maxClients {
			s.people[mac] = p
		}
	}
	return p
}

// arrive takes in a list of clients that came now. Who is missing for at least
// leave is away: a phone that sleeps is not. Time during which the router said
// nothing does not count.
func (s *state) arrive(list []client, now time.Time, leave time.Duration) {
	silent := now.Sub(s.heard) > leave
	s.heard = now
	for _, c := range list {
		p := s.expect(c.mac)
		p.take(c)
	}
	for _, p := range s.people {
		p.age(now, leave, silent)
	}
}

// take takes in what the list says of a client. What it no longer says of one
// that is gone stays.
func (p *presence) take(c client) {
	old := p.client
	p.client, p.listed = c, true
	p.name = cmp.Or(c.name, old.name)
	p.ip = cmp.Or(c.ip, old.ip)
	if !c.online {
		p.parent, p.band = old.parent, old.band
		if c.parent != "" {
			p.parent = c.parent
		}
	}
}

func (p *presence) age(now time.Time, leave time.Duration, silent bool) {
	switch {
	case p.online:
		p.home, p.known, p.absent = true, true, time.Time{}
		p.online = false // until the next list says so again
		return
	case p.absent.IsZero(), silent:
		p.absent = now
	}
	if now.Sub(p.absent) >= leave {
		p.home, p.known = false, true
	}
}

// sorted returns who is known, by MAC.
func (s *state) sorted() []*presence {
	all := make([]*presence, 0, len(s.people))
	for _, p := range s.people {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *presence) int { return cmp.Compare(a.mac, b.mac) })
	return all
}

// count returns how many clients are there that a rule picks; mesh nodes are none.
func (s *state) count(pick func(*presence) bool) int64 {
	n := int64(0)
	for _, p := range s.people {
		if p.there() && !p.node && pick(p) {
			n++
		}
	}
	return n
}

// there reports that the newest list had it as connected.
func (p *presence) there() bool { return p.known && p.absent.IsZero() }

// place names what serves a client: a mesh node or the router itself.
func (s *state) place(p *presence) string {
	if n := s.people[p.parent]; n != nil && n.node {
		return label(n.name, n.mac)
	}
	return label(string(s.hello.Name), "Router")
}

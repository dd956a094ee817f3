// Package world is a network and a disk in memory, on which the faults of a plan
// happen, for tests in a testing/synctest bubble.
package world

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
)

// Net is a network in memory. It works inside a testing/synctest bubble, and
// what happens to a datagram is a pure function of the seed, the link, the time
// and the datagram itself.
type Net struct {
	seed  uint64
	start time.Time

	mu        sync.Mutex // guards the fields below
	sockets   map[place]*socket
	streams   map[place]*listener
	pipes     map[*pipe]bool
	moment    moment
	faults    map[netip.Addr][]chaos.Fault
	ephemeral map[*Machine]uint16
	owners    map[netip.Addr]*Machine // of addresses that others see
	stats     Traffic
	lapses    int // how often everything under way got lost
}

// Traffic counts datagrams.
type Traffic struct {
	Sent, Lost, Doubled, Damaged uint64
	Overflowed                   uint64 // dropped because the receiver did not read
}

// place is where a socket is bound. Loopback addresses are each machine's own.
type place struct {
	machine *Machine
	addr    netip.AddrPort
}

type link struct{ from, to netip.AddrPort }

// Free ports are given out from firstFree on.
const (
	firstFree = 32_768
	freePorts = 28_000
)

// NewNet makes an empty network; its time starts now.
func NewNet(seed uint64) *Net {
	return &Net{
		seed: seed, start: time.Now(),
		sockets: map[place]*socket{}, streams: map[place]*listener{}, pipes: map[*pipe]bool{},
		faults: map[netip.Addr][]chaos.Fault{}, ephemeral: map[*Machine]uint16{}, owners: map[netip.Addr]*Machine{},
	}
}

// Hurt makes a network fault happen to everything that an address sends and
// receives. Times count from NewNet. Faults of other kinds are ignored.
func (n *Net) Hurt(addr netip.Addr, f chaos.Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults[addr] = append(n.faults[addr], f)
	if f.Kind == chaos.Cut {
		left := f.To - time.Since(n.start)
		time.AfterFunc(min(left, f.From+givenUp-time.Since(n.start)), n.giveUp)
		time.AfterFunc(left, n.giveUp)
	}
}

// Lapse loses every datagram that is under way, as it is when somebody wakes up.
func (n *Net) Lapse() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lapses++
}

// Traffic returns the counters.
func (n *Net) Traffic() Traffic {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Open lists what a machine has open: sockets, listeners and streams, as text and
// sorted.
func (n *Net) Open(m *Machine) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, s := range n.sockets {
		if s.machine == m {
			all = append(all, "udp "+s.addr.String())
		}
	}
	for _, l := range n.streams {
		if l.machine == m {
			all = append(all, "listener "+l.addr.String())
		}
	}
	for p := range n.pipes {
		if p.machine == m {
			all = append(all, "tcp "+p.local.String()+" "+p.remote.String())
		}
	}
	slices.Sort(all)
	return all
}

// Machine is one host of the network, with the interfaces that it has.
type Machine struct {
	net   *Net
	any   bool       // plays every host of its networks
	nat   netip.Addr // address that others see; invalid without translation
	cards []mi.Interface
}

var _ mi.Network = (*Machine)(nil)

// Topology is where a machine stands.
type Topology struct {
	Card    string       // name of the interface; "" is eth0
	Prefix  netip.Prefix // own address and mask length
	NAT     netip.Addr   // address of the router that hides it, as a container's bridge does
	NoMulti bool         // the network carries neither multicast nor broadcast
}

// Machine adds a host. It has a loopback of its own beside the given cards.
func (n *Net) Machine(cards ...Topology) *Machine {
	m := &Machine{net: n, cards: []mi.Interface{{Name: "lo", Prefix: netip.MustParsePrefix("127.0.0.1/8"), Loopback: true}}}
	for _, c := range cards {
		m.add(c)
	}
	return m
}

// Segment plays every host of a network at once: its sockets may be bound to any
// address of the prefix. A home of devices stands on it.
func (n *Net) Segment(c Topology) *Machine {
	m := n.Machine(c)
	m.any = true
	return m
}

// Host returns one host of a Segment, which speaks from its own address; any other
// machine is one host already.
func (m *Machine) Host(host netip.Addr) *Machine {
	if !m.any {
		return m
	}
	one := *m
	one.any = false
	for _, c := range m.cards {
		if !c.Loopback && c.Prefix.Contains(host) {
			c.Prefix = netip.PrefixFrom(host, c.Prefix.Bits())
			one.cards = []mi.Interface{m.cards[0], c}
		}
	}
	return &one
}

func (m *Machine) add(c Topology) {
	card := mi.Interface{Name: c.Card, Prefix: c.Prefix, Multicast: !c.NoMulti}
	if card.Name == "" {
		card.Name = "eth0"
	}
	if !c.NoMulti {
		card.Broadcast = lastOf(c.Prefix)
	}
	m.cards = append(m.cards, card)
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	if c.NAT.IsValid() {
		m.nat = c.NAT
		m.net.owners[c.NAT] = m
		return
	}
	m.net.owners[c.Prefix.Addr()] = m
}

// lastOf returns the highest IPv4 address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Addr().As4()
	v := binary.BigEndian.Uint32(a[:]) | uint32(uint64(1)<<(32-p.Bits())-1)
	binary.BigEndian.PutUint32(a[:], v)
	return netip.AddrFrom4(a)
}

// Readdress gives a machine another address instead of that of its last card, as a
// new lease does. Nothing reaches the old one any more, and streams from there hang
// until they are given up.
func (m *Machine) Readdress(to netip.Prefix) {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	cards := slices.Clone(m.cards)
	card := &cards[len(cards)-1]
	delete(m.net.owners, card.Prefix.Addr())
	card.Prefix = to
	if card.Broadcast.IsValid() {
		card.Broadcast = lastOf(to)
	}
	m.cards, m.net.owners[to.Addr()] = cards, m
	time.AfterFunc(givenUp, m.net.giveUp)
}

// Interfaces implements mi.Network.
func (m *Machine) Interfaces() ([]mi.Interface, error) {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	return append([]mi.Interface(nil), m.cards...), nil
}

// owns reports whether a socket of the machine may be bound to addr.
func (m *Machine) owns(addr netip.Addr) bool {
	if addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() {
		return true
	}
	for _, c := range m.cards {
		if c.Prefix.Addr() == addr || (m.any && c.Prefix.Contains(addr)) {
			return true
		}
	}
	return false
}

// source is the address from which the machine sends to a peer.
func (m *Machine) source(bound, peer netip.Addr) netip.Addr {
	if !bound.IsUnspecified() && !bound.IsMulticast() {
		return bound
	}
	best := m.cards[len(m.cards)-1].Prefix.Addr()
	for _, c := range m.cards {
		if c.Prefix.Contains(peer) {
			return c.Prefix.Addr()
		}
	}
	return best
}

// place says where a local address is bound.
func (m *Machine) place(a netip.AddrPort) place {
	if a.Addr().IsLoopback() || a.Addr().IsUnspecified() || a.Addr().IsMulticast() {
		return place{m, a}
	}
	return place{addr: a}
}

// resolve reads host:port and draws a free port where it is 0.
func (m *Machine) resolve(address string, taken func(place) bool) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch host {
	case "":
		host = "0.0.0.0"
	case "localhost":
		host = "127.0.0.1"
	}
	a, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return a, err
	}
	if !m.owns(a.Addr()) {
		return a, syscall.EADDRNOTAVAIL
	}
	for a.Port() == 0 || (port == "0" && taken(m.place(a))) {
		m.net.ephemeral[m]++
		a = netip.AddrPortFrom(a.Addr(), firstFree+m.net.ephemeral[m]%freePorts)
	}
	if taken(m.place(a)) {
		return a, syscall.EADDRINUSE
	}
	return a, nil
}

// ListenUDP implements mi.Network.
func (m *Machine) ListenUDP(_ context.Context, address string) (mi.PacketConn, error) {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	a, err := m.resolve(address, func(p place) bool { return m.net.sockets[p] != nil && !p.addr.Addr().IsMulticast() })
	if err != nil {
		return nil, fmt.Errorf("virtual: listen on udp %s: %w", address, err)
	}
	s := newSocket(m, a)
	m.net.sockets[m.place(a)] = s
	return s, nil
}

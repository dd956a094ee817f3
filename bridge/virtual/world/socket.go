package world

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// helloLen is how long a hello of miIO is, which asks who is there.
const helloLen = 32

// socketRoom is how many datagrams wait for a reader.
const socketRoom = 4096

// socket is a datagram socket of a Net.
type socket struct {
	machine *Machine
	addr    netip.AddrPort
	ready   chan struct{} // something came
	closed  chan struct{}
	once    sync.Once

	receiving sync.Mutex // guards in
	in        []mi.Packet

	groups []membership            // guarded by the Net's mutex
	spoken map[netip.AddrPort]bool // peers that a translated socket sent to; same guard
}

type membership struct {
	group netip.Addr
	card  string
}

var _ mi.PacketConn = (*socket)(nil)

func newSocket(m *Machine, a netip.AddrPort) *socket {
	return &socket{machine: m, addr: a, ready: make(chan struct{}, 1), closed: make(chan struct{}), spoken: map[netip.AddrPort]bool{}}
}

// ReadBatch implements mi.PacketConn.
func (s *socket) ReadBatch(p []mi.Packet) (int, error) {
	for {
		select {
		case <-s.closed:
			return 0, fmt.Errorf("virtual: read: %w", net.ErrClosed)
		default:
		}
		if n := s.take(p); n > 0 {
			return n, nil
		}
		select {
		case <-s.closed:
		case <-s.ready:
		}
	}
}

// take fills p with what waits.
func (s *socket) take(p []mi.Packet) int {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	n := min(len(p), len(s.in))
	for i := range n {
		fill(&p[i], s.in[i])
	}
	s.in = slices.Delete(s.in, 0, n)
	return n
}

// arrive queues a datagram; it reports false when there is no room.
func (s *socket) arrive(p mi.Packet) bool {
	s.receiving.Lock()
	room := len(s.in) < socketRoom
	if room {
		s.in = append(s.in, p)
	}
	s.receiving.Unlock()
	select {
	case s.ready <- struct{}{}:
	default:
	}
	return room
}

func fill(dst *mi.Packet, src mi.Packet) {
	room := dst.Data[:cap(dst.Data)]
	dst.Data = room[:copy(room, src.Data)]
	dst.Addr = src.Addr
}

// WriteBatch implements mi.PacketConn. As with UDP, nobody hears of a loss.
func (s *socket) WriteBatch(p []mi.Packet) error {
	select {
	case <-s.closed:
		return fmt.Errorf("virtual: write: %w", net.ErrClosed)
	default:
	}
	for _, packet := range p {
		s.machine.net.route(s, packet.Addr, slices.Clone(packet.Data))
	}
	return nil
}

// Join implements mi.PacketConn.
func (s *socket) Join(ifi mi.Interface, group netip.Addr) error {
	if !ifi.Multicast {
		return fmt.Errorf("virtual: join %s on %s: the network has no multicast", group, ifi.Name)
	}
	n := s.machine.net
	n.mu.Lock()
	defer n.mu.Unlock()
	s.groups = append(s.groups, membership{group, ifi.Name})
	return nil
}

// LocalAddr implements mi.PacketConn.
func (s *socket) LocalAddr() netip.AddrPort { return s.addr }

// Close implements mi.PacketConn.
func (s *socket) Close() error {
	s.once.Do(func() {
		close(s.closed)
		n := s.machine.net
		n.mu.Lock()
		defer n.mu.Unlock()
		if p := s.machine.place(s.addr); n.sockets[p] == s {
			delete(n.sockets, p)
		}
	})
	return nil
}

// route sends one datagram on its way.
func (n *Net) route(s *socket, to netip.AddrPort, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := netip.AddrPortFrom(s.machine.source(s.addr.Addr(), to.Addr()), s.addr.Port())
	if !s.machine.owns(from.Addr()) {
		return // it was bound to an address that the machine has no more
	}
	seen := from
	if s.machine.nat.IsValid() && !to.Addr().IsLoopback() {
		seen = netip.AddrPortFrom(s.machine.nat, s.addr.Port())
		s.spoken[to] = true
	}
	for _, r := range n.receivers(s.machine, from.Addr(), to) {
		n.carry(link{seen, netip.AddrPortFrom(r.machine.source(r.addr.Addr(), from.Addr()), to.Port())}, r, data)
	}
}

// receivers lists, in a fixed order, the sockets that a datagram is for.
func (n *Net) receivers(m *Machine, from netip.Addr, to netip.AddrPort) []*socket {
	if to.Addr().IsMulticast() || n.broadcast(m, from, to.Addr()) {
		if n.suffers(from, chaos.Isolated) {
			return nil
		}
		return n.audience(m, from, to)
	}
	if r := n.bound(m, to); r != nil {
		return []*socket{r}
	}
	return nil
}

// broadcast reports whether to is the broadcast address of the card that has from.
func (n *Net) broadcast(m *Machine, from, to netip.Addr) bool {
	for _, c := range m.cards {
		if c.Broadcast.IsValid() && c.Prefix.Contains(from) && (to == c.Broadcast || to == netip.AddrFrom4([4]byte{255, 255, 255, 255})) {
			return true
		}
	}
	return false
}

// bound finds the socket that owns an address.
func (n *Net) bound(m *Machine, to netip.AddrPort) *socket {
	everywhere := netip.AddrPortFrom(netip.IPv4Unspecified(), to.Port())
	if to.Addr().IsLoopback() {
		if s := n.sockets[place{m, to}]; s != nil {
			return s
		}
		return n.sockets[place{m, everywhere}]
	}
	if s := n.sockets[place{addr: to}]; s != nil && !s.machine.nat.IsValid() && s.machine.owns(to.Addr()) {
		return s
	}
	owner := n.owners[to.Addr()]
	if owner == nil {
		return nil
	}
	if s := n.sockets[place{owner, everywhere}]; s != nil || !owner.nat.IsValid() {
		return s
	}
	own := owner.cards[len(owner.cards)-1].Prefix.Addr()
	return n.sockets[place{addr: netip.AddrPortFrom(own, to.Port())}]
}

// audience lists who hears a broadcast or multicast of one network.
func (n *Net) audience(m *Machine, from netip.Addr, to netip.AddrPort) []*socket {
	var out []*socket
	for _, s := range n.sockets {
		if s.addr.Port() == to.Port() && s.hears(m, from, to.Addr()) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *socket) int { return a.addr.Compare(b.addr) })
	return out
}

func (s *socket) hears(m *Machine, from, to netip.Addr) bool {
	for _, c := range m.cards {
		if !c.Prefix.Contains(from) || c.Loopback {
			continue
		}
		if to.IsMulticast() {
			return c.Multicast && slices.ContainsFunc(s.machine.cards, func(o mi.Interface) bool {
				return o.Prefix.Masked() == c.Prefix.Masked() && slices.Contains(s.groups, membership{to, o.Name})
			})
		}
		if s.addr.Addr().IsUnspecified() {
			return slices.ContainsFunc(s.machine.cards, func(o mi.Interface) bool { return c.Prefix.Contains(o.Prefix.Addr()) })
		}
		return c.Prefix.Contains(s.addr.Addr())
	}
	return false
}

// carry lets a datagram arrive, as its fate has it.
func (n *Net) carry(l link, r *socket, data []byte) {
	n.stats.Sent++
	if r.machine.nat.IsValid() && !r.spoken[l.from] {
		n.stats.Lost++ // the router knows of no conversation
		return
	}
	which := n.moment.which(l, time.Since(n.start), data)
	f := n.fate(l, which)
	if f.copies == 0 || f.damaged && len(data) == helloLen { // UDP's checksum: a hello has none of its own
		n.stats.Lost++
		return
	}
	if f.damaged {
		n.stats.Damaged++
		data = damage(data, nature.Roll(n.seed, "damage", l.hash(), which))
	}
	n.stats.Doubled += uint64(f.copies - 1)
	p, lapses := mi.Packet{Data: data, Addr: l.from}, n.lapses
	for i := range f.copies {
		time.AfterFunc(f.delay+time.Duration(i)*7_000_003, func() { n.deliver(r, p, lapses) })
	}
}

func (n *Net) deliver(r *socket, p mi.Packet, lapses int) {
	n.mu.Lock()
	late := lapses != n.lapses
	n.mu.Unlock()
	if late || r.arrive(p) {
		return
	}
	n.mu.Lock()
	n.stats.Overflowed++
	n.mu.Unlock()
}

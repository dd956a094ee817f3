package miio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// memNet is a network in memory. Every datagram passes through fate, if set,
// which says after which delays it arrives; none is a loss.
type memNet struct {
	mu    sync.Mutex
	conns map[netip.AddrPort]*memConn
	ports uint16
	fate  func(n int, from, to netip.AddrPort, data []byte) []time.Duration
	count int
	ifs   []mi.Interface
	log   []datagram
}

type datagram struct {
	from, to netip.AddrPort
	data     []byte
}

func newMemNet() *memNet {
	return &memNet{conns: map[netip.AddrPort]*memConn{}, ports: 40000, ifs: []mi.Interface{{
		Name: "eth0", Prefix: netip.MustParsePrefix("192.168.1.2/24"),
		Broadcast: netip.MustParseAddr("192.168.1.255"), Multicast: true,
	}}}
}

func (n *memNet) Interfaces() ([]mi.Interface, error) { return n.ifs, nil }

func (n *memNet) Listen(context.Context, string) (net.Listener, error) {
	return nil, errors.ErrUnsupported
}

func (n *memNet) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

func (n *memNet) ListenUDP(_ context.Context, address string) (mi.PacketConn, error) {
	a := netip.MustParseAddrPort(address)
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.Addr().IsUnspecified() {
		a = netip.AddrPortFrom(netip.MustParseAddr("192.168.1.2"), a.Port())
	}
	if a.Port() == 0 {
		n.ports++
		a = netip.AddrPortFrom(a.Addr(), n.ports)
	}
	if n.conns[a] != nil {
		return nil, fmt.Errorf("address %s in use", a)
	}
	c := &memConn{net: n, addr: a, in: make(chan mi.Packet, 4096), done: make(chan struct{})}
	n.conns[a] = c
	return c, nil
}

// targets needs n.mu.
func (n *memNet) targets(to netip.AddrPort) (out []*memConn) {
	for _, i := range n.ifs {
		if to.Addr() != i.Broadcast && to.Addr() != lan.Group().Addr() {
			continue
		}
		for a, c := range n.conns {
			if i.Prefix.Contains(a.Addr()) && a.Port() == to.Port() {
				out = append(out, c)
			}
		}
	}
	if c := n.conns[to]; c != nil {
		out = append(out, c)
	}
	return out
}

func (n *memNet) send(from, to netip.AddrPort, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count++
	n.log = append(n.log, datagram{from, to, append([]byte(nil), data...)})
	delays := []time.Duration{0}
	if n.fate != nil {
		delays = n.fate(n.count, from, to, data)
	}
	for _, c := range n.targets(to) {
		for _, d := range delays {
			p := mi.Packet{Data: append([]byte(nil), data...), Addr: from}
			if d == 0 {
				c.push(p)
			} else {
				time.AfterFunc(d, func() { c.push(p) })
			}
		}
	}
}

func (n *memNet) sent() []datagram {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]datagram(nil), n.log...)
}

type memConn struct {
	net  *memNet
	addr netip.AddrPort
	in   chan mi.Packet
	once sync.Once
	done chan struct{}
}

func (c *memConn) push(p mi.Packet) {
	select {
	case c.in <- p:
	default:
	}
}

func (c *memConn) ReadBatch(p []mi.Packet) (int, error) {
	select {
	case <-c.done:
		return 0, net.ErrClosed
	case got := <-c.in:
		p[0].Data, p[0].Addr = append(p[0].Data[:0], got.Data...), got.Addr
	}
	n := 1
	for ; n < len(p) && len(c.in) > 0; n++ {
		got := <-c.in
		p[n].Data, p[n].Addr = append(p[n].Data[:0], got.Data...), got.Addr
	}
	return n, nil
}

func (c *memConn) WriteBatch(p []mi.Packet) error {
	for _, one := range p {
		c.net.send(c.addr, one.Addr, one.Data)
	}
	return nil
}

func (c *memConn) Join(mi.Interface, netip.Addr) error { return nil }
func (c *memConn) LocalAddr() netip.AddrPort           { return c.addr }
func (c *memConn) Close() error {
	c.once.Do(func() {
		c.net.mu.Lock()
		delete(c.net.conns, c.addr)
		c.net.mu.Unlock()
		close(c.done)
	})
	return nil
}

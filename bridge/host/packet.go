package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// packetConn is a UDP socket that moves many datagrams with one system call.
type packetConn struct {
	udp *net.UDPConn
	v4  *ipv4.PacketConn

	reading sync.Mutex // guards in
	in      []ipv4.Message

	writing sync.Mutex // guards out and peers
	out     []ipv4.Message
	peers   []net.UDPAddr
}

var _ mi.PacketConn = (*packetConn)(nil)

func newPacketConn(udp *net.UDPConn) *packetConn {
	return &packetConn{udp: udp, v4: ipv4.NewPacketConn(udp)}
}

// ReadBatch implements mi.PacketConn.
func (c *packetConn) ReadBatch(p []mi.Packet) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.in = grow(c.in, len(p))
	for i := range p {
		c.in[i].Buffers[0] = p[i].Data[:cap(p[i].Data)]
	}
	n, err := c.v4.ReadBatch(c.in[:len(p)], 0)
	if err != nil {
		return 0, fmt.Errorf("host: read: %w", err)
	}
	for i := range n {
		p[i].Data = p[i].Data[:c.in[i].N]
		p[i].Addr = netip.AddrPort{}
		if from, ok := c.in[i].Addr.(*net.UDPAddr); ok {
			p[i].Addr = unmapped(from.AddrPort())
		}
	}
	return n, nil
}

// WriteBatch implements mi.PacketConn.
func (c *packetConn) WriteBatch(p []mi.Packet) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.out = grow(c.out, len(p))
	if len(c.peers) < len(p) {
		c.peers = make([]net.UDPAddr, len(c.out))
	}
	for i := range p {
		ip := p[i].Addr.Addr().As4()
		c.peers[i].IP = append(c.peers[i].IP[:0], ip[:]...)
		c.peers[i].Port = int(p[i].Addr.Port())
		c.out[i].Addr = &c.peers[i]
		c.out[i].Buffers[0] = p[i].Data
	}
	return c.send(c.out[:len(p)])
}

// send goes on behind a datagram that the kernel refuses.
func (c *packetConn) send(m []ipv4.Message) error {
	var first error
	for len(m) > 0 {
		n, err := c.v4.WriteBatch(m, 0)
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("host: write: %w", err)
		}
		if err != nil {
			if first == nil {
				first = fmt.Errorf("host: write to %s: %w", m[0].Addr, err)
			}
			n = 1
		}
		m = m[max(n, 1):]
	}
	return first
}

// Join implements mi.PacketConn.
func (c *packetConn) Join(ifi mi.Interface, group netip.Addr) error {
	card, err := net.InterfaceByName(ifi.Name)
	if err == nil {
		err = c.v4.JoinGroup(card, &net.UDPAddr{IP: group.AsSlice()})
	}
	if err != nil {
		return fmt.Errorf("host: join %s on %s: %w", group, ifi.Name, err)
	}
	return nil
}

// LocalAddr implements mi.PacketConn.
func (c *packetConn) LocalAddr() netip.AddrPort {
	return unmapped(c.udp.LocalAddr().(*net.UDPAddr).AddrPort())
}

// Close implements mi.PacketConn.
func (c *packetConn) Close() error { return c.udp.Close() }

func grow(m []ipv4.Message, n int) []ipv4.Message {
	for len(m) < n {
		m = append(m, ipv4.Message{Buffers: make([][]byte, 1)})
	}
	return m
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

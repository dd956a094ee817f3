package bridge_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// machine is the one on which the bridge runs. Once dead, nothing leaves it any
// more, as after a power cut, whatever its program still tries.
type machine struct {
	mi.Network

	mu     sync.Mutex
	dead   bool
	open   []io.Closer
	counts map[netip.Addr]int // datagrams sent to each address
}

func (m *machine) die() {
	m.mu.Lock()
	m.dead = true
	open := m.open
	m.open = nil
	m.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

func (m *machine) keep(c io.Closer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = append(m.open, c)
}

// ListenUDP implements mi.Network.
func (m *machine) ListenUDP(ctx context.Context, address string) (mi.PacketConn, error) {
	c, err := m.Network.ListenUDP(ctx, address)
	if err != nil {
		return nil, err
	}
	return &counted{c, m}, nil
}

// Listen implements mi.Network.
func (m *machine) Listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := m.Network.Listen(ctx, address)
	if err == nil {
		m.keep(l)
	}
	return l, err
}

// DialContext implements mi.Network.
func (m *machine) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := m.Network.DialContext(ctx, network, address)
	if err == nil {
		m.keep(c)
	}
	return c, err
}

// counted counts what leaves.
type counted struct {
	mi.PacketConn
	machine *machine
}

// WriteBatch implements mi.PacketConn.
func (c *counted) WriteBatch(p []mi.Packet) error {
	c.machine.mu.Lock()
	dead := c.machine.dead
	for i := range p {
		c.machine.counts[p[i].Addr.Addr()]++
	}
	c.machine.mu.Unlock()
	if dead {
		return net.ErrClosed
	}
	return c.PacketConn.WriteBatch(p)
}

// later is a driver that looks for devices from an instant of its own on: whether
// the conversations with known devices are open by then is no matter of luck.
type later struct {
	mi.Driver
	by time.Duration
}

// Find implements mi.Driver.
func (l *later) Find(ctx context.Context, found func(mi.Info)) error {
	if !wait(ctx, l.by) {
		return nil
	}
	return l.Driver.Find(ctx, found)
}

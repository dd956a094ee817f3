package bridge_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
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

// anyone lets everybody do everything.
type anyone struct {
	mochi.HookBase
	sessions *mqtt.Sessions
}

func (anyone) ID() string { return "anyone" }
func (anyone) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck || b == mochi.OnSessionEstablish
}
func (anyone) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }
func (anyone) OnACLCheck(*mochi.Client, string, bool) bool              { return true }
func (a anyone) OnSessionEstablish(c *mochi.Client, _ packets.Packet)   { a.sessions.Begin(c) }

// broker is one of the user's, on a machine of its own. It keeps what is retained
// while it is away.
type broker struct {
	net    mi.Network
	listen string
	server *mochi.Server

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
	ends     sync.WaitGroup
}

func (b *broker) up() error {
	old := b.server
	b.server = mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	sessions := mqtt.NewSessions(b.server)
	for _, h := range []mochi.Hook{&anyone{sessions: sessions}, mqtt.NewTurns()} {
		if err := b.server.AddHook(h, nil); err != nil {
			return err
		}
	}
	if old != nil {
		for _, pk := range old.Topics.Retained.GetAll() {
			b.server.Topics.RetainMessage(pk)
		}
	}
	l, err := b.net.Listen(context.Background(), b.listen)
	if err != nil {
		return err
	}
	b.listener = l
	b.ends.Go(func() { b.accept(sessions, l) })
	return nil
}

func (b *broker) accept(s *mqtt.Sessions, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns = append(b.conns, c)
		b.mu.Unlock()
		c = newBuffered(c)
		b.ends.Go(func() { _ = s.Talk("home", c) }) // the error says only how it ended
	}
}

func (b *broker) down() {
	_ = b.listener.Close()
	b.mu.Lock()
	for _, c := range b.conns {
		_ = c.Close()
	}
	b.conns = nil
	b.mu.Unlock()
	b.ends.Wait()
}

// buffered is a stream whose writes do not wait for the reader, as those of a
// socket do not.
type buffered struct {
	net.Conn
	out  chan []byte
	done chan struct{}
	once sync.Once
}

func newBuffered(c net.Conn) *buffered {
	b := &buffered{Conn: c, out: make(chan []byte, 1<<14), done: make(chan struct{})}
	go func() {
		for {
			select {
			case data := <-b.out:
				if _, err := c.Write(data); err != nil {
					_ = b.Close()
					return
				}
			case <-b.done:
				return
			}
		}
	}()
	return b
}

// Write implements net.Conn.
func (b *buffered) Write(p []byte) (int, error) {
	select {
	case b.out <- append([]byte(nil), p...):
		return len(p), nil
	case <-b.done:
		return 0, net.ErrClosed
	}
}

// Close implements net.Conn.
func (b *buffered) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Conn.Close()
}

// clock is a wall clock that can be put wrong.
type clock struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *clock) step(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += by
}

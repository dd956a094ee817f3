package bridgetest

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
)

// Broker is one of the user's, on a machine of its own. It keeps what is retained
// while it is away.
type Broker struct {
	Net    mi.Network
	Listen string // host:port

	server *mochi.Server

	mu       sync.Mutex // guards conns
	listener net.Listener
	conns    []net.Conn
	ends     sync.WaitGroup
}

// Up starts the broker.
func (b *Broker) Up() error {
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
	l, err := b.Net.Listen(context.Background(), b.Listen)
	if err != nil {
		return err
	}
	b.listener = l
	b.ends.Go(func() { b.accept(sessions, l) })
	return nil
}

func (b *Broker) accept(s *mqtt.Sessions, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns = append(b.conns, c)
		b.mu.Unlock()
		c = Buffered(c)
		b.ends.Go(func() { _ = s.Talk("home", c) }) // the error says only how it ended
	}
}

// Down stops the broker and breaks its connections.
func (b *Broker) Down() {
	_ = b.listener.Close()
	b.mu.Lock()
	for _, c := range b.conns {
		_ = c.Close()
	}
	b.conns = nil
	b.mu.Unlock()
	b.ends.Wait()
}

// Forget drops what is retained, of a broker that is down.
func (b *Broker) Forget() { b.server = nil }

// Clients returns the ids of those who are or were connected, sorted.
func (b *Broker) Clients() []string {
	return slices.Sorted(maps.Keys(b.server.Clients.GetAll()))
}

// anyone lets everybody do everything.
type anyone struct {
	mochi.HookBase
	sessions *mqtt.Sessions
}

// ID implements mochi.Hook.
func (anyone) ID() string { return "anyone" }

// Provides implements mochi.Hook.
func (anyone) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck || b == mochi.OnSessionEstablish
}

// OnConnectAuthenticate implements mochi.Hook.
func (anyone) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }

// OnACLCheck implements mochi.Hook.
func (anyone) OnACLCheck(*mochi.Client, string, bool) bool { return true }

// OnSessionEstablish implements mochi.Hook.
func (a anyone) OnSessionEstablish(c *mochi.Client, _ packets.Packet) { a.sessions.Begin(c) }

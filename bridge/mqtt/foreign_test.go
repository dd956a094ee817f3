package mqtt

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// allow lets everybody do everything, but what is denied, of which it says nothing.
type allow struct {
	mochi.HookBase
	denied   func(topic string, write bool) bool // nil denies nothing
	sessions *Sessions
}

func (allow) ID() string { return "allow" }
func (allow) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck || b == mochi.OnPublish || b == mochi.OnSessionEstablish
}
func (allow) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }
func (a allow) OnSessionEstablish(c *mochi.Client, _ packets.Packet)   { a.sessions.Begin(c) }
func (a allow) OnACLCheck(_ *mochi.Client, topic string, write bool) bool {
	return write || a.denied == nil || strings.ContainsAny(topic, "+#") || !a.denied(topic, false)
}

func (a allow) OnPublish(_ *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if a.denied != nil && a.denied(pk.TopicName, true) {
		return pk, packets.CodeSuccessIgnore
	}
	return pk, nil
}

// foreign is a broker of the user's: it lets everybody do everything, and can be
// away or forget.
type foreign struct {
	t     *testing.T
	world mi.World
	mu    sync.Mutex
	l     net.Listener
	conns []net.Conn
	ends  sync.WaitGroup
	srv   *mochi.Server
	hook  allow
}

func newForeign(t *testing.T, w mi.World) *foreign {
	f := &foreign{t: t, world: w}
	f.up(nil)
	return f
}

// up starts a server with what another one kept; nil for nothing.
func (f *foreign) up(kept *mochi.Server) {
	f.srv = mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	f.hook.sessions = NewSessions(f.srv)
	for _, h := range []mochi.Hook{&f.hook, NewTurns()} {
		if err := f.srv.AddHook(h, nil); err != nil {
			f.t.Fatal(err)
		}
	}
	if kept != nil {
		for _, pk := range kept.Topics.Retained.GetAll() {
			f.srv.Topics.RetainMessage(pk)
		}
	}
	l, err := f.world.Net.Listen(context.Background(), listen)
	if err != nil {
		f.t.Fatal(err)
	}
	f.l = l
	sessions := f.hook.sessions
	f.ends.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, c)
			f.mu.Unlock()
			c = newWire(c, time.Minute) // buffers, as a socket does
			f.ends.Go(func() { _ = sessions.Talk("foreign", c) })
		}
	})
}

// down stops the server and returns it.
func (f *foreign) down() *mochi.Server {
	_ = f.l.Close()
	f.mu.Lock()
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
	f.mu.Unlock()
	f.ends.Wait()
	return f.srv
}

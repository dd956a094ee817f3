package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// The limits of the broker. Those of one subscriber are wide: Home Assistant
// subscribes to each topic by itself, and a retained message beyond a limit would
// be lost without a word.
const (
	maxPacket        = 256 << 10
	maxClients       = 64
	maxConns         = 2 * maxClients // with those that have not said who they are
	maxReceive       = 1024           // unacknowledged messages that one client may have sent
	maxSend          = 8192           // that one client may have been sent
	maxPending       = 16384          // messages that wait for one slow reader
	maxSubscriptions = 20000          // of one client
	maxFilter        = 512            // bytes of one of them
	maxKeepAlive     = 10 * time.Minute
	connectWithin    = 5 * time.Second
	minPassword      = 12
	keepSession      = 24 * time.Hour // of a client that is away
	tidyEvery        = 10 * time.Minute
	listenAgain      = 30 * time.Second
	readerPatience   = time.Minute // with a client that takes nothing
	settleStep       = 25 * time.Millisecond
	settleWithin     = 500 * time.Millisecond // that the last words get to leave
)

const (
	ownListener = "bridge"
	netListener = "net"
)

// BrokerOptions are what a Broker is made of.
type BrokerOptions struct {
	World    mi.World
	Log      zerolog.Logger
	Listen   string // host:port
	User     string
	Password mi.Secret
	Cert     []byte // PEM; with it and its Key only TLS is spoken
	Key      mi.Secret
	Base     string   // first level of our topics
	Prefixes []string // of discovery
}

// Broker is a small MQTT broker (3.1.1 and 5) inside the bridge. Others may read
// everything, and write commands and requests only.
type Broker struct {
	opt      BrokerOptions
	tls      *tls.Config // nil without a certificate
	server   *mochi.Server
	hook     *hook
	sessions *Sessions
	snapshot *snapshot
	conns    sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]bool // value: has said who it is
	shut bool
}

// NewBroker checks the options and loads the retained messages of the last run.
func NewBroker(o BrokerOptions) (*Broker, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	limits := mochi.NewDefaultServerCapabilities()
	limits.MaximumClients = maxClients
	limits.MaximumPacketSize = maxPacket
	limits.ReceiveMaximum = maxReceive
	limits.MaximumInflight = maxSend
	limits.MaximumClientWritesPending = maxPending
	limits.TopicAliasMaximum = 0            // each would keep a topic of 64 KiB
	limits.MaximumMessageExpiryInterval = 0 // else states would vanish after a day
	limits.MaximumSessionExpiryInterval = uint32(keepSession / time.Second)
	secure, err := o.secure()
	if err != nil {
		return nil, err
	}
	b := &Broker{opt: o, tls: secure, open: map[net.Conn]bool{}}
	b.server = mochi.New(&mochi.Options{Capabilities: limits, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	b.sessions = NewSessions(b.server)
	b.snapshot = &snapshot{disk: o.World.Disk, log: o.Log, topics: b.server.Topics, stale: o.stale(), dirty: make(chan struct{}, 1)}
	b.hook = newHook(o, b.sessions, b.snapshot, b.greeted)
	for _, h := range []mochi.Hook{b.hook, NewTurns()} {
		if err := b.server.AddHook(h, nil); err != nil {
			return nil, fmt.Errorf("mqtt: broker: %w", err)
		}
	}
	b.snapshot.load()
	return b, nil
}

// stale lists what a bridge says of itself while it is there. After a power cut the
// snapshot still says so, and orders would go to nobody until the next one is up.
func (o *BrokerOptions) stale() []string {
	own := topic.Layout{Base: o.Base}
	return []string{own.BridgeAvailability(), own.Bridge("instance")}
}

func (o *BrokerOptions) check() error {
	if (o.User == "") != (o.Password == "") {
		return errors.New("mqtt: broker: user and password belong together; give both or none")
	}
	if o.Password != "" && len(o.Password.Reveal()) < minPassword {
		return fmt.Errorf("mqtt: broker: the password is shorter than %d characters", minPassword)
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("mqtt: broker: %q is not host:port", o.Listen)
	}
	if !loopback(host) && o.User == "" {
		return fmt.Errorf("mqtt: broker: %s is open to the network; set MIHOME2MQTT_BROKER_USER and MIHOME2MQTT_BROKER_PASSWORD, or listen on 127.0.0.1", o.Listen)
	}
	return nil
}

// secure returns what TLS needs; nil without a certificate.
func (o *BrokerOptions) secure() (*tls.Config, error) {
	if len(o.Cert) == 0 {
		return nil, nil
	}
	pair, err := tls.X509KeyPair(o.Cert, []byte(o.Key.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("mqtt: broker: certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Run serves clients until ctx ends, then disconnects them and saves.
func (b *Broker) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { b.snapshot.run(ctx) })
	tasks.Go(func() { b.tidy(ctx) })
	for ctx.Err() == nil {
		if l := b.listen(ctx); l != nil {
			stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // ends accept
			b.accept(ctx, l)
			stop()
			_ = l.Close() // unless that is what ended it
		}
	}
	b.close()
	tasks.Wait()
	b.snapshot.save()
}

// listen tries again and again until it may use the address or ctx ends. A taken
// port is no reason to stop: the bridge itself is connected without it.
func (b *Broker) listen(ctx context.Context) net.Listener {
	complained := false
	for {
		l, err := b.opt.World.Net.Listen(ctx, b.opt.Listen)
		if err == nil {
			b.opt.Log.Info().Str("address", l.Addr().String()).Bool("tls", b.tls != nil).Msg("broker listens")
			if b.tls != nil {
				return tls.NewListener(l, b.tls) // it shakes hands when the client is read
			}
			return l
		}
		if !complained && ctx.Err() == nil {
			complained = true
			b.opt.Log.Error().Err(err).Str("address", b.opt.Listen).Msg("broker cannot listen there; if another program uses the port, choose another in MIHOME2MQTT_BROKER_LISTEN")
		}
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *Broker) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.sessions.tidy(time.Now(), keepSession)
		case <-ctx.Done():
			return
		}
	}
}

// accept takes connections until the listener is closed.
func (b *Broker) accept(ctx context.Context, l net.Listener) {
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // such as too many open files: it passes
			b.opt.Log.Warn().Err(err).Msg("broker cannot accept a connection")
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			continue
		}
		b.serve(netListener, conn)
	}
}

// Dial connects the bridge itself, without a socket. It has the shape of a stream
// dialer; network and address are not used.
func (b *Broker) Dial(_ context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	if !b.serve(ownListener, theirs) {
		return nil, net.ErrClosed
	}
	return ours, nil
}

// serve takes a connection over and reports whether there was room for it.
func (b *Broker) serve(listener string, conn net.Conn) bool {
	b.mu.Lock()
	full := b.shut || listener != ownListener && len(b.open) >= maxConns
	if full {
		b.mu.Unlock()
		_ = conn.Close()
		return false
	}
	buffered := newWire(conn, readerPatience)
	b.open[buffered] = false
	b.conns.Add(1)
	b.mu.Unlock()
	go b.talk(listener, buffered)
	return true
}

func (b *Broker) talk(listener string, conn net.Conn) {
	defer b.conns.Done()
	defer func() {
		b.mu.Lock()
		delete(b.open, conn)
		b.mu.Unlock()
	}()
	// The broker lifts this limit when the client has said who it is.
	_ = conn.SetDeadline(time.Now().Add(connectWithin))
	if err := b.sessions.Talk(listener, conn); err != nil {
		b.opt.Log.Debug().Err(err).Str("remote", remote(conn)).Msg("client of the broker gone")
	}
}

// greeted notes that a connection has said who it is.
func (b *Broker) greeted(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[conn] = true
}

func (b *Broker) close() {
	b.settle()
	b.mu.Lock()
	b.shut = true
	for conn := range b.open {
		b.conns.Go(func() { _ = conn.Close() }) // what is on its way gets a moment
	}
	b.mu.Unlock()
	b.conns.Wait()
}

// settle waits until the queues of all clients have run empty: the last word, that
// the bridge goes offline, may still stand in them. Nobody who is slow holds it up.
func (b *Broker) settle() {
	before, still := b.taken(), 0
	for range int(settleWithin / settleStep) {
		<-time.After(settleStep)
		now := b.taken()
		if still++; now != before {
			before, still = now, 0
		}
		if still == 2 {
			return
		}
	}
}

// taken returns how many bytes all clients have been written.
func (b *Broker) taken() (bytes uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for conn := range b.open {
		if w, ok := conn.(*wire); ok {
			bytes += w.taken.Load()
		}
	}
	return bytes
}

// Denied returns how many messages were refused because others may not write there.
func (b *Broker) Denied() uint64 { return b.hook.denied.Load() }

func remote(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		return conn.RemoteAddr().String()
	}
	return host
}

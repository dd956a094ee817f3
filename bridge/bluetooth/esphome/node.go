// Package esphome hears advertisements and makes connections by way of ESPHome
// nodes that are Bluetooth proxies. It speaks their native API, plain or
// encrypted, with its own code for the few messages that takes. The numbers are
// those of ESPHome's api.proto.
package esphome

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Port is where nodes listen.
const Port = "6053"

const (
	quietTime = 30 * time.Second // a node that hands over nothing that long has another subscriber
	askAgain  = time.Minute      // such a node
)

// Options set up a Node.
type Options struct {
	Addr     string    // host, or host:port
	Key      mi.Secret // encryption key in base 64; "" for a node without
	Password mi.Secret // of nodes from before keys; "" for none
	Name     string    // for people; "" is the host
	Log      zerolog.Logger
}

// Node is one ESPHome node.
type Node struct {
	net      mi.Network
	address  string
	key      []byte
	password mi.Secret
	name     string
	log      zerolog.Logger
	state    bluetooth.Condition
	slot     chan struct{} // holds one entry while a connection is open
	counts   struct{ heard, malformed atomic.Uint64 }

	mu    sync.Mutex
	now   *session            // nil while there is none
	kinds map[mi.Address]byte // of addresses: public or random
}

const maxRemembered = 4096

var (
	_ mi.Receiver = (*Node)(nil)
	_ mi.Central  = (*Node)(nil)
)

// New returns a node, or an error (ErrInvalid) when its key is none. Nothing is
// asked of it yet.
func New(n mi.Network, o Options) (*Node, error) {
	address := o.Addr
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), Port)
	}
	host, _, _ := net.SplitHostPort(address)
	node := &Node{
		net: n, address: address, password: o.Password, name: cmp.Or(o.Name, host), log: o.Log,
		slot: make(chan struct{}, 1), kinds: map[mi.Address]byte{},
	}
	if o.Key != "" {
		key, err := parseKey(o.Key)
		if err != nil {
			return nil, fmt.Errorf("esphome: %s: %w", node.name, err)
		}
		node.key = key
	}
	return node, nil
}

// Name implements mi.Receiver and mi.Central. Adverts name their receiver so.
func (n *Node) Name() string { return "ESPHome " + n.name }

// Hearing implements mi.Receiver.
func (n *Node) Hearing() error { return n.state.Hearing() }

// Counts returns how many adverts came since the start, and how many messages or
// packets were malformed.
func (n *Node) Counts() map[string]uint64 {
	return map[string]uint64{"heard": n.counts.heard.Load(), "malformed": n.counts.malformed.Load()}
}

// Listen implements mi.Receiver.
func (n *Node) Listen(ctx context.Context, heard func(mi.Advert)) error {
	bluetooth.Keep(ctx, &n.state, n.log, func(ctx context.Context) error {
		if err := n.attempt(ctx, heard); err != nil {
			return n.fail(err)
		}
		return nil
	})
	return nil
}

func (n *Node) fail(err error) error { return fmt.Errorf("bluetooth: %s: %w", n.Name(), err) }

// attempt is one connection from beginning to end.
func (n *Node) attempt(ctx context.Context, heard func(mi.Advert)) error {
	s, err := n.open(ctx, heard)
	if err != nil {
		return err
	}
	if s.info.proxy&canHear == 0 {
		_ = s.conn.Close()
		return fmt.Errorf("the node is no Bluetooth proxy; add bluetooth_proxy: to its configuration: %w", mi.ErrUnsupported)
	}
	n.log.Info().Str("node", s.info.name).Str("version", s.info.version).Msg("connected to the ESPHome node")
	var tasks sync.WaitGroup
	tasks.Go(s.read)
	tasks.Go(func() { s.ping(ctx) })
	n.use(s)
	n.listen(ctx, s)
	n.use(nil)
	s.leave()
	tasks.Wait()
	return s.lastly
}

// listen subscribes and watches that adverts come until the connection ends.
func (n *Node) listen(ctx context.Context, s *session) {
	check := time.NewTicker(time.Second)
	defer check.Stop()
	s.subscribe()
	seen, last, asked := n.counts.heard.Load(), time.Now(), time.Now()
	for {
		select {
		case <-check.C:
		case <-s.ended:
			return
		case <-ctx.Done():
			return
		}
		now := n.counts.heard.Load()
		switch quiet := time.Since(last) > quietTime; {
		case now != seen:
			seen, last = now, time.Now()
			n.state.Set(nil)
		case quiet && n.state.Set(n.taken()):
			n.log.Warn().Err(n.taken()).Msg("Bluetooth receiver does not work")
		case quiet && time.Since(asked) > askAgain:
			s.subscribe() // the other one may have left
			asked = time.Now()
		}
	}
}

// subscribe asks for advertisements, and to be told of free connections. Whether
// it leaves, the reader tells.
func (s *session) subscribe() {
	flags := uint64(0)
	if s.info.proxy&canRaw != 0 {
		flags = wantRaw
	}
	_ = s.frames.write(subscribeAdverts, appendNumber(nil, 1, flags))
	if s.info.proxy&canConnect != 0 {
		_ = s.frames.write(subscribeFree, nil)
	}
}

// taken says why a node that is there hands over nothing.
func (n *Node) taken() error {
	return n.fail(fmt.Errorf("connected, but no advertisement comes: a node serves one subscriber, and Home Assistant has probably adopted it; "+
		"delete the node there from the integration ESPHome, or leave it and have another gateway publish by MQTT (OpenMQTTGateway): %w", mi.ErrBusy))
}

// use makes s the session that connections are made by; nil for none.
func (n *Node) use(s *session) {
	n.mu.Lock()
	n.now = s
	n.mu.Unlock()
}

// note notes of which kind an address is; the node wants to be told to connect.
func (n *Node) note(addr mi.Address, kind byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.kinds[addr]; !known && len(n.kinds) >= maxRemembered {
		clear(n.kinds)
	}
	n.kinds[addr] = kind
}

// leave ends a session in order.
func (s *session) leave() {
	_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // the node may be gone
	_ = s.frames.write(unsubscribeAdvert, nil)
	_ = s.frames.write(disconnectRequest, nil)
	_ = s.conn.Close()
	<-s.ended
}

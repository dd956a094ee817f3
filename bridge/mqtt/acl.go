package mqtt

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	maxRefusals   = 10 // wrong passwords per address and minute
	maxAddresses  = 1024
	maxComplaints = 100 // clients that are named in the log for writing where they may not
)

// hook is our word in what the broker does: who may come in, who may write what,
// and what is kept.
type hook struct {
	mochi.HookBase
	opt      BrokerOptions
	user     [sha256.Size]byte
	password [sha256.Size]byte
	sessions *Sessions
	snapshot *snapshot
	greeted  func(net.Conn)
	guests   func(topic string) bool // what others may write because a part of the bridge listens there; nil for nothing
	denied   atomic.Uint64

	mu       sync.Mutex
	refusals map[string]*refusals // by address
	named    map[string]bool      // client ids that were complained of
}

// refusals counts wrong passwords within a minute.
type refusals struct {
	since time.Time
	count int
}

func newHook(o BrokerOptions, s *Sessions, snap *snapshot, greeted func(net.Conn)) *hook {
	return &hook{
		opt:      o,
		user:     sha256.Sum256([]byte(o.User)),
		password: sha256.Sum256([]byte(o.Password.Reveal())),
		sessions: s,
		snapshot: snap,
		greeted:  greeted,
		refusals: map[string]*refusals{},
		named:    map[string]bool{},
	}
}

// ID implements mochi.Hook.
func (h *hook) ID() string { return "mihome2mqtt" }

// Provides implements mochi.Hook.
func (h *hook) Provides(b byte) bool {
	return slices.Contains([]byte{
		mochi.OnConnect, mochi.OnConnectAuthenticate, mochi.OnSessionEstablish, mochi.OnACLCheck,
		mochi.OnSubscribe, mochi.OnPublish, mochi.OnRetainMessage,
	}, b)
}

// OnConnect implements mochi.Hook: limits that hold before the password is read.
func (h *hook) OnConnect(c *mochi.Client, pk packets.Packet) error {
	if c.Net.Listener == ownListener {
		return nil
	}
	if strings.HasPrefix(c.ID, clientIDPrefix) {
		return packets.ErrClientIdentifierNotValid // ours: nobody takes over the bridge's session
	}
	if limit := uint16(maxKeepAlive / time.Second); c.State.Keepalive == 0 || c.State.Keepalive > limit {
		c.State.Keepalive, c.State.ServerKeepalive = limit, c.Properties.ProtocolVersion == 5
	}
	if pk.Connect.WillFlag && !h.mayWrite(c.Properties.Will.TopicName) {
		h.complain(c, c.Properties.Will.TopicName)
		c.Properties.Will = mochi.Will{}
	}
	c.Properties.Will.WillDelayInterval = 0 // wills leave at once
	return nil
}

// OnConnectAuthenticate implements mochi.Hook.
func (h *hook) OnConnectAuthenticate(c *mochi.Client, pk packets.Packet) bool {
	if c.Net.Listener == ownListener || h.opt.User == "" {
		return true
	}
	address := remote(c.Net.Conn)
	if h.tooMany(address) {
		return false
	}
	user, password := sha256.Sum256(pk.Connect.Username), sha256.Sum256(pk.Connect.Password)
	if subtle.ConstantTimeCompare(user[:], h.user[:])&subtle.ConstantTimeCompare(password[:], h.password[:]) == 1 {
		return true
	}
	h.refuse(address)
	return false
}

func (h *hook) tooMany(address string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.refusals[address]
	return r != nil && time.Since(r.since) < time.Minute && r.count >= maxRefusals
}

func (h *hook) refuse(address string) {
	h.mu.Lock()
	r := h.refusals[address]
	if r == nil || time.Since(r.since) >= time.Minute {
		if len(h.refusals) >= maxAddresses {
			clear(h.refusals)
		}
		r = &refusals{since: time.Now()}
		h.refusals[address] = r
	}
	r.count++
	first, last := r.count == 1, r.count == maxRefusals
	h.mu.Unlock()
	switch {
	case first:
		h.opt.Log.Warn().Str("remote", address).Msg("client of the broker gave a wrong user name or password")
	case last:
		h.opt.Log.Warn().Str("remote", address).Msg("too many wrong passwords from there; it is not listened to for a minute")
	}
}

// OnSessionEstablish implements mochi.Hook.
func (h *hook) OnSessionEstablish(c *mochi.Client, _ packets.Packet) {
	h.greeted(c.Net.Conn)
	h.sessions.Begin(c)
}

// OnACLCheck implements mochi.Hook. Everybody reads everything. What a 3.1.1
// client may not write is swallowed in OnPublish, because MQTT 3.1.1 knows no
// refusal but cutting the connection.
func (h *hook) OnACLCheck(c *mochi.Client, topic string, write bool) bool {
	if !write || c.Net.Listener == ownListener || c.Properties.ProtocolVersion < 5 {
		return true
	}
	if h.mayWrite(topic) {
		return true
	}
	h.complain(c, topic)
	return false
}

// OnSubscribe implements mochi.Hook.
func (h *hook) OnSubscribe(c *mochi.Client, pk packets.Packet) packets.Packet {
	long := slices.ContainsFunc(pk.Filters, func(s packets.Subscription) bool { return len(s.Filter) > maxFilter })
	if long || c.State.Subscriptions.Len()+len(pk.Filters) > maxSubscriptions {
		h.opt.Log.Warn().Str("client", c.ID).Int("limit", maxSubscriptions).Msg("client of the broker asks for too many topics, or too long ones; it is cut off")
		c.Stop(packets.ErrQuotaExceeded)
	}
	return pk
}

// OnPublish implements mochi.Hook.
func (h *hook) OnPublish(c *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if c.Net.Listener == ownListener {
		return pk, nil
	}
	if !h.mayWrite(pk.TopicName) {
		h.complain(c, pk.TopicName)
		return pk, packets.CodeSuccessIgnore
	}
	if !h.isStatus(pk.TopicName) {
		pk.FixedHeader.Retain = false // a command is never kept
	}
	return pk, nil
}

// OnRetainMessage implements mochi.Hook.
func (h *hook) OnRetainMessage(*mochi.Client, packets.Packet, int64) { h.snapshot.touch() }

// mayWrite reports whether others than the bridge may publish on topic.
func (h *hook) mayWrite(topic string) bool {
	if h.isStatus(topic) || h.guests != nil && h.guests(topic) {
		return true
	}
	rest, ours := strings.CutPrefix(topic, h.opt.Base+"/")
	if !ours {
		return false
	}
	if strings.HasPrefix(rest, "bridge/") {
		return strings.HasPrefix(rest, "bridge/request/")
	}
	_, rest, _ = strings.Cut(rest, "/")
	return strings.HasSuffix(rest, "/set") || strings.HasPrefix(rest, "command/")
}

func (h *hook) isStatus(topic string) bool {
	prefix, ok := strings.CutSuffix(topic, "/status")
	return ok && slices.Contains(h.opt.Prefixes, prefix)
}

// complain counts a message that is not let through, and names its sender once.
func (h *hook) complain(c *mochi.Client, topic string) {
	h.denied.Add(1)
	h.mu.Lock()
	known := h.named[c.ID] || len(h.named) >= maxComplaints
	if !known {
		h.named[c.ID] = true
	}
	h.mu.Unlock()
	if !known {
		h.opt.Log.Warn().Str("client", c.ID).Str("topic", topic).Msg("client of the broker may not write there; others may only send commands and requests")
	}
}

package miio

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// The home's network and the client's machine in every test.
var (
	homeNet   = netip.MustParsePrefix("10.1.0.0/16")
	clientNet = netip.MustParsePrefix("10.1.255.1/16")
)

func homeAddress(i int) string { return fmt.Sprintf("10.1.%d.%d:54321", (i+1)>>8, (i+1)&255) }

// stage is a home in memory with a client in the same network.
type stage struct {
	t    *testing.T
	net  *world.Net
	home *Home
	stop func()
}

// bubble runs a test in a synctest bubble with a home that lives.
func bubble(t *testing.T, o Options, test func(s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(3)
		if o.Address == nil {
			o.Address = homeAddress
		}
		h, err := New(mi.World{Net: n.Segment(world.Topology{Prefix: homeNet}), Now: time.Now, Seed: 3}, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		s := &stage{t: t, net: n, home: h, stop: stop}
		defer func() {
			s.stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		test(s)
	})
}

// client is one conversation with one device.
type client struct {
	t     *testing.T
	conn  mi.PacketConn
	in    chan mi.Packet
	to    netip.AddrPort
	seal  *seal
	did   uint64
	stamp uint32
	at    time.Time
	id    int
}

// talk opens a conversation with the home's first device.
func (s *stage) talk() *client { s.t.Helper(); return s.talkFrom(clientNet) }

// talkFrom is talk by a machine of its own.
func (s *stage) talkFrom(from netip.Prefix) *client {
	s.t.Helper()
	d := s.home.Devices()[0]
	conn, err := s.net.Machine(world.Topology{Prefix: from}).ListenUDP(s.t.Context(), ":0")
	if err != nil {
		s.t.Fatal(err)
	}
	c := &client{t: s.t, conn: conn, in: make(chan mi.Packet, 100), to: netip.MustParseAddrPort(d.Info().Addr), did: d.did}
	if c.seal, err = newSeal(d.Info().Token.Reveal()); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(c.in)
		for {
			batch := []mi.Packet{{Data: make([]byte, 4096)}}
			if _, err := conn.ReadBatch(batch); err != nil {
				return
			}
			c.in <- batch[0]
		}
	}()
	stop := s.stop
	s.stop = func() { conn.Close(); stop() }
	return c
}

func (c *client) send(b []byte) {
	if err := c.conn.WriteBatch([]mi.Packet{{Data: b, Addr: c.to}}); err != nil {
		c.t.Error(err)
	}
}

// next waits for a datagram; nil when none comes.
func (c *client) next() []byte {
	select {
	case p := <-c.in:
		return p.Data
	case <-time.After(900 * time.Millisecond):
		return nil
	}
}

// greet says hello and learns the stamp.
func (c *client) greet(probe string) string {
	c.t.Helper()
	b, err := hex.DecodeString(probe)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(b)
	reply := c.next()
	if reply == nil {
		return ""
	}
	h, _, err := parseHeader(reply)
	if err != nil {
		c.t.Fatal(err)
	}
	c.stamp, c.at = h.stamp, time.Now()
	return hex.EncodeToString(reply[16:])
}

const plainHello = "21310020ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

func (c *client) write(text string) {
	c.send(c.seal.close(c.did, c.stamp+uint32(time.Since(c.at)/time.Second), []byte(text)))
}

// ask calls a method and returns what follows the id in the answer, "" for none.
func (c *client) ask(method, params string) string {
	c.t.Helper()
	c.id++
	c.write(fmt.Sprintf(`{"id":%d,"method":%q,"params":%s}`, c.id, method, params))
	return strings.TrimPrefix(c.text(), fmt.Sprintf(`{"id":%d,`, c.id))
}

// text waits for a sealed datagram.
func (c *client) text() string {
	c.t.Helper()
	b := c.next()
	if b == nil {
		return ""
	}
	text, err := c.seal.open(b)
	if err != nil {
		c.t.Fatalf("%x: %v", b, err)
	}
	return string(text)
}

// message reads an unasked message.
func (c *client) message() (id int, method, params string) {
	c.t.Helper()
	var m struct {
		ID     int
		Method string
		Params json.RawMessage
	}
	text := c.text()
	if text == "" {
		return 0, "", ""
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	return m.ID, m.Method, string(m.Params)
}

// exchange opens a real socket and returns a function that sends one datagram and
// waits for the answer.
func exchange(t *testing.T, address string) func([]byte) ([]byte, error) {
	t.Helper()
	return func(b []byte) ([]byte, error) {
		c, err := net.Dial("udp4", address)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return nil, err
		}
		if _, err := c.Write(b); err != nil {
			return nil, err
		}
		reply := make([]byte, 100)
		n, err := c.Read(reply)
		return reply[:n], err
	}
}

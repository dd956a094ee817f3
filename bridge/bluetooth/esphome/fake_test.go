package esphome

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/flynn/noise"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	rxUUID = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
	txUUID = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
	rx, tx = 13, 15 // handles
	config = 16
)

var (
	miniAddress = mi.Address{0xC0, 0xFF, 0xEE, 0x00, 0x00, 0x01}
	testKey     = base64.StdEncoding.EncodeToString([]byte("an encryption key of 32 octets.."))
)

// fake is a node: a Bluetooth proxy with one subscriber at a time, which hears one
// vehicle and can connect to it.
type fake struct {
	t        *testing.T
	listener net.Listener
	key      []byte // nil without encryption
	password string
	flags    uint64
	chatter  sync.WaitGroup

	mu         sync.Mutex
	all        map[*client]bool
	subscriber *client
	calls      []string
	free       uint64
	refuse     map[uint64]int // errors by kind of request
	mute       bool           // does not even answer a ping
	road       *road          // what the device is, if it is more than an echo
}

// client is somebody who is connected to the node.
type client struct {
	f    *fake
	conn net.Conn
	*frames
}

func newFake(t *testing.T, change func(*fake)) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := unplugged(t)
	f.listener = l
	if change != nil {
		change(f)
	}
	f.chatter.Go(f.accept)
	t.Cleanup(f.stop)
	return f
}

// unplugged returns a node that no network leads to.
func unplugged(t *testing.T) *fake {
	return &fake{t: t, flags: canHear | canConnect | canRaw | 1<<2, free: 3, all: map[*client]bool{}, refuse: map[uint64]int{}}
}

// wires is a network of pipes to one node.
type wires struct {
	mi.Network
	f *fake
}

func (w wires) DialContext(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	w.f.receive(theirs)
	return ours, nil
}

func (f *fake) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.receive(conn)
	}
}

// receive serves one connection.
func (f *fake) receive(conn net.Conn) {
	c := &client{f, conn, newFrames(conn)}
	f.edit(func() { f.all[c] = true })
	f.chatter.Go(c.serve)
}

// stop ends the node and all its connections.
func (f *fake) stop() {
	_ = f.listener.Close()
	f.mu.Lock()
	for c := range f.all {
		_ = c.conn.Close()
	}
	f.mu.Unlock()
	f.chatter.Wait()
}

func (f *fake) address() string { return f.listener.Addr().String() }

func (f *fake) edit(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) called(what string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == what {
			n++
		}
	}
	return n
}

// say hands one advertisement to the subscriber, if there is one.
func (f *fake) say(addr mi.Address, rssi int, structures string) bool {
	data, err := hex.DecodeString(structures)
	if err != nil {
		f.t.Error(err)
	}
	one := appendNumber(nil, 1, bluetooth.Number(addr))
	one = appendNumber(one, 2, uint64(uint32(rssi<<1)^uint32(rssi>>31)))
	one = appendNumber(one, 3, 1) // a random address
	one = appendBytes(one, 4, data)
	f.mu.Lock()
	c := f.subscriber
	f.mu.Unlock()
	return c != nil && c.write(rawAdverts, appendBytes(nil, 1, one)) == nil
}

// serve is one connection from beginning to end.
func (c *client) serve() {
	defer func() {
		_ = c.conn.Close()
		c.f.edit(func() {
			delete(c.f.all, c)
			if c.f.subscriber == c {
				c.f.subscriber = nil
			}
		})
	}()
	if c.f.key != nil && c.shake() != nil {
		return
	}
	for {
		kind, body, err := c.read()
		if errors.Is(err, mi.ErrDenied) {
			_, _ = c.conn.Write([]byte("\x00Bad indicator byte"))
		}
		if err != nil {
			return
		}
		if c.answer(kind, body) != nil {
			return
		}
	}
}

// shake is the node's side of secure.
func (c *client) shake() error {
	if hello, err := c.readNoise(); err != nil || len(hello) != 0 {
		_, _ = c.conn.Write([]byte("\x01\x00\x16\x01Bad indicator byte...."))
		return fmt.Errorf("no greeting: %w", err)
	}
	_, _ = c.conn.Write(appendNoise(nil, []byte("\x01porch\x00C0FFEE000000\x00")))
	state, err := noise.NewHandshakeState(noise.Config{
		CipherSuite: noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashSHA256),
		Pattern:     noise.HandshakeNN, Prologue: []byte(prologue), PresharedKey: c.f.key,
	})
	if err != nil {
		return err
	}
	theirs, err := c.readNoise()
	if err != nil {
		return err
	}
	if _, _, _, err = state.ReadMessage(nil, theirs[1:]); err != nil {
		_, _ = c.conn.Write(appendNoise(nil, []byte("\x01Handshake MAC failure")))
		return err
	}
	ours, opened, sealed, err := state.WriteMessage([]byte{0}, nil)
	c.opened, c.sealed = opened, sealed
	_, _ = c.conn.Write(appendNoise(nil, ours))
	return err
}

func (c *client) answer(kind uint64, body []byte) error {
	c.f.mu.Lock()
	mute := c.f.mute
	c.f.mu.Unlock()
	switch {
	case mute:
	case kind == helloRequest:
		b := appendNumber(appendNumber(nil, 1, 1), 2, 12)
		return c.write(helloResponse, appendBytes(appendBytes(b, 3, "porch (esphome v2026.10.0)"), 4, "porch"))
	case kind == loginRequest && c.f.password != "":
		wrong := uint64(0)
		if !bytes.Equal(body, appendBytes(nil, 1, c.f.password)) {
			wrong = 1
		}
		return c.write(loginResponse, appendNumber(nil, 1, wrong))
	case kind == pingRequest:
		return c.write(pingResponse, nil)
	case kind == disconnectRequest:
		_ = c.write(disconnectResponse, nil)
		return net.ErrClosed
	case kind == infoRequest:
		b := appendBytes(appendBytes(nil, 2, "porch"), 3, "C0:FF:EE:00:00:00")
		return c.write(infoResponse, appendNumber(appendBytes(b, 4, "2026.10.0"), 15, c.f.flags))
	case kind == subscribeFree:
		return c.tellFree()
	case kind == subscribeAdverts:
		c.f.edit(func() {
			c.f.calls = append(c.f.calls, fmt.Sprintf("subscribe %x", body))
			if c.f.subscriber == nil {
				c.f.subscriber = c
			}
		})
	case kind == unsubscribeAdvert:
		c.f.edit(func() {
			if c.f.subscriber == c {
				c.f.subscriber = nil
			}
		})
	case kind >= deviceRequest && kind <= notifyRequest:
		return c.device(kind, body)
	}
	return nil
}

func (c *client) tellFree() error {
	c.f.mu.Lock()
	free := c.f.free
	c.f.mu.Unlock()
	return c.write(connectionsFree, appendNumber(appendNumber(nil, 1, free), 2, 3))
}

// request is what a client wants of a device.
type request struct {
	addr, handle, third, fourth uint64
	data                        []byte
}

func parseRequest(b []byte) (r request) {
	_ = eachField(b, func(f field) {
		switch {
		case f.wire == wireBytes:
			r.data = bytes.Clone(f.data)
		case f.num == 1:
			r.addr = f.n
		case f.num == 2:
			r.handle = f.n
		case f.num == 3:
			r.third = f.n
		case f.num == 4:
			r.fourth = f.n
		}
	})
	return r
}

// device does what a client wants of a device.
func (c *client) device(kind uint64, body []byte) error {
	r := parseRequest(body)
	c.f.mu.Lock()
	c.f.calls = append(c.f.calls, fmt.Sprintf("%d %d %d %d %q", kind, r.handle, r.third, r.fourth, r.data))
	fail, refused := c.f.refuse[kind]
	c.f.mu.Unlock()
	about := appendNumber(appendNumber(nil, 1, r.addr), 2, r.handle)
	if refused && (kind != deviceRequest || r.handle != disconnectDevice) {
		if kind == deviceRequest {
			return c.write(deviceConnection, appendNumber(appendNumber(nil, 1, r.addr), 4, uint64(fail)))
		}
		return c.write(gattError, appendNumber(about, 3, uint64(fail)))
	}
	if c.f.road != nil && c.f.road.take(c, kind, r) {
		return nil
	}
	switch kind {
	case deviceRequest:
		if r.handle == disconnectDevice {
			return c.write(deviceConnection, appendNumber(nil, 1, r.addr))
		}
		return c.write(deviceConnection, appendNumber(appendNumber(appendNumber(nil, 1, r.addr), 2, 1), 3, 23))
	case servicesRequest:
		if err := c.write(servicesResponse, appendBytes(appendNumber(nil, 1, r.addr), 2, uart())); err != nil {
			return err
		}
		return c.write(servicesDone, appendNumber(nil, 1, r.addr))
	case readRequest:
		return c.write(readResponse, appendBytes(about, 3, fmt.Sprint("value of ", r.handle)))
	case writeRequest:
		if r.third != 0 {
			if err := c.write(writeResponse, about); err != nil {
				return err
			}
		}
		return c.write(notifyData, appendBytes(appendNumber(appendNumber(nil, 1, r.addr), 2, tx), 3, bytes.ToUpper(r.data)))
	case writeDescriptor:
		return c.write(writeResponse, about)
	case notifyRequest:
		return c.write(notifyResponse, about)
	}
	return nil
}

// uart describes the Nordic UART service.
func uart() []byte {
	long := func(b []byte, part uint64) []byte {
		b = appendNumber(b, 1, 0x6e400000b5a3f393|part<<32)
		return appendNumber(b, 1, 0xe0a9e50e24dcca9e)
	}
	one := appendNumber(appendNumber(long(nil, 2), 2, rx), 3, 0x0C)
	descriptor := appendNumber(appendNumber(nil, 2, config), 3, configUUID)
	two := appendBytes(appendNumber(appendNumber(long(nil, 3), 2, tx), 3, canNotify), 4, descriptor)
	service := appendNumber(long(nil, 1), 2, 12)
	return appendBytes(appendBytes(service, 3, one), 3, two)
}

package mqtt

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// swamp is a network that can swallow everything without breaking a connection.
type swamp struct {
	mi.Network
	deep atomic.Bool
}

func (s *swamp) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := s.Network.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &swampConn{Conn: c, deep: &s.deep, closed: make(chan struct{})}, nil
}

type swampConn struct {
	net.Conn
	deep   *atomic.Bool
	once   sync.Once
	closed chan struct{}
}

func (c *swampConn) Write(p []byte) (int, error) {
	if c.deep.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *swampConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.deep.Load() && err == nil {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *swampConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func TestSilentBrokerIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		net := &swamp{Network: w.Net}
		own := w
		own.Net = net
		s := newHouse(t, own, 1, external)
		time.Sleep(30 * time.Second)
		net.deep.Store(true)
		silent := time.Now()
		for i := range 100000 { // a device that never stops
			s.home.view("d1").page.put(firstRole, fmt.Sprint(i))
			if i%1000 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
		for s.home.Connection().Up {
			time.Sleep(time.Second)
		}
		if took := time.Since(silent); took > keepAlive*3/2 {
			t.Errorf("found after %v, want at most 1.5 times the keep-alive", took)
		}
		net.deep.Store(false)
		time.Sleep(2 * time.Minute)
		if tree := s.tree(); !among(tree, "d1/p2_1/state 99999") {
			t.Errorf("the newest value is not there: %.900q", tree)
		}
		s.stop()
		b.down()
	})
}

// TestSlowBrokerGetsTheNewest has a broker that takes next to nothing: what cannot
// leave coalesces, and nobody waits.
func TestSlowBrokerGetsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		slow := &brook{Network: w.Net}
		own := w
		own.Net = slow
		s := newHouse(t, own, 1, external)
		time.Sleep(30 * time.Second)
		u := s.watch()
		u.heard()
		slow.dry.Store(true)
		began := time.Now()
		for i := range 100000 {
			s.home.view("d1").page.put(firstRole, fmt.Sprint(i))
			if i%100 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		if took := time.Since(began); took > 1100*time.Millisecond {
			t.Errorf("devices waited for the broker: %v", took)
		}
		time.Sleep(20 * time.Second)
		slow.dry.Store(false)
		time.Sleep(10 * time.Second)
		if heard := u.heard(); len(heard) > 5000 || !among(heard, "d1/p2_1/state 99999") {
			t.Errorf("%d messages came through a brook", len(heard))
		}
		u.bye()
		s.stop()
		b.down()
	})
}

// brook is a network that passes little at a time.
type brook struct {
	mi.Network
	dry atomic.Bool
}

func (s *brook) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := s.Network.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &brookConn{c, &s.dry}, nil
}

type brookConn struct {
	net.Conn
	dry *atomic.Bool
}

func (c *brookConn) Write(p []byte) (int, error) {
	if c.dry.Load() {
		time.Sleep(time.Duration(len(p)) * time.Second / 8192)
	}
	return c.Conn.Write(p)
}

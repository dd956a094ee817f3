package yeelight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	musicWait = 5 * time.Second  // for the lamp to connect
	musicIdle = 30 * time.Second // without an order, after which the lamp answers again
	musicRest = time.Minute      // after a lamp did not connect
)

// music is the connection that a lamp made to us: it takes orders there without a
// quota and without an answer. It lasts for a burst of orders.
type music struct {
	mu    sync.Mutex // guards the fields below
	conn  net.Conn   // nil while there is none
	idle  *time.Timer
	again time.Time // not tried before
}

// sing sends an order by music mode when the quota is used up; it reports false
// when that is not to be.
func (s *session) sing(ctx context.Context, c command) bool {
	if !s.d.o.Music || c.method == "get_prop" || c.method == "set_music" {
		return false
	}
	m := &s.music
	m.mu.Lock()
	conn, resting := m.conn, time.Now().Before(m.again)
	m.mu.Unlock()
	if conn == nil {
		if resting || s.quota.spare(time.Now()) {
			return false
		}
		var err error
		if conn, err = s.strike(ctx); err != nil {
			s.d.o.Log.Debug().Err(err).Uint64("did", s.did).Msg("no music mode")
			m.mu.Lock()
			m.again = time.Now().Add(musicRest)
			m.mu.Unlock()
			return false
		}
	}
	if err := conn.SetWriteDeadline(time.Now().Add(answerWait)); err != nil {
		return false
	}
	if _, err := conn.Write(appendCommand(nil, 1, c)); err != nil {
		s.silence(conn)
		return false
	}
	m.mu.Lock()
	if m.idle != nil {
		m.idle.Reset(musicIdle)
	}
	m.mu.Unlock()
	return true
}

// strike has the lamp connect to us.
func (s *session) strike(ctx context.Context) (net.Conn, error) {
	s.mu.Lock()
	l := s.line
	s.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("not connected: %w", mi.ErrOffline)
	}
	own, err1 := netip.ParseAddrPort(l.conn.LocalAddr().String())
	peer, err2 := netip.ParseAddrPort(l.conn.RemoteAddr().String())
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	ear, err := s.d.w.Net.Listen(ctx, netip.AddrPortFrom(own.Addr(), 0).String())
	if err != nil {
		return nil, err
	}
	defer ear.Close() //nolint:errcheck // one connection is all that is wanted of it
	defer context.AfterFunc(s.ctx, func() { _ = ear.Close() })()
	timer := time.AfterFunc(musicWait, func() { _ = ear.Close() })
	defer timer.Stop()
	at, err := netip.ParseAddrPort(ear.Addr().String())
	if err != nil {
		return nil, err
	}
	if _, err := s.exchange(ctx, command{"set_music", []any{1, own.Addr().Unmap().String(), int(at.Port())}}); err != nil {
		return nil, err
	}
	for {
		conn, err := ear.Accept()
		if err != nil {
			return nil, fmt.Errorf("the lamp does not connect: %w", err)
		}
		if from, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil && from.Addr().Unmap() == peer.Addr().Unmap() {
			s.hum(conn)
			return conn, nil
		}
		_ = conn.Close() // somebody else
	}
}

// hum keeps a music connection until it ends.
func (s *session) hum(conn net.Conn) {
	m := &s.music
	m.mu.Lock()
	m.conn = conn
	m.idle = time.AfterFunc(musicIdle, func() { s.silence(conn) })
	m.mu.Unlock()
	stop := context.AfterFunc(s.ctx, func() { s.silence(conn) })
	s.tasks.Go(func() {
		_, _ = io.Copy(io.Discard, conn) // it says nothing; this is how its end is noticed
		s.silence(conn)
		stop()
	})
}

// silence ends a music connection.
func (s *session) silence(conn net.Conn) {
	_ = conn.Close() // the lamp need not hear of it
	m := &s.music
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn == conn {
		m.conn = nil
		m.idle.Stop()
	}
}

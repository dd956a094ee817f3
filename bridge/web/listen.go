package web

import (
	"log"
	"net"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

// limited accepts at most n connections at once; others wait.
func limited(l net.Listener, n int) net.Listener {
	return &limit{Listener: l, room: make(chan struct{}, n), done: make(chan struct{})}
}

type limit struct {
	net.Listener
	room chan struct{}
	done chan struct{}
	once sync.Once
}

// Accept implements net.Listener.
func (l *limit) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &counted{Conn: conn, leave: func() { <-l.room }}, nil
}

// Close implements net.Listener.
func (l *limit) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// counted is a connection that makes room when it ends.
type counted struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}

// quiet logs what the HTTP server has to say about clients that misbehave.
func quiet(l zerolog.Logger) *log.Logger { return log.New(murmur{l}, "", 0) }

type murmur struct{ log zerolog.Logger }

// Write implements io.Writer.
func (m murmur) Write(line []byte) (int, error) {
	m.log.Debug().Str("what", strings.TrimSpace(string(line))).Msg("a client of the pages misbehaved")
	return len(line), nil
}

package bridgetest

import (
	"net"
	"sync"
)

type buffered struct {
	net.Conn
	out  chan []byte
	done chan struct{}
	once sync.Once
}

// Buffered makes a stream of c whose writes do not wait for the reader, as those of a
// socket do not.
func Buffered(c net.Conn) net.Conn {
	b := &buffered{Conn: c, out: make(chan []byte, 1<<14), done: make(chan struct{})}
	go func() {
		for {
			select {
			case data := <-b.out:
				if _, err := c.Write(data); err != nil {
					_ = b.Close()
					return
				}
			case <-b.done:
				return
			}
		}
	}()
	return b
}

// Write implements net.Conn.
func (b *buffered) Write(p []byte) (int, error) {
	select {
	case b.out <- append([]byte(nil), p...):
		return len(p), nil
	case <-b.done:
		return 0, net.ErrClosed
	}
}

// Close implements net.Conn.
func (b *buffered) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Conn.Close()
}

package mqtt

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	wireFull  = 64 << 10               // bytes waiting beyond which nothing new is published
	wireMost  = 1 << 20                // bytes waiting beyond which even a write waits
	wireClose = 250 * time.Millisecond // that the last bytes get to leave
)

// wire is a connection whose writes do not wait for the other side: they collect in
// a buffer that a goroutine sends, many packets at a time. Without it two writers can
// wait for each other for ever: the broker does not read because it writes to us, and
// paho does not read because it must first write an acknowledgement. Whoever
// publishes asks room first, so acknowledgements always find some.
type wire struct {
	net.Conn
	patience time.Duration // with a side that does not take what is sent
	some     chan struct{} // there is something to send
	taken    atomic.Uint64 // bytes written so far

	mu      sync.Mutex
	waiting []byte
	sending bool
	err     error
	changed chan struct{} // closed and replaced when waiting was taken or err set
	closing bool
}

func newWire(conn net.Conn, patience time.Duration) *wire {
	w := &wire{Conn: conn, patience: patience, some: make(chan struct{}, 1), changed: make(chan struct{})}
	go w.send()
	return w
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	if err := w.below(context.Background(), wireMost); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	w.waiting = append(w.waiting, p...)
	w.taken.Add(uint64(len(p)))
	w.ring()
	return len(p), nil
}

func (w *wire) ring() {
	select {
	case w.some <- struct{}{}:
	default:
	}
}

// send writes what waits until the connection is closed or broken.
func (w *wire) send() {
	var out []byte
	for range w.some {
		w.mu.Lock()
		out, w.waiting = w.waiting, out[:0]
		w.sending = len(out) > 0
		w.mu.Unlock()
		var err error
		if len(out) > 0 {
			_ = w.Conn.SetWriteDeadline(time.Now().Add(w.patience)) // a write on a closed connection tells
			_, err = w.Conn.Write(out)
		}
		if w.sent(err) {
			return
		}
	}
}

// sent notes how a write went and reports whether it was the last.
func (w *wire) sent(err error) (over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sending = false
	if err != nil && w.err == nil {
		w.err = err
		_ = w.Conn.Close() // the reader learns of it
	}
	close(w.changed)
	w.changed = make(chan struct{})
	return w.err != nil || w.closing && len(w.waiting) == 0
}

// room waits until there is some for something new.
func (w *wire) room(ctx context.Context) error { return w.below(ctx, wireFull) }

// below waits until less than limit bytes wait.
func (w *wire) below(ctx context.Context, limit int) error {
	for {
		w.mu.Lock()
		full, err, changed := len(w.waiting) >= limit, w.err, w.changed
		w.mu.Unlock()
		if err != nil || !full {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SetDeadline implements net.Conn; writes have a limit of their own.
func (w *wire) SetDeadline(t time.Time) error { return w.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// Close implements net.Conn. What was written gets a moment to leave.
func (w *wire) Close() error {
	late := time.NewTimer(wireClose)
	defer late.Stop()
	for {
		w.mu.Lock()
		idle, changed := w.err != nil || len(w.waiting) == 0 && !w.sending, w.changed
		w.closing = true
		w.ring()
		w.mu.Unlock()
		if idle {
			break
		}
		select {
		case <-changed:
			continue
		case <-late.C:
		}
		break
	}
	w.mu.Lock()
	if w.err == nil {
		w.err = net.ErrClosed
	}
	w.ring()
	w.mu.Unlock()
	return w.Conn.Close()
}

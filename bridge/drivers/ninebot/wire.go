package ninebot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// uart are two characteristics: we write to one and are notified by the other.
type uart struct{ in, out string }

// uarts lists what vehicles have had for a serial line.
func uarts() [3]uart {
	return [...]uart{
		{"6e400002-b5a3-f393-e0a9-e50e24dcca9e", "6e400003-b5a3-f393-e0a9-e50e24dcca9e"}, // Nordic's
		{"6e400002-0000-0000-006e-696e65626f74", "6e400004-0000-0000-006e-696e65626f74"}, // of the newest Segway vehicles
		{"0000ffe1-0000-1000-8000-00805f9b34fb", "0000ffe1-0000-1000-8000-00805f9b34fb"}, // HM-10, of the oldest ones
	}
}

const (
	pieceSize = 20                      // what fits into one write, whatever the MTU
	answerIn  = 1500 * time.Millisecond // how long a vehicle may think
	backlog   = 32                      // messages that wait to be looked at
)

// Counts tell what went wrong with the vehicles' bytes since the start.
type Counts struct {
	Visits     int64 // connections made
	Refused    int64 // frames with a wrong checksum or not genuine
	Junk       int64 // bytes that belonged to no frame
	Stray      int64 // messages that nobody had asked for
	Unanswered int64 // requests
}

type counters struct{ visits, refused, junk, stray, unanswered atomic.Int64 }

func (c *counters) read() Counts {
	return Counts{c.visits.Load(), c.refused.Load(), c.junk.Load(), c.stray.Load(), c.unanswered.Load()}
}

// wire is a connection to a vehicle.
type wire struct {
	p     mi.Peripheral
	in    string // the characteristic that is written to
	count *counters
	heard chan message

	mu    sync.Mutex // guards the codec and what is left of the last notification
	split splitter
}

// attach makes a wire of a connection, by the first serial line that the vehicle has.
func attach(ctx context.Context, p mi.Peripheral, count *counters) (*wire, error) {
	w := &wire{p: p, count: count, heard: make(chan message, backlog), split: splitter{c: plain{}}}
	for _, u := range uarts() {
		err := p.Notify(ctx, u.out, w.hear)
		switch {
		case err == nil:
			w.in = u.in
			return w, nil
		case !errors.Is(err, mi.ErrUnsupported):
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	return nil, fmt.Errorf("listen: %w", errNoUART)
}

var errNoUART = fmt.Errorf("it has none of the serial lines that Segway and Ninebot vehicles are known to have: %w", mi.ErrProtocol)

// speak changes to another codec.
func (w *wire) speak(c codec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.split = splitter{c: c}
}

// change runs f, which alters the codec in use.
func (w *wire) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// hear takes a notification.
func (w *wire) hear(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.junk.Add(int64(w.split.push(b, w.take)))
}

// take opens one frame; it needs w.mu.
func (w *wire) take(frame []byte) error {
	m, err := w.split.c.open(frame)
	if err != nil {
		w.count.refused.Add(1)
		return err
	}
	m.Data = bytes.Clone(m.Data)
	select {
	case w.heard <- m:
	default: // a vehicle that talks without end
		w.count.stray.Add(1)
	}
	return nil
}

// send writes one message, piece by piece.
func (w *wire) send(ctx context.Context, m message) error {
	w.mu.Lock()
	frame := w.split.c.seal(m)
	w.mu.Unlock()
	for len(frame) > 0 {
		n := min(pieceSize, len(frame))
		if err := w.p.Write(ctx, w.in, frame[:n], false); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		frame = frame[n:]
	}
	return nil
}

// await waits for a message that fits; others are passed over.
func (w *wire) await(ctx context.Context, wait time.Duration, fits func(message) bool) (message, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case m := <-w.heard:
			if fits(m) {
				return m, nil
			}
			w.count.stray.Add(1)
		case <-w.p.Done():
			return message{}, errLost
		case <-ctx.Done():
			return message{}, ctx.Err()
		case <-timer.C:
			w.count.unanswered.Add(1)
			w.change(w.split.forget)
			return message{}, mi.ErrTimeout
		}
	}
}

var errLost = fmt.Errorf("the connection broke: %w", mi.ErrOffline)

// ask sends a message until an answer fits, at most as often as tries says.
func (w *wire) ask(ctx context.Context, m message, tries int, fits func(message) bool) (got message, err error) {
	for range tries {
		if err = w.send(ctx, m); err != nil {
			return message{}, err
		}
		if got, err = w.await(ctx, answerIn, fits); !errors.Is(err, mi.ErrTimeout) {
			return got, err
		}
	}
	return message{}, fmt.Errorf("command %02x %02x: %w", m.Cmd, m.Arg, err)
}

// read asks a board for n bytes from a register on.
func (w *wire) read(ctx context.Context, board, register byte, n, tries int) ([]byte, error) {
	m := message{Board: board, Cmd: cmdRead, Arg: register, Data: []byte{byte(n)}}
	got, err := w.ask(ctx, m, tries, func(m message) bool {
		return m.Board == board && m.Arg == register && len(m.Data) == n && (m.Cmd == cmdRead || m.Cmd == cmdValue)
	})
	return got.Data, err
}

// write changes one register. Boards confirm some of that; who wants to know
// reads it back.
func (w *wire) write(ctx context.Context, board, register byte, value uint16) error {
	return w.send(ctx, message{Board: board, Cmd: cmdWrite, Arg: register, Data: []byte{byte(value), byte(value >> 8)}})
}

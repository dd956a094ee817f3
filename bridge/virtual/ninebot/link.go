package ninebot

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// What a vehicle is written to and tells by: its serial line, by the names that the
// Nordic UART has, and the two characteristics of Xiaomi's authentication.
const (
	uartIn       = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
	uartOut      = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
	controlPoint = "00000010-0000-1000-8000-00805f9b34fb"
	parcelPoint  = "00000019-0000-1000-8000-00805f9b34fb"
)

// Line names the characteristics of a vehicle's serial line: what it is
// written to and what it tells by. The zero value is the Nordic UART.
type Line struct{ In, Out string }

// inside is how the vehicle itself calls a characteristic.
func (l Line) inside(characteristic string, in bool) string {
	switch {
	case l == Line{}:
	case in && characteristic == l.In:
		return uartIn
	case !in && characteristic == l.Out:
		return uartOut
	case characteristic == uartIn || characteristic == uartOut:
		return ""
	}
	return characteristic
}

// speech turns bytes into requests and answers into bytes; it lasts as
// long as a connection.
type speech interface {
	// hear takes what was written and returns what is notified.
	hear(v *Vehicle, characteristic string, b []byte) []note
}

// note is one notification.
type note struct {
	characteristic string
	data           []byte
}

func newVehicle(o Options, r *rand.Rand) *Vehicle {
	v := &Vehicle{o: o, near: true, metres: 218_600, trip: 1_250, tripTime: 402, charge: 61 * 100}
	v.secrets = newSecrets(o, r)
	return v
}

// link is a connection to a vehicle.
type link struct {
	v    *Vehicle
	done chan struct{}
	once sync.Once
	out  chan note

	mu    sync.Mutex // guards ears
	ears  map[string]func([]byte)
	tasks sync.WaitGroup
}

var _ mi.Peripheral = (*link)(nil)

// connect lets one client in.
func (v *Vehicle) connect() (mi.Peripheral, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case !v.near:
		return nil, fmt.Errorf("virtual: %s is away: %w", v.o.Name, mi.ErrOffline)
	case v.link != nil || v.trouble.Occupied:
		return nil, fmt.Errorf("virtual: somebody is connected to %s: %w", v.o.Name, mi.ErrBusy)
	}
	v.state.Visits++
	v.link = &link{v: v, done: make(chan struct{}), out: make(chan note, 256), ears: map[string]func([]byte){}}
	v.speaks = v.newSpeech()
	v.link.tasks.Go(v.link.pump)
	return v.link, nil
}

func (v *Vehicle) newSpeech() speech {
	switch v.o.Kind {
	case Crypto:
		return newCryptoSpeech(v.o.Name)
	case Secure:
		return &secureSpeech{}
	}
	return &plainSpeech{}
}

// pump hands the notifications over.
func (l *link) pump() {
	for {
		select {
		case n := <-l.out:
			l.mu.Lock()
			hear := l.ears[n.characteristic]
			l.mu.Unlock()
			if hear != nil {
				hear(n.data)
			}
		case <-l.done:
			return
		}
	}
}

// end breaks the connection. It needs the vehicle's lock; nil is no connection.
func (l *link) end() {
	if l != nil {
		l.once.Do(func() { close(l.done) })
		l.v.link = nil
	}
}

// Close implements mi.Peripheral.
func (l *link) Close() error {
	l.v.mu.Lock()
	if l.v.link == l {
		l.end()
	}
	l.v.mu.Unlock()
	l.tasks.Wait()
	return nil
}

// Done implements mi.Peripheral.
func (l *link) Done() <-chan struct{} { return l.done }

// Read implements mi.Peripheral: a vehicle has nothing to be read that way.
func (l *link) Read(context.Context, string) ([]byte, error) {
	return nil, fmt.Errorf("virtual: read: %w", mi.ErrUnsupported)
}

// Notify implements mi.Peripheral.
func (l *link) Notify(_ context.Context, characteristic string, got func([]byte)) error {
	name := characteristic
	characteristic = l.v.o.Line.inside(name, false)
	secure := characteristic == controlPoint || characteristic == parcelPoint
	if characteristic != uartOut && (!secure || l.v.o.Kind != Secure) {
		return fmt.Errorf("virtual: there is no characteristic %s: %w", name, mi.ErrUnsupported)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ears[characteristic] = got
	return nil
}

// Write implements mi.Peripheral.
func (l *link) Write(ctx context.Context, characteristic string, data []byte, _ bool) error {
	l.v.mu.Lock()
	hangs := l.v.trouble.Hangs
	l.v.mu.Unlock()
	if hangs {
		select {
		case <-ctx.Done():
		case <-l.done:
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.v.mu.Lock()
	defer l.v.mu.Unlock()
	if l.v.link != l || len(data) > 20 {
		return fmt.Errorf("virtual: write %d bytes: %w", len(data), mi.ErrOffline)
	}
	l.tell(l.v.speaks.hear(l.v, l.v.o.Line.inside(characteristic, true), bytes.Clone(data)))
	return nil
}

// tell queues notifications; it needs the vehicle's lock.
func (l *link) tell(notes []note) {
	t := &l.v.trouble
	if t.Silent {
		return
	}
	for _, n := range notes {
		if n.characteristic == uartOut && t.DropAt > 0 {
			if t.DropAt--; t.DropAt == 0 {
				l.end()
				return
			}
		}
		l.queue(n)
	}
}

// queue cuts a notification to what fits, and does to it what is wrong with the
// vehicle. Strays travel in one piece with what follows, if that is large enough.
func (l *link) queue(n note) {
	t := &l.v.trouble
	data, piece := n.data, 20
	if n.characteristic == uartOut {
		if t.Corrupt > 0 && l.v.state.Reads%t.Corrupt == 0 {
			data[len(data)-1] ^= 0x5A
		}
		if t.Half {
			data = data[:len(data)/2]
		}
		if t.Strays {
			data = append([]byte{0x55, 0xAA, 0x04, 0x23, 0x01, 0x7C, 0x01, 0x00, 0x5A, 0xFF, 0xAA, 0x55, 0x5A, 0x00}, data...)
		}
		if t.Piece > 0 {
			piece = t.Piece
		}
	}
	for len(data) > 0 {
		k := min(piece, len(data))
		select {
		case l.out <- note{n.characteristic, data[:k:k]}:
		default: // a client that does not listen
		}
		data = data[k:]
	}
}

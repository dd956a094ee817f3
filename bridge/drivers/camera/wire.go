package camera

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	dialTime   = 2 * time.Second // a camera that is away does not answer at all
	answerTime = 4 * time.Second // for one request
	leaveTime  = time.Second     // for the last one
)

// wire is one connection and the session on it. One request is under way at a
// time.
type wire struct {
	conn    net.Conn
	notice  func(*message)
	token   int64
	waiting atomic.Int64 // number of the message whose answer is awaited, or 0
	answers chan message
	ended   chan struct{} // closed when the camera is heard no more
	err     error         // what it said that makes no sense; read once ended
}

// dial connects and starts a session. A camera that refuses one has another client.
func dial(ctx context.Context, n mi.Network, addr string, notice func(*message)) (*wire, error) {
	brief, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := n.DialContext(brief, "tcp", addr)
	if ctx.Err() != nil {
		if err == nil {
			_ = conn.Close()
		}
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("the camera does not answer at %s: it is off, or elsewhere: %w", addr, mi.ErrOffline)
	}
	w := &wire{conn: conn, notice: notice, answers: make(chan message, 1), ended: make(chan struct{})}
	go w.hear()
	m, err := w.ask(ctx, request{ID: msgStart})
	token, ok := value(m.Param).Int()
	if err == nil && !ok {
		err = fmt.Errorf("session without a token: %w", mi.ErrProtocol)
	}
	if refused(err) {
		err = fmt.Errorf("%w: %w", errTaken, mi.ErrBusy)
	}
	if err != nil {
		w.hangUp()
		return nil, err
	}
	w.token = token
	return w, nil
}

// hear reads until the connection ends or makes no sense.
func (w *wire) hear() {
	defer close(w.ended)
	defer w.conn.Close()
	in := bufio.NewScanner(w.conn)
	in.Buffer(make([]byte, 0, 4096), maxMessage+1)
	in.Split(split)
	for in.Scan() {
		m, err := parseMessage(in.Bytes())
		if err != nil {
			w.err = err
			return
		}
		w.take(m)
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		w.err = fmt.Errorf("a message without an end: %w", mi.ErrProtocol)
	}
}

// take passes on one message. Some cameras answer the order for a photo by a
// notice only.
func (w *wire) take(m message) {
	if m.ID == msgNotice {
		w.notice(&m)
		if m.Type != "photo_taken" {
			return
		}
		m = message{ID: msgPhoto}
	}
	if w.waiting.CompareAndSwap(int64(m.ID), 0) {
		w.answers <- m
	}
}

// ask sends a request and waits for its answer. After an error other than a
// refusal the wire is of no use.
func (w *wire) ask(ctx context.Context, r request) (message, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r.Token = w.token
	w.waiting.Store(int64(r.ID))
	if err := w.send(ctx, r); err != nil {
		return message{}, w.broken(ctx)
	}
	select {
	case m := <-w.answers:
		return m, m.refusal()
	case <-w.ended:
	case <-ctx.Done():
	}
	return message{}, w.broken(ctx)
}

func (w *wire) send(ctx context.Context, r request) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = w.conn.Close() })
	defer stop()
	_, err = w.conn.Write(b)
	return err
}

// broken says what the lack of an answer means.
func (w *wire) broken(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("the camera took the request and did not answer in %v; if this lasts, switch it off and on: %w", answerTime, mi.ErrTimeout)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !w.alive() && w.err != nil {
		return w.err
	}
	return fmt.Errorf("the camera ended the connection: %w", mi.ErrOffline)
}

// alive reports whether the camera is still heard.
func (w *wire) alive() bool {
	select {
	case <-w.ended:
		return false
	default:
		return true
	}
}

// leave gives the session back and ends the connection.
func (w *wire) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	_, _ = w.ask(ctx, request{ID: msgStop}) // a camera that is gone has ended it
	w.hangUp()
}

// hangUp ends the connection, and with it the session.
func (w *wire) hangUp() {
	_ = w.conn.Close()
	<-w.ended
}

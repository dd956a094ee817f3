package yeelight

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	dialWait    = 5 * time.Second
	answerWait  = 5 * time.Second
	settleWait  = 100 * time.Millisecond // a lamp needs it between connecting and the first command
	firstRetry  = time.Second
	lastRetry   = time.Minute
	calmWait    = 2 * time.Second  // in which a stop is the mode
	checkRest   = 30 * time.Second // between two looks whether a connection is still good
	steadyAfter = time.Minute      // a connection that lasted so long was a good one
	maxLine     = 16 << 10         // bytes
)

// line is one connection.
type line struct {
	conn net.Conn
	gone chan struct{} // closed when the reader ended

	writing sync.Mutex // keeps commands whole

	mu      sync.Mutex // guards the fields below
	lastID  int
	waiting map[int]chan message
}

// run keeps the lamp connected until Close.
func (s *session) run() {
	wait := firstRetry
	for s.ctx.Err() == nil {
		began := time.Now()
		err := s.converse()
		if time.Since(began) >= steadyAfter {
			wait = firstRetry
		}
		s.settle(err)
		if !s.rest(wait) {
			break
		}
		wait = min(2*wait, lastRetry)
	}
	s.settle(fmt.Errorf("closed: %w", mi.ErrOffline))
}

// rest waits before the next try: at least a moment, at most wait, between as
// somebody asks for it.
func (s *session) rest(wait time.Duration) bool {
	least, most := time.NewTimer(firstRetry), time.NewTimer(wait)
	defer least.Stop()
	defer most.Stop()
	select {
	case <-s.ctx.Done():
		return false
	case <-least.C:
	}
	select {
	case <-s.ctx.Done():
		return false
	case <-most.C:
	case <-s.kick:
	}
	return true
}

// settle tells everybody who waits how a try ended.
func (s *session) settle(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up, s.err = err == nil, err
	close(s.tried)
	s.tried = make(chan struct{})
}

// ready returns when the lamp is connected, or why it is not.
func (s *session) ready(ctx context.Context) error {
	s.mu.Lock()
	up, tried := s.up, s.tried
	s.mu.Unlock()
	if up {
		return nil
	}
	signal(s.kick)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return fmt.Errorf("closed: %w", mi.ErrOffline)
	case <-tried:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// converse connects, learns the state and listens until the connection ends.
func (s *session) converse() error {
	l, err := s.connect()
	if err != nil {
		return err
	}
	var reader sync.WaitGroup
	reader.Go(func() { s.listen(l) })
	err = s.attend(l)
	_ = l.conn.Close() // the lamp need not hear of it
	reader.Wait()
	s.mu.Lock()
	s.line, s.up = nil, false
	s.mu.Unlock()
	return err
}

func (s *session) connect() (*line, error) {
	s.mu.Lock()
	addr := s.addr
	s.mu.Unlock()
	if !addr.IsValid() {
		return nil, fmt.Errorf("its address is not known: %w", mi.ErrOffline)
	}
	ctx, cancel := context.WithTimeout(s.ctx, dialWait)
	defer cancel()
	conn, err := s.d.w.Net.DialContext(ctx, "tcp", addr.String())
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("connect to %s: refused; switch LAN control on in the lamp's settings in the app: %w", addr, mi.ErrOffline)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w: %w", addr, mi.ErrOffline, err)
	}
	l := &line{conn: conn, gone: make(chan struct{}), waiting: map[int]chan message{}}
	s.mu.Lock()
	s.line = l
	s.mu.Unlock()
	return l, nil
}

// attend learns the state and waits for the end.
func (s *session) attend(l *line) error {
	settled := time.NewTimer(settleWait)
	defer settled.Stop()
	select {
	case <-settled.C:
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	before := s.snapshot()
	if err := s.load(s.ctx); err != nil {
		return err
	}
	s.settle(nil)
	if len(before) > 0 { // what changed while nobody listened
		s.compare(before, nil)
	}
	return s.await(l)
}

// await waits for the end of a connection that is up.
func (s *session) await(l *line) error {
	s.calmed() // what was stopped before the connection ended
	checked := time.Now()
	var calmed <-chan time.Time
	for {
		select {
		case <-l.gone:
			return fmt.Errorf("the lamp closed the connection: %w", mi.ErrOffline)
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-s.calm:
			calmed = time.After(calmWait)
		case <-calmed:
			s.calmed()
		case <-s.doubt:
			if time.Since(checked) < checkRest {
				continue // anybody can send adverts
			}
			if err := s.load(s.ctx); err != nil {
				return err
			}
			checked = time.Now()
		}
	}
}

func (s *session) snapshot() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.state)
}

// load asks for the whole state.
func (s *session) load(ctx context.Context) error {
	if err := s.ask(ctx, names()); err != nil {
		return err
	}
	s.mu.Lock()
	ground := s.state["bg_power"] != ""
	s.mu.Unlock()
	if !ground {
		return nil
	}
	if err := s.ask(ctx, extras()); err != nil && !errors.Is(err, mi.ErrInvalid) && !errors.Is(err, mi.ErrUnsupported) {
		return err // older firmware need not know the names
	}
	return nil
}

func (s *session) ask(ctx context.Context, names []any) error {
	got, err := s.exchange(ctx, command{"get_prop", names})
	if err != nil {
		return err
	}
	if len(got) != len(names) {
		return fmt.Errorf("%d values for %d names: %w", len(got), len(names), mi.ErrProtocol)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, name := range names {
		s.state[name.(string)] = got[i]
	}
	return nil
}

// exchange sends a command when the quota allows it, and waits for the answer. A
// lamp that does not answer is connected to anew.
func (s *session) exchange(ctx context.Context, c command) ([]string, error) {
	if s.sing(ctx, c) {
		return nil, nil
	}
	if err := s.hold(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	l := s.line
	s.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("not connected: %w", mi.ErrOffline)
	}
	id, answer := l.expect()
	defer l.forget(id)
	if err := l.write(id, c); err != nil {
		_ = l.conn.Close()
		return nil, fmt.Errorf("send %s: %w: %w", c.method, mi.ErrOffline, err)
	}
	overdue := time.NewTimer(answerWait)
	defer overdue.Stop()
	select {
	case m := <-answer:
		if errors.Is(m.err, mi.ErrBusy) {
			s.quota.exhausted(time.Now())
		}
		return m.result, m.err
	case <-l.gone:
		return nil, fmt.Errorf("%s: the connection ended: %w", c.method, mi.ErrOffline)
	case <-s.ctx.Done():
		return nil, fmt.Errorf("%s: closed: %w", c.method, mi.ErrOffline)
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-overdue.C:
		_ = l.conn.Close()
		return nil, fmt.Errorf("%s: %w", c.method, mi.ErrTimeout)
	}
}

// hold waits for the quota.
func (s *session) hold(ctx context.Context) error {
	patience := time.Duration(-1)
	if deadline, ok := ctx.Deadline(); ok {
		patience = max(0, time.Until(deadline))
	}
	wait, ok := s.quota.take(time.Now(), patience)
	if !ok {
		return fmt.Errorf("the lamp takes 60 orders a minute: %w", mi.ErrBusy)
	}
	if wait == 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return fmt.Errorf("closed: %w", mi.ErrOffline)
	}
}

func (l *line) expect() (int, chan message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	answer := make(chan message, 1)
	l.waiting[l.lastID] = answer
	return l.lastID, answer
}

func (l *line) forget(id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, id)
}

func (l *line) write(id int, c command) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.conn.SetWriteDeadline(time.Now().Add(answerWait)); err != nil {
		return err
	}
	_, err := l.conn.Write(appendCommand(nil, id, c))
	return err
}

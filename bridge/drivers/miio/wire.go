package miio

import (
	"context"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	gather     = 2 * time.Millisecond   // that a poll may wait for company
	batchSize  = 64                     // datagrams per system call
	maxQueue   = 16384                  // datagrams that wait to leave
	maxFree    = 512                    // buffers kept for the next requests
	bufferSize = 1024                   // of a usual request
	maxPacket  = 1 << 16                // a large answer comes in fragments
	lateTimer  = 100 * time.Millisecond // beyond which this machine, not a device, was slow
	catchUp    = 20 * time.Millisecond  // that the reader then gets
)

// wire is the one socket that all sessions share, with its reader, its writer and
// the clock of all replies.
type wire struct {
	conn   mi.PacketConn
	handle func(mi.Packet)
	counts *counters

	wake  chan struct{} // something waits to leave
	flush chan struct{} // it is a whole batch
	armed chan struct{} // the first deadline was set
	done  chan struct{}
	tasks sync.WaitGroup

	mu      sync.Mutex // guards out, free
	out     []mi.Packet
	free    [][]byte
	lastErr error // of the newest write, nil when it worked

	due deadlines
}

func openWire(ctx context.Context, net mi.Network, address string, counts *counters, handle func(mi.Packet)) (*wire, error) {
	conn, err := net.ListenUDP(ctx, address)
	if err != nil {
		return nil, err
	}
	w := &wire{
		conn: conn, handle: handle, counts: counts,
		wake: make(chan struct{}, 1), flush: make(chan struct{}, 1),
		armed: make(chan struct{}, 1), done: make(chan struct{}),
	}
	w.due.init()
	w.tasks.Go(w.read)
	w.tasks.Go(w.write)
	w.tasks.Go(w.expire)
	return w, nil
}

// close sends what waits, then ends everything.
func (w *wire) close() {
	close(w.done)
	w.leave(nil)
	_ = w.conn.Close() // nobody is left to be told
	w.tasks.Wait()
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// buffer returns room for a datagram: the header, to be filled by seal.
func (w *wire) buffer() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.free); n > 0 {
		b := w.free[n-1]
		w.free = w.free[:n-1]
		return b
	}
	return make([]byte, headerLen, bufferSize)
}

// sendNow sends datagrams, which it then owns, without waiting for others.
func (w *wire) sendNow(p ...mi.Packet) { w.put(p) }

// send queues datagrams, which it then owns; they leave together with others.
func (w *wire) send(p ...mi.Packet) {
	if len(p) == 0 {
		return
	}
	w.mu.Lock()
	if len(w.out)+len(p) > maxQueue {
		w.mu.Unlock()
		w.counts.dropped.Add(uint64(len(p)))
		return
	}
	first := len(w.out) == 0
	w.out = append(w.out, p...)
	w.counts.out.Reach(len(w.out))
	full := len(w.out) >= batchSize
	w.mu.Unlock()
	if first {
		signal(w.wake)
	}
	if full {
		signal(w.flush)
	}
}

func (w *wire) write() {
	timer := time.NewTimer(gather)
	defer timer.Stop()
	var spare []mi.Packet
	for {
		select {
		case <-w.done:
			return
		case <-w.wake:
		}
		timer.Reset(gather)
		select {
		case <-w.done:
			return
		case <-timer.C:
		case <-w.flush:
		}
		spare = w.leave(spare)
	}
}

// leave writes what waits. spare takes the queue's place; the old queue comes back
// empty, to be the next spare.
func (w *wire) leave(spare []mi.Packet) []mi.Packet {
	w.mu.Lock()
	batch := w.out
	w.out = spare
	w.mu.Unlock()
	for rest := batch; len(rest) > 0; {
		n := min(len(rest), batchSize)
		w.put(rest[:n])
		rest = rest[n:]
	}
	return batch[:0]
}

// put writes datagrams and takes their buffers back.
func (w *wire) put(batch []mi.Packet) {
	if len(batch) == 0 {
		return
	}
	err := w.conn.WriteBatch(batch)
	if err != nil {
		w.counts.unsent.Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastErr = err
	for i := range batch {
		if b := batch[i].Data; cap(b) == bufferSize && len(w.free) < maxFree {
			w.free = append(w.free, b[:headerLen])
		}
		batch[i] = mi.Packet{}
	}
}

// unsent returns why the newest datagrams could not leave.
func (w *wire) unsent() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastErr
}

func (w *wire) read() {
	in := make([]mi.Packet, batchSize)
	for i := range in {
		in[i].Data = make([]byte, 0, maxPacket)
	}
	for {
		n, err := w.conn.ReadBatch(in)
		for i := range in[:n] {
			w.handle(in[i])
			in[i].Data = in[i].Data[:0]
		}
		if err != nil && !w.rest() {
			return
		}
	}
}

// rest waits a moment before a failing socket is read again; it reports false when
// the wire is closed.
func (w *wire) rest() bool {
	timer := time.NewTimer(lateTimer)
	defer timer.Stop()
	select {
	case <-w.done:
		return false
	case <-timer.C:
		return true
	}
}

// expire tells sessions whose answer is overdue. One timer serves them all.
func (w *wire) expire() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		if next, any := w.due.next(); any {
			wait = time.Until(next)
		}
		if wait < -lateTimer {
			wait = catchUp // answers may wait in the socket
		}
		timer.Reset(wait)
		select {
		case <-w.done:
			return
		case <-w.armed:
			continue
		case <-timer.C:
		}
		now := time.Now()
		for s := w.due.pop(now); s != nil; s = w.due.pop(now) {
			s.expired(now)
		}
	}
}

// arm sets when a session is told that no answer came.
func (w *wire) arm(d *deadline, at time.Time) {
	if w.due.set(d, at) {
		signal(w.armed)
	}
}

// deadline is a session's place among all that wait for an answer.
type deadline struct {
	prev, next *deadline // nil when it waits for nothing
	at         time.Time
	session    *session
}

// deadlines is a list sorted by time. Nearly all waits are equally long, so the
// place of a new one is nearly always the end.
type deadlines struct {
	mu   sync.Mutex // guards the links and times of all members
	head deadline   // sentinel
}

func (l *deadlines) init() { l.head.prev, l.head.next = &l.head, &l.head }

// set moves d; it reports whether d is now the first.
func (l *deadlines) set(d *deadline, at time.Time) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d.unlink()
	d.at = at
	before := l.head.prev
	for before != &l.head && before.at.After(at) {
		before = before.prev
	}
	d.prev, d.next = before, before.next
	before.next.prev = d
	before.next = d
	return l.head.next == d
}

func (l *deadlines) clear(d *deadline) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d.unlink()
}

// unlink needs the list's mutex.
func (d *deadline) unlink() {
	if d.next == nil {
		return
	}
	d.prev.next, d.next.prev = d.next, d.prev
	d.prev, d.next = nil, nil
}

func (l *deadlines) next() (at time.Time, any bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head.next.at, l.head.next != &l.head
}

// pop takes out the first session that is overdue.
func (l *deadlines) pop(now time.Time) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.head.next
	if d == &l.head || d.at.After(now) {
		return nil
	}
	d.unlink()
	return d.session
}

package mqtt

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	maxMomentary = 1024             // messages that wait to be sent once
	maxAge       = 10 * time.Second // of a momentary message; an older one is no news any more
	pageBatch    = 32               // messages taken from one page at a time
)

// outbox holds what waits for the connection: of every retained topic the newest
// text (in pages), and momentary messages, which are dropped and counted when they
// cannot leave soon.
type outbox struct {
	scale *scale
	wake  chan struct{}

	mu        sync.Mutex
	began     bool // has been open
	open      bool
	momentary []momentary
	queue     []*page // pages with something to send, each once
	all       []*page
	dropped   uint64 // momentary messages that did not leave
	mark      mi.Mark
}

type momentary struct {
	message
	at time.Time
}

func newOutbox(s *scale) *outbox { return &outbox{scale: s, wake: make(chan struct{}, 1)} }

// once sends a message that has no meaning later.
func (o *outbox) once(m message) {
	fits := o.scale.fits("", m.topic, m.payload)
	o.mu.Lock()
	switch {
	case !o.began: // nobody could have listened yet
	case !fits || !o.open || len(o.momentary) == maxMomentary:
		o.dropped++
	default:
		o.momentary = append(o.momentary, momentary{m, time.Now()})
		o.mark.Reach(len(o.momentary))
	}
	o.mu.Unlock()
	o.ring()
}

// add makes a page known.
func (o *outbox) add(p *page) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p.place = len(o.all)
	o.all = append(o.all, p)
}

// forget drops a page after what it still has to send.
func (o *outbox) forget(p *page) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := len(o.all) - 1
	if p.place < 0 {
		return
	}
	o.all[p.place] = o.all[last]
	o.all[p.place].place = p.place
	o.all[last] = nil
	o.all = o.all[:last]
	p.place = -1
}

// touched tells that a page has something to send.
func (o *outbox) touched(p *page) {
	o.mu.Lock()
	if !p.queued {
		p.queued = true
		o.queue = append(o.queue, p)
	}
	o.mu.Unlock()
	o.ring()
}

func (o *outbox) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// reopen lets everything retained be sent again: whatever the broker remembers, it
// may have lost.
func (o *outbox) reopen() {
	o.mu.Lock()
	o.began, o.open = true, true
	o.mu.Unlock()
	o.repeatAll()
}

// repeatAll sends everything retained again.
func (o *outbox) repeatAll() {
	o.mu.Lock()
	all := slices.Clone(o.all)
	o.mu.Unlock()
	for _, p := range all {
		p.redo()
	}
}

// shut drops the momentary messages; they are of no use after the gap.
func (o *outbox) shut() {
	o.mu.Lock()
	o.open = false
	o.dropped += uint64(len(o.momentary))
	o.momentary = nil
	o.mu.Unlock()
}

// run sends until the session ends.
func (o *outbox) run(ctx context.Context, s *session) error {
	batch := make([]message, 0, pageBatch)
	for {
		batch = o.take(batch[:0])
		for _, m := range batch {
			if err := s.publish(ctx, m); err != nil {
				return err
			}
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-o.wake:
		case <-s.lost:
			return s.cause
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take returns what goes next: momentary messages first, then one page's.
func (o *outbox) take(into []message) []message {
	o.mu.Lock()
	now := time.Now()
	for _, m := range o.momentary {
		if now.Sub(m.at) > maxAge {
			o.dropped++
			continue
		}
		into = append(into, m.message)
	}
	o.momentary = o.momentary[:0]
	o.mu.Unlock()
	for len(into) == 0 {
		p := o.next()
		if p == nil {
			break
		}
		var more bool
		if into, more = p.take(into, pageBatch); more {
			o.again(p)
		}
	}
	return into
}

// again queues a page that has more to send: behind the others, but a page that goes
// away before them, since the next one may have the same topics.
func (o *outbox) again(p *page) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := len(o.queue)
	if p.place < 0 {
		at = 0
	}
	if !p.queued {
		p.queued = true
		o.queue = slices.Insert(o.queue, at, p)
	}
}

func (o *outbox) next() *page {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		o.queue = nil // let go of the memory of a burst
		return nil
	}
	p := o.queue[0]
	o.queue[0] = nil
	o.queue = o.queue[1:]
	p.queued = false
	return p
}

func (o *outbox) lost() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

package device

import "sync"

// hands is how many goroutines step devices at the same time. A step never waits
// for anything, so a few are enough for any number of devices.
const hands = 4

// The states of a device between its steps.
const (
	unborn   uint32 = iota // its Home does not run yet
	dormant                // nothing to do
	due                    // in the queue
	stepping               // a goroutine is at it
	again                  // so it is, and something new arrived
	over
)

// queue holds the devices that are to take a step. A device is an actor: one
// goroutine at a time takes its steps, in the order of what arrives. A goroutine
// of its own for each would only wait, and costs a stack.
type queue struct {
	mu      sync.Mutex
	waiting []*Device
	head    int // of waiting
	busy    int // goroutines that see to it
}

// ring makes the device take a step.
func (d *Device) ring() {
	for {
		switch s := d.state.Load(); s {
		case dormant:
			if d.state.CompareAndSwap(s, due) {
				d.home.queue.push(d)
				return
			}
		case stepping:
			if d.state.CompareAndSwap(s, again) {
				return
			}
		default:
			return
		}
	}
}

// gone is the end of the device's life.
func (d *Device) gone() {
	d.state.Store(over)
	d.home.loops.Done()
}

// push needs a device that is due.
func (q *queue) push(d *Device) {
	q.mu.Lock()
	q.waiting = append(q.waiting, d)
	more := q.busy < hands
	if more {
		q.busy++
	}
	q.mu.Unlock()
	if more {
		d.home.crew.do(d.loop.ctx, d.home.serve)
	}
}

// pop returns the next device, or nil when the goroutine has nothing more to do.
func (q *queue) pop() *Device {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.busy--
		return nil
	}
	d := q.waiting[q.head]
	q.waiting[q.head] = nil
	if q.head++; 2*q.head >= len(q.waiting) { // what is left moves to the front
		n := copy(q.waiting, q.waiting[q.head:])
		clear(q.waiting[n:])
		q.waiting, q.head = q.waiting[:n], 0
	}
	return d
}

// serve takes the steps that are due.
func (h *Home) serve() {
	for d := h.queue.pop(); d != nil; d = h.queue.pop() {
		d.state.Store(stepping)
		d.advance()
	}
}

// stepNow takes the step at once, in the caller's goroutine, unless the device has
// another under way: an order does not queue behind polls.
func (d *Device) stepNow() {
	if d.state.CompareAndSwap(dormant, stepping) {
		d.advance()
		return
	}
	d.ring()
}

// advance takes the step, and queues for the next when something new arrived.
func (d *Device) advance() {
	d.turn()
	if !d.state.CompareAndSwap(stepping, dormant) && d.state.CompareAndSwap(again, due) {
		d.home.queue.push(d)
	}
}

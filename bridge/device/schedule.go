package device

import (
	"cmp"
	"container/heap"
	"context"
	"sync"
	"time"
)

// Intervals say how often devices are asked. Zero fields mean the default.
type Intervals struct {
	Idle     time.Duration // between polls of a device at rest; 30 s
	Fast     time.Duration // after a write and while something moves; 2 s
	FastFor  time.Duration // how long Fast lasts after a write; 20 s
	Slow     time.Duration // counters and filters; 300 s
	Push     time.Duration // full reads of a device that reports by itself; 300 s
	Probe    time.Duration // first retry of what does not answer, doubled each time; 5 s
	ProbeMax time.Duration // longest retry; 60 s
	Verify   time.Duration // from a write to its reading back; 1 s
	// Tick is the grid on which due devices are released together; 5 ms. A
	// simulation sets 1 ns, so that no two devices wake at the same instant.
	Tick time.Duration
}

func (i Intervals) orDefault() Intervals {
	return Intervals{
		Idle:     cmp.Or(i.Idle, 30*time.Second),
		Fast:     cmp.Or(i.Fast, 2*time.Second),
		FastFor:  cmp.Or(i.FastFor, 20*time.Second),
		Slow:     cmp.Or(i.Slow, 5*time.Minute),
		Push:     cmp.Or(i.Push, 5*time.Minute),
		Probe:    cmp.Or(i.Probe, 5*time.Second),
		ProbeMax: cmp.Or(i.ProbeMax, time.Minute),
		Verify:   cmp.Or(i.Verify, time.Second),
		Tick:     cmp.Or(i.Tick, 5*time.Millisecond),
	}
}

// backoff is the wait before try n (from 0), with up to a fifth less drawn from
// the device's own hash, so that devices lost together do not return together.
func (i Intervals) backoff(n int, hash uint64) time.Duration {
	wait := min(i.Probe<<min(n, 8), i.ProbeMax)
	return wait - spread(mix(hash+uint64(n)), wait/5)
}

// slot returns the device's next place on its own grid of that interval, at
// least half an interval away.
func slot(now, interval time.Duration, hash uint64) time.Duration {
	next := now + interval - (now-spread(hash, interval)+interval)%interval
	if next-now < interval/2 {
		next += interval
	}
	return next
}

// spread maps a hash to 0 ≤ d < limit.
func spread(hash uint64, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(hash % uint64(limit))
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

const never = time.Duration(1<<63 - 1)

// wheel wakes every device at its time: one timer for all of them.
type wheel struct {
	now     func() time.Duration
	tick    time.Duration
	earlier chan struct{}

	mu     sync.Mutex
	queue  wakeups
	target time.Duration // what the timer is set to
}

func newWheel(now func() time.Duration, tick time.Duration) *wheel {
	return &wheel{now: now, tick: tick, earlier: make(chan struct{}, 1), target: never}
}

// set moves the device's only wake-up; never takes it away.
func (w *wheel) set(d *Device, at time.Duration) {
	if at != never {
		at = (at + w.tick - 1) / w.tick * w.tick
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case d.wakeAt == at:
		return
	case at == never:
		heap.Remove(&w.queue, d.wakeSlot)
		d.wakeAt = never
		return
	case d.wakeAt == never:
		d.wakeAt = at
		heap.Push(&w.queue, d)
	default:
		d.wakeAt = at
		heap.Fix(&w.queue, d.wakeSlot)
	}
	if at < w.target {
		w.target = at
		select {
		case w.earlier <- struct{}{}:
		default:
		}
	}
}

// pop takes the devices that are due, in the order of time and did, and returns
// the wait until the next.
func (w *wheel) pop(due []*Device) ([]*Device, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for len(w.queue) > 0 && w.queue[0].wakeAt <= now {
		d := heap.Pop(&w.queue).(*Device)
		d.wakeAt = never
		due = append(due, d)
	}
	if len(w.queue) == 0 {
		w.target = never
		return due, time.Hour
	}
	w.target = w.queue[0].wakeAt
	return due, w.target - now
}

func (w *wheel) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var due []*Device
	for {
		var wait time.Duration
		due, wait = w.pop(due[:0])
		for _, d := range due {
			d.ring()
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.earlier:
		}
	}
}

// wakeups is a heap of devices by time, then did.
type wakeups []*Device

func (q wakeups) Len() int { return len(q) }
func (q wakeups) Less(i, j int) bool {
	if q[i].wakeAt != q[j].wakeAt {
		return q[i].wakeAt < q[j].wakeAt
	}
	return q[i].did < q[j].did
}
func (q wakeups) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].wakeSlot, q[j].wakeSlot = i, j
}
func (q *wakeups) Push(x any) {
	d := x.(*Device)
	d.wakeSlot = len(*q)
	*q = append(*q, d)
}
func (q *wakeups) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return d
}

// gate lets a bounded number of devices make their first contact at once, first
// come first served.
type gate struct {
	mu    sync.Mutex
	free  int
	queue []*Device
}

// enter reports whether d may go on now; else it is woken with the right to.
func (g *gate) enter(d *Device) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free > 0 {
		g.free--
		return true
	}
	g.queue = append(g.queue, d)
	return false
}

// leave hands the place to the next in the queue that still wants it.
func (g *gate) leave() {
	for {
		d := g.next()
		if d == nil || d.post(func(in *inbox) { in.admitted = true }) {
			return
		}
	}
}

// next takes the first device off the queue; without one the place is free.
func (g *gate) next() *Device {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.free++
		return nil
	}
	d := g.queue[0]
	g.queue[0] = nil
	g.queue = g.queue[1:]
	return d
}

package device

import (
	"cmp"
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
	// Tick is the grid on which due devices are released together; 20 ms. A
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
		Tick:     cmp.Or(i.Tick, 20*time.Millisecond),
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

// wheel wakes every device at its time: one timer for all of them. A device has
// one entry that counts; entries that were overtaken by an earlier one are
// skipped when their time comes, so that moving a wake-up costs nothing.
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
	d.wakeAt = at
	if at >= d.queuedAt {
		return
	}
	w.push(d, at)
	if at < w.target {
		w.target = at
		select {
		case w.earlier <- struct{}{}:
		default:
		}
	}
}

// push needs w.mu.
func (w *wheel) push(d *Device, at time.Duration) {
	d.queuedAt = at
	w.queue.push(wakeup{at, d.hash, d})
}

// pop takes the devices that are due, in the order of time and hash, and returns
// the wait until the next.
func (w *wheel) pop(due []*Device) ([]*Device, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for len(w.queue) > 0 && w.queue[0].at <= now {
		u := w.queue.pop()
		d := u.d
		if u.at != d.queuedAt {
			continue
		}
		d.queuedAt = never
		switch {
		case d.wakeAt <= now:
			d.wakeAt = never
			due = append(due, d)
		case d.wakeAt != never:
			w.push(d, d.wakeAt)
		}
	}
	if len(w.queue) == 0 {
		w.target = never
		return due, time.Hour
	}
	w.target = w.queue[0].at
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

// wakeup is the time of one device.
type wakeup struct {
	at   time.Duration
	hash uint64 // of the device: the order within one tick, without a look at the device
	d    *Device
}

// wakeups is a binary heap by time, then hash.
type wakeups []wakeup

func (q wakeups) less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].hash < q[j].hash
}

func (q *wakeups) push(u wakeup) {
	h := append(*q, u)
	*q = h
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(i, up) {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *wakeups) pop() wakeup {
	h := *q
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], wakeup{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if h.less(child, least) {
				least = child
			}
		}
		if least == i {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
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

// sooner moves a time that is not never to at most now.
func sooner(t, now time.Duration) time.Duration {
	if t == never {
		return t
	}
	return min(t, now)
}

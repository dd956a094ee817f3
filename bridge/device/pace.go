package device

import (
	"cmp"
	"hash/fnv"
	"time"
)

// interval returns the time between polls as things are.
func (d *Device) interval(now time.Duration) time.Duration {
	l, opt := &d.loop, &d.home.opt.Intervals
	idle := opt.Idle
	if own := d.spec.Tuning.Interval; own > 0 {
		idle = own
	}
	if d.overloaded() {
		return 2 * idle
	}
	if (l.moving || now < l.fastUntil) && !d.pushing() {
		return min(opt.Fast, idle)
	}
	return idle
}

// slot returns the time of the next poll: on a grid of the device's own, or of its
// pool.
func (d *Device) slot(now time.Duration) time.Duration {
	return slot(now, d.interval(now), cmp.Or(d.loop.pool, d.hash))
}

// patience is how long an order waits for a poll under way: for one that stands in a
// queue with those of other devices, not at all.
func (l *loop) patience() time.Duration {
	if l.pool != 0 && l.job.begun != nil {
		return 0
	}
	return patience
}

// follow makes r the route that served last, and polls on the grid of its pool.
func (d *Device) follow(r *route) {
	l := &d.loop
	l.via, l.pool = r, 0
	d.mu.Lock()
	p, ok := r.link.(Pooled)
	d.mu.Unlock()
	if !ok {
		return
	}
	f := fnv.New64a()
	f.Write([]byte(p.Pool()))
	l.pool = mix(f.Sum64() ^ d.home.opt.World.Seed)
}

// reschedule sets the next poll after one that worked.
func (d *Device) reschedule(now time.Duration, full bool) {
	l, opt := &d.loop, &d.home.opt.Intervals
	if full {
		slow := opt.Slow
		if d.pushing() {
			slow = opt.Push
		}
		l.nextSlow = slot(now, slow, mix(d.hash))
	}
	l.nextPoll = d.slot(now)
	if l.nextSlow <= now { // it was only asked for a sign of life
		l.nextPoll = now
	}
	for _, q := range l.doubts {
		l.nextPoll = min(l.nextPoll, max(now, q.at))
	}
}

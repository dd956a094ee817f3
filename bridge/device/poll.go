package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	maxStrikes  = 3               // refusals in a row after which a property is put aside
	asideFor    = 24 * time.Hour  // and for how long, when it never had a value
	asideAgain  = 4 * time.Minute // for how long otherwise: the network may have lost it
	reportPause = time.Second / reportRate
	reportRate  = 20 // a second, of reports and of events
)

// strikes count how often the device refused one property.
type strikes struct {
	n     int
	until time.Duration
}

// bucket lets through a burst of a second's worth and then reportRate a second.
type bucket struct{ next time.Duration }

func (b *bucket) allow(now time.Duration) bool {
	at := max(b.next, now)
	if at-now > time.Second-reportPause {
		return false
	}
	b.next = at + reportPause
	return true
}

// poll reads what is due, if anything.
func (d *Device) poll(now time.Duration) {
	l := &d.loop
	props, full := d.due(now)
	if len(props) == 0 {
		l.nextPoll = d.slot(now)
		return
	}
	l.reported = l.reported[:0]
	d.launch(&job{task: reading, props: props, full: full})
}

// due chooses what to read now: a sign of life from a device that is away, says no
// to everything or reports by itself, and otherwise what the View asked for.
func (d *Device) due(now time.Duration) (props []int, full bool) {
	l := &d.loop
	full = now >= l.nextSlow
	switch {
	case l.failures > 1:
		return d.sign(), false
	case !full && len(l.doubts) == 0 && d.pushing():
		if now-l.heardAt < l.rule.after/2 {
			return nil, false
		}
		return d.sign(), false
	}
	props = l.plan.Fast
	if full {
		props = slices.Concat(props, l.plan.Slow)
	}
	for _, q := range l.doubts {
		if !slices.Contains(props, q.prop) {
			props = append(slices.Clip(props), q.prop)
		}
	}
	if props = d.wanted(props, now); len(props) == 0 {
		props = d.sign()
	}
	return props, full
}

// wanted leaves out what the device keeps refusing.
func (d *Device) wanted(props []int, now time.Duration) []int {
	aside := d.loop.aside
	if len(aside) == 0 {
		return props
	}
	return slices.DeleteFunc(slices.Clone(props), func(p int) bool { return aside[p].until > now })
}

// sign returns one readable property, to ask for a sign of life; none when there
// is nothing to read.
func (d *Device) sign() []int {
	plan := &d.loop.plan
	switch {
	case len(plan.Fast) > 0:
		return plan.Fast[:1:1]
	case len(plan.Slow) > 0:
		return plan.Slow[:1:1]
	}
	for i := range d.spec.Props {
		if d.spec.Props[i].Access&mi.Read != 0 {
			return []int{i}
		}
	}
	return nil
}

// pushing reports whether the device tells changes by itself.
func (d *Device) pushing() bool {
	l := &d.loop
	if !l.online || l.failures > 0 || l.via == nil {
		return false
	}
	d.mu.Lock()
	link := l.via.link
	d.mu.Unlock()
	p, ok := link.(mi.Pusher)
	return ok && p.Pushing()
}

// finishRead takes in what a read brought.
func (d *Device) finishRead(o *outcome) {
	l, now := &d.loop, d.home.now()
	defer d.giveBack(o)
	if o.err != nil {
		d.finishMiss(o, now)
		return
	}
	d.home.reads.Add(1)
	d.served(o.via)
	d.strike(o, now)
	d.unread(o, now)
	d.hear(o)
	if o.task == probing {
		l.nextPoll = min(l.nextPoll, now) // all of it, by the better route
		return
	}
	d.reschedule(now, o.full)
}

func (d *Device) giveBack(o *outcome) {
	if o.changes == nil {
		return
	}
	clear(*o.changes)
	*o.changes = (*o.changes)[:0]
	d.home.buffers.Put(o.changes)
}

// finishMiss judges a read that failed.
func (d *Device) finishMiss(o *outcome, now time.Duration) {
	l := &d.loop
	err := o.err
	if errors.Is(err, context.Canceled) {
		if now < o.start+hang {
			l.nextPoll = now // an order went first
			return
		}
		err = fmt.Errorf("device: read: the driver hangs: %w", mi.ErrTimeout)
	}
	switch {
	case o.task == probing: // the route's own retry is set already
	case errors.Is(err, mi.ErrUnsupported):
		d.assume()
	default:
		d.home.missed.Add(1)
		d.missed(err)
		l.nextPoll = o.start + d.home.opt.Intervals.backoff(l.failures-1, d.hash)
		if errors.Is(err, mi.ErrDenied) {
			l.nextPoll = d.rested(now)
		}
	}
}

// rested returns when a route that refused the token may be tried again; earlier,
// nothing is sent.
func (d *Device) rested(now time.Duration) time.Duration {
	at := now + deniedRest
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.routes {
		if errors.Is(r.err, mi.ErrDenied) {
			at = min(at, max(now, r.retry))
		}
	}
	return at
}

// strike notes which properties the device refused.
func (d *Device) strike(o *outcome, now time.Duration) {
	l, got := &d.loop, *o.changes
	if len(got) == len(o.props) && len(l.aside) == 0 {
		return
	}
	for _, p := range o.props {
		if slices.ContainsFunc(got, func(c mi.Change) bool { return c.Prop == p }) {
			delete(l.aside, p)
			continue
		}
		s := l.aside[p]
		if s.n++; s.n >= maxStrikes {
			s.until = now + d.aside(p)
		}
		if l.aside == nil {
			l.aside = map[int]strikes{}
		}
		l.aside[p] = s
	}
}

// aside returns for how long a property is put aside: one that had a value exists.
func (d *Device) aside(prop int) time.Duration {
	if d.values[prop].Known() {
		return asideAgain
	}
	return asideFor
}

// hear takes in the values of a read. A property that was reported while the
// read was under way keeps the report, and is read again when they differ.
func (d *Device) hear(o *outcome) {
	l := &d.loop
	kept := (*o.changes)[:0]
	for _, c := range *o.changes {
		if !d.valid(c) {
			continue
		}
		c.Value = coerce(&d.spec.Props[c.Prop], c.Value)
		if slices.Contains(l.reported, c.Prop) {
			if d.values[c.Prop] != c.Value {
				l.doubts = append(l.doubts, doubt{prop: c.Prop, want: c.Value, at: d.home.now() + d.readDelay()})
			}
			continue
		}
		if d.believe(c, o.start, true) {
			kept = append(kept, c)
		}
	}
	d.apply(kept)
}

// valid counts changes of properties that there are not.
func (d *Device) valid(c mi.Change) bool {
	if c.Prop >= 0 && c.Prop < len(d.values) {
		return true
	}
	d.home.invalid.Add(1)
	return false
}

// absorb takes in what the device reported.
func (d *Device) absorb(reports []report) {
	if len(reports) == 0 {
		return
	}
	l := &d.loop
	changes := make([]mi.Change, 0, len(reports))
	d.mu.Lock()
	for _, r := range reports {
		if r.via.spec != nil { // else nobody knows what the index means
			changes = append(changes, mi.Change{Prop: r.via.dict.prop(r.Prop), Value: r.Value})
		}
	}
	d.mu.Unlock()
	changes = slices.DeleteFunc(changes, func(c mi.Change) bool { return !d.valid(c) })
	for i := range changes {
		c := &changes[i]
		c.Value = coerce(&d.spec.Props[c.Prop], c.Value)
		if l.job != nil && l.job.task != ordering {
			l.reported = append(l.reported, c.Prop)
		}
	}
	changes = slices.DeleteFunc(changes, func(c mi.Change) bool { return !d.believe(c, 0, false) })
	d.apply(changes)
}

// apply stores coerced values and tells the View those that are new.
func (d *Device) apply(changes []mi.Change) {
	news := changes[:0]
	d.mu.Lock()
	for _, c := range changes {
		if d.values[c.Prop] != c.Value {
			d.values[c.Prop] = c.Value
			news = append(news, c)
		}
	}
	d.mu.Unlock()
	d.show(news)
}

// show tells the View, and learns whether something moves.
func (d *Device) show(changes []mi.Change) {
	if len(changes) == 0 {
		return
	}
	l := &d.loop
	moved := l.moving
	l.moving = d.home.opt.View.Changed(d, changes)
	if l.moving && !moved && l.failures == 0 {
		now := d.home.now()
		l.nextPoll = min(l.nextPoll, d.slot(now))
	}
}

// happened hands on events; they are told now or never.
func (d *Device) happened(events []happening, now time.Duration) {
	for _, e := range events {
		d.mu.Lock()
		known := e.via.spec != nil && d.spec != nil
		e.Event = e.via.dict.event(e.Event)
		d.mu.Unlock()
		switch {
		case !known || e.Event < 0 || e.Event >= len(d.spec.Events):
			d.home.invalid.Add(1)
		case !d.loop.limiters[1].allow(now):
			d.home.dropped.Add(1)
			d.flood()
		default:
			d.home.opt.View.Happened(d, e.Happening)
		}
	}
}

// flood says once that the device talks too much.
func (d *Device) flood() {
	d.loop.flooding = false
	if d.loop.flooded {
		return
	}
	d.loop.flooded = true
	d.home.opt.Log.Warn().Str("device", d.id).Int("per_second", reportRate).
		Msg("device reports too fast: only the newest values count, further events are dropped")
}

// betterRoute returns a route that is preferred to the one in use and is to be
// tried again.
func (d *Device) betterRoute(now time.Duration) *route {
	best, at := d.failedRoute()
	if best == nil || at > now {
		return nil
	}
	if !d.loop.stateless {
		return best
	}
	d.mu.Lock()
	best.fails = 0 // nothing can be read by it: the next order tries it
	best.down.Store(false)
	d.mu.Unlock()
	return nil
}

// nextProbe returns when betterRoute has one.
func (d *Device) nextProbe() time.Duration {
	_, at := d.failedRoute()
	return at
}

// failedRoute returns the route above the one in use that failed and may be tried
// first, and when.
func (d *Device) failedRoute() (best *route, at time.Duration) {
	l := &d.loop
	at = never
	if !l.online || l.via == nil {
		return nil, at
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.routes {
		if r.index < l.via.index && r.down.Load() && r.retry < at && d.allowed(r.index) {
			best, at = r, r.retry
		}
	}
	return best, at
}

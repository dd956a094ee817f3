package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// hang ends an exchange that no driver's own timeout ended.
const hang = 2 * time.Minute

// loop is the state that only the device's own goroutine touches.
type loop struct {
	ctx context.Context // of the Home, and of the links
	job *job            // under way, if any

	plan      Plan
	rule      rule // of being gone
	stateless bool // nothing can be read
	moving    bool
	fastUntil time.Duration
	nextPoll  time.Duration
	nextSlow  time.Duration
	nextSpec  time.Duration // never once the spec is known
	nextAsk   time.Duration // who are you?
	doubts    []doubt       // writes to be read back
	reported  []int         // properties reported since the read under way began
	aside     map[int]strikes

	place    place // at the gate
	placed   time.Duration
	limiters [2]bucket // of reports, of events

	online, everOnline bool
	contact            bool          // something was tried or heard: the View may be told
	heardAt            time.Duration // time of the newest valid packet
	misses             int           // exchanges without answer since then
	failures           int           // exchanges without success, in a row
	lastMiss           error
	flooding, flooded  bool // does report too fast; said that it reports too fast
	orderFailed        bool // said that an order failed
	denied             bool
	via                *route // that served the last exchange
	pool               uint64 // hash of its pool; 0 without one
	rerouted           bool   // links of routes that are not wanted any more are to be closed
	asks               bool   // the spec is to be asked for when the route that gave it works again
	linkErr, orderErr  string
	problem            string // behind linkErr
	reason             string
	warned             []string // kinds of failures that were said since it was well
	told               bool     // the View knows the first Status
}

// connection names the route that served the last exchange.
func (l *loop) connection() string {
	if l.via == nil || !l.everOnline {
		return ""
	}
	return l.via.Name
}

// place is where the device stands at the gate of first contacts.
type place uint8

const (
	outside place = iota
	queued
	inside
	through
)

// grace is how long a first contact counts as outstanding: a dead device must
// not keep live ones waiting.
const grace = 300 * time.Millisecond

// turn is one step of the device's life, or of its end.
func (d *Device) turn() {
	switch {
	case d.loop.ctx.Err() != nil:
		if d.end(errStopping) {
			d.gone()
		}
	case d.removed.Load():
		if d.end(errRemoved) {
			d.safely(func() { d.home.opt.View.Removed(d) })
			d.gone()
		}
	default:
		d.safely(d.step)
	}
}

// safely keeps a panic of a driver or the View with this device.
func (d *Device) safely(f func()) {
	err := func() (err error) {
		defer d.home.survive(&err)
		f()
		return nil
	}()
	if err == nil {
		return
	}
	l := &d.loop
	d.missed(err)
	l.nextPoll = d.home.now() + d.home.opt.Intervals.backoff(l.failures, d.hash)
	d.home.wheel.set(d, l.nextPoll)
}

// step does everything that is to be done now, and sets the time of the next.
func (d *Device) step() {
	now := d.home.now()
	in := d.take(now)
	d.notice(in, now)
	if d.loop.flooding {
		d.flood()
	}
	d.absorb(in.reports)
	if in.result != nil {
		d.finish(in.result)
	}
	d.happened(in.events, now)
	d.listen()
	d.judge(now)
	d.late(now)
	if d.loop.job == nil {
		d.next(now)
	} else {
		d.hurry(now)
	}
	d.tell()
	// Whatever was due was done or begun: a step for the past would only repeat it.
	d.home.wheel.set(d, max(d.nextWake(now), now+time.Millisecond))
}

// take empties the inbox but for the orders. Reports beyond the rate stay, where
// newer ones replace them.
func (d *Device) take(now time.Duration) inbox {
	l := &d.loop
	d.mu.Lock()
	defer d.mu.Unlock()
	in := d.in
	rest := inbox{orders: in.orders}
	if len(in.reports) > 0 && (d.spec == nil || !l.limiters[0].allow(now) && in.result == nil) {
		l.flooding = d.spec != nil
		rest.reports, in.reports = in.reports, nil
	}
	d.in = rest
	return in
}

// notice takes in what is new about the device and its routes.
func (d *Device) notice(in inbox, now time.Duration) {
	l := &d.loop
	shown := in.chosen
	if in.rerouted {
		d.reroute(now)
	}
	for _, s := range in.sightings {
		shown = d.meet(s) || shown
		l.stateless = l.stateless && d.sign() == nil
		if s.did != "" {
			l.nextSpec = now
		}
		if !l.online || l.failures > 0 { // it may be reached now
			l.nextPoll = min(l.nextPoll, now)
			l.nextSpec = sooner(l.nextSpec, now)
		}
	}
	if in.refresh {
		l.aside, l.nextSlow, l.stateless = nil, 0, l.stateless && d.sign() == nil
		l.nextPoll = now + spread(mix(d.hash+1), 2*time.Second)
	}
	if in.respec {
		l.nextSpec = now
	}
	if in.admitted {
		l.place, l.placed = inside, now
	}
	if in.heard {
		d.retryHeard(now)
	}
	if shown {
		d.reopen()
	}
}

// retryHeard lets the routes by which a packet came be tried at once.
func (d *Device) retryHeard(now time.Duration) {
	if d.spec == nil {
		d.loop.nextSpec = min(d.loop.nextSpec, now)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.routes {
		if r.heard && !errors.Is(r.err, mi.ErrDenied) {
			r.retry = 0
		}
		r.heard = false
	}
}

// next begins the most urgent exchange, if any: orders first.
func (d *Device) next(now time.Duration) {
	l := &d.loop
	d.letGo()
	if batch := d.nextBatch(); batch != nil {
		d.launch(&job{task: ordering, batch: batch, props: d.sign()})
		return
	}
	if !d.mayContact(now) {
		return
	}
	switch {
	case l.nextSpec <= now:
		d.launch(&job{task: opening})
	case d.spec == nil:
	case l.nextPoll <= now && !l.stateless:
		d.poll(now)
	default:
		if r := d.betterRoute(now); r != nil {
			d.launch(&job{task: probing, route: r, props: d.sign()})
		} else if l.nextAsk <= now && l.via != nil {
			l.nextAsk = never
			d.launch(&job{task: describing, route: l.via})
		}
	}
}

// mayContact passes the gate once in the device's life.
func (d *Device) mayContact(now time.Duration) bool {
	l := &d.loop
	if l.place == outside {
		l.place = queued
		if d.home.gate.enter(d) {
			l.place, l.placed = inside, now
		}
	}
	return l.place >= inside
}

// leaveGate lets the next device have its first contact.
func (d *Device) leaveGate() {
	if d.loop.place == inside {
		d.loop.place = through
		d.home.gate.leave()
	}
}

// hurry ends an exchange that lasts too long.
func (d *Device) hurry(now time.Duration) {
	l := &d.loop
	if l.place == inside && now >= l.placed+grace {
		d.leaveGate()
	}
	if l.job.task == ordering {
		return // its context knows the deadline
	}
	if now >= l.job.start+hang || now >= l.job.start+l.patience() && d.hasOrders() {
		l.job.stop()
	}
}

func (d *Device) hasOrders() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.in.orders) > 0
}

// late ends the orders whose time is over, also those of a driver that hangs.
func (d *Device) late(now time.Duration) {
	for _, w := range d.expired(now) {
		d.failed(w, d.tooLate(d.loop.lastMiss))
	}
	j := d.loop.job
	if j == nil || j.task != ordering || j.ended || now < j.batch[0].deadline+grace {
		return
	}
	j.ended = true
	for _, w := range j.batch {
		err := d.tooLate(nil)
		if len(w.Calls) > 0 {
			err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		}
		d.failed(w, err)
	}
}

// finish takes in the outcome of the exchange.
func (d *Device) finish(o *outcome) {
	l := &d.loop
	l.job = nil
	switch {
	case o.again && o.stopped:
		o.err = context.Canceled
	case o.again:
		d.giveBack(o)
		d.launch(&job{task: o.task, props: o.props, full: o.full, patient: true})
		return
	case o.cancel != nil:
		o.cancel()
	}
	switch o.task {
	case opening:
		d.finishSpec(o)
	case reading, probing:
		d.finishRead(o)
	case ordering:
		d.finishOrders(o)
	case describing:
		if o.err != nil && !errors.Is(o.err, mi.ErrUnsupported) {
			l.nextAsk = d.home.now() + d.home.opt.Intervals.ProbeMax
		}
	}
	if o.info != (mi.Info{}) {
		d.described(o.info)
	}
	if l.place == inside && (o.task != opening || o.err != nil || l.stateless) {
		d.leaveGate()
	}
}

// tell tells the View of a changed Status.
func (d *Device) tell() {
	l := &d.loop
	if !l.contact {
		return
	}
	s := Status{Online: l.online, Connection: l.connection(), LastError: l.linkErr, Problem: l.problem, Reason: l.reason}
	if s.LastError == "" {
		s.LastError = l.orderErr
	}
	d.mu.Lock()
	news := d.status != s
	d.status = s
	d.mu.Unlock()
	d.online.Store(l.online)
	if news || !l.told {
		l.told = true
		d.home.opt.View.Status(d, d.Status())
	}
}

// nextWake returns when the next step is due.
func (d *Device) nextWake(now time.Duration) time.Duration {
	l := &d.loop
	wake := d.judgement()
	if wake <= now {
		wake = never
	}
	d.mu.Lock()
	for _, w := range d.in.orders {
		wake = min(wake, w.deadline)
	}
	if len(d.in.reports) > 0 && d.spec != nil {
		wake = min(wake, now+reportPause)
	}
	orders := len(d.in.orders) > 0
	d.mu.Unlock()
	if l.place == inside {
		wake = min(wake, l.placed+grace)
	}
	if l.job == nil {
		return min(wake, d.nextJob())
	}
	switch {
	case l.job.ended:
	case l.job.task == ordering:
		wake = min(wake, l.job.batch[0].deadline+grace)
	case orders && now < l.job.start+l.patience():
		wake = min(wake, l.job.start+l.patience())
	case l.job.task == reading: // the next poll's own time, so that the wake-up need not move again
		wake = min(wake, d.slot(now))
	default:
		wake = min(wake, l.job.start+hang)
	}
	return wake
}

// nextJob returns when next has something to begin.
func (d *Device) nextJob() time.Duration {
	l := &d.loop
	if l.place == queued {
		return never // the gate wakes it
	}
	wake := l.nextSpec
	if d.spec == nil {
		return wake
	}
	if !l.stateless {
		wake = min(wake, l.nextPoll)
	}
	if l.via != nil {
		wake = min(wake, l.nextAsk)
	}
	return min(wake, d.nextProbe())
}

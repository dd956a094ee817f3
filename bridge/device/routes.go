package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Classed is a link that knows what silence means for its device: it names a
// class of Options.Gone.
type Classed interface {
	Class() string
}

// Pooled is a link whose reads travel together with those of other devices. All
// devices that name the same pool are polled at the same moment.
type Pooled interface {
	Pool() string
}

const (
	deniedRest = time.Minute      // between tries with a token that was refused
	deniedSoon = 10 * time.Second // before the second of them: a refusal may be an accident
	freshFor   = 5 * time.Second  // in which a route that was heard needs no proof
)

// route is one way to the device. It is made when first tried or sighted.
type route struct {
	*Route
	index int          // in Options.Routes: the order of preference
	seen  atomic.Int64 // time of the newest valid packet by this route; 0 is none yet
	down  atomic.Bool  // failed lately; written under Device.mu, read by the sink

	// Guarded by Device.mu.
	sighted bool
	stale   bool    // the link was opened with what is not true any more
	heard   bool    // a packet came by this route while it was down
	info    mi.Info // what this route's driver saw
	link    mi.Link
	fails   int // in a row
	retry   time.Duration
	err     error    // the last failure; nil when all is well
	spec    *mi.Spec // of the link
	dict    *dict    // between the link's spec and the device's; nil when they are one
}

// getter returns the link as far as it reads, or nil. Only an exchange changes the
// link, so that it needs no d.mu to look.
func (r *route) getter() mi.Getter {
	g, _ := r.link.(mi.Getter)
	return g
}

// route returns the device's route of that index, or nil. It needs d.mu.
func (d *Device) route(index int) *route {
	for _, r := range d.routes {
		if r.index == index {
			return r
		}
	}
	return nil
}

// addRoute returns the route of that index, made when missing. It needs d.mu.
func (d *Device) addRoute(index int) *route {
	if r := d.route(index); r != nil {
		return r
	}
	r := &route{Route: &d.home.opt.Routes[index], index: index}
	d.routes = append(d.routes, r)
	for i := len(d.routes) - 1; i > 0 && d.routes[i-1].index > index; i-- {
		d.routes[i-1], d.routes[i] = r, d.routes[i-1]
	}
	return r
}

// over tries f on one route after the other: those that work by preference, then
// those that failed. It returns the route that served, or else the failure that
// tells most: that of the route that served last.
func (d *Device) over(ctx context.Context, f func(ctx context.Context, r *route) error) (*route, error) {
	var tried uint64
	var failure, last error
	for _, down := range []bool{false, true} {
		for i := range d.home.opt.Routes {
			if tried&(1<<i) != 0 {
				continue
			}
			r, more, err := d.candidate(i, down, tried)
			if r == nil {
				failure = telling(failure, err)
				continue
			}
			tried |= 1 << i
			if err = d.try(ctx, r, more, f); err == nil {
				return r, nil
			}
			err = fmt.Errorf("%s: %w", r.Name, err)
			if ctx.Err() != nil || !moves(err) {
				return nil, err
			}
			if r == d.loop.via && !errors.Is(err, mi.ErrUnsupported) {
				last = err
			}
			if r.link != nil {
				failure = telling(failure, err)
			}
		}
	}
	switch {
	case last != nil:
		return nil, last
	case failure == nil:
		failure = d.noWay()
	}
	return nil, failure
}

// telling keeps the failure of the better route, unless that cannot do it at all.
func telling(have, next error) error {
	if have == nil || next != nil && errors.Is(have, mi.ErrUnsupported) && !errors.Is(next, mi.ErrUnsupported) {
		return next
	}
	return have
}

// candidate returns the route of that index when it may be tried now, and
// whether there are others. A route that refused the token rests for a while and
// reports why.
func (d *Device) candidate(index int, down bool, tried uint64) (r *route, more bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.allowed(index) {
		return nil, false, nil
	}
	if r = d.route(index); r == nil {
		if down {
			return nil, false, nil
		}
		r = d.addRoute(index)
	}
	if r.err != nil && errors.Is(r.err, mi.ErrDenied) && d.home.now() < r.retry {
		return nil, false, r.err
	}
	if r.down.Load() != down {
		return nil, false, nil
	}
	for i := range d.home.opt.Routes {
		more = more || i != index && tried&(1<<i) == 0 && d.allowed(i)
	}
	return r, more, nil
}

// allowed needs d.mu.
func (d *Device) allowed(index int) bool {
	name := d.home.opt.Routes[index].Name
	if d.refused&(1<<index) != 0 || !d.reaches(name) {
		return false
	}
	return d.spec == nil || d.spec.Tuning.Route == "" || d.spec.Tuning.Route == name
}

// try runs f on one route; when there are others, with half of the time left.
func (d *Device) try(ctx context.Context, r *route, more bool, f func(context.Context, *route) error) (err error) {
	if deadline, ok := ctx.Deadline(); ok && more {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	defer func() { d.mark(r, err) }()
	defer d.home.survive(&err)
	if err = d.open(r); err != nil {
		return err
	}
	return f(ctx, r)
}

// moves reports whether another route may do better.
func moves(err error) bool {
	if errors.Is(err, ErrUnknownOutcome) {
		return false
	}
	return lost(err) || errors.Is(err, mi.ErrOffline) || errors.Is(err, mi.ErrUnsupported) ||
		errors.Is(err, mi.ErrDenied) || errors.Is(err, errInternal)
}

// lost reports whether a request went out and nothing came back.
func lost(err error) bool {
	return errors.Is(err, mi.ErrTimeout) || errors.Is(err, context.DeadlineExceeded)
}

// mark notes how the route did. One lost exchange is bad luck, two are a route
// that is down.
func (d *Device) mark(r *route, err error) {
	if err == nil && !r.down.Load() && r.fails == 0 {
		return // nobody but this exchange writes them
	}
	if d.marked(r, err) && d.home.opt.Denied != nil {
		d.home.opt.Denied(d.Info())
	}
}

// helped reports whether another route than r serves the device. It needs d.mu.
func (d *Device) helped(r *route) bool {
	return slices.ContainsFunc(d.routes, func(o *route) bool { return o != r && o.link != nil && !o.down.Load() })
}

// marked is mark without whom to tell; it reports whether the token was refused again while
// another route serves, so that nobody else says so.
func (d *Device) marked(r *route, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		r.fails, r.err = 0, nil
		r.down.Store(false)
		return false
	}
	now, wait := d.home.now(), &d.home.opt.Intervals
	again := false
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrUnknownOutcome):
		return false
	case errors.Is(err, mi.ErrDenied) && !errors.Is(r.err, mi.ErrDenied):
		r.fails, r.retry = 2, now+deniedSoon
	case errors.Is(err, mi.ErrDenied):
		again, r.fails = r.fails == 2 && d.helped(r), 3
		r.retry = now + deniedRest
	case errors.Is(err, mi.ErrOffline), errors.Is(err, errInternal):
		r.fails = max(2, r.fails+1)
		r.retry = now + wait.backoff(r.fails-2, d.hash)
	case lost(err):
		r.fails++
		r.retry = now + wait.backoff(max(0, r.fails-2), d.hash)
	default:
		return false
	}
	r.err = err
	r.down.Store(r.fails >= 2)
	return again
}

// open gives the route a link, unless it has one that is still good.
func (d *Device) open(r *route) error {
	d.mu.Lock()
	link := r.link
	if link != nil && !r.stale {
		d.mu.Unlock()
		return nil
	}
	r.stale = false
	info, met := d.info.Merge(r.info), d.met
	d.mu.Unlock()
	if link != nil {
		d.use(r, nil)
		_ = link.Close() // another takes its place
	}
	link, err := r.Driver.Open(d.loop.ctx, info, &sink{d, r})
	if err != nil {
		if errors.Is(err, mi.ErrUnsupported) {
			d.refuse(r.index, met)
		}
		return err
	}
	d.use(r, link)
	return nil
}

// prove has a route that was quiet for a while show a sign of life before something
// leaves by it that must not be sent twice. Without another route that gains nothing.
func (d *Device) prove(ctx context.Context, r *route, sign []int) error {
	quiet := d.home.now() - time.Duration(r.seen.Load())
	sign = r.dict.toLink(sign)
	get := r.getter()
	if quiet < freshFor || get == nil || len(sign) == 0 || !d.spare(r) {
		return nil
	}
	_, err := get.Get(ctx, sign, nil)
	if lost(err) || errors.Is(err, mi.ErrOffline) {
		return err
	}
	return nil
}

// spare reports whether there is another route behind r.
func (d *Device) spare(r *route) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.routes, func(o *route) bool {
		return o.index > r.index && (o.sighted || o.link != nil) && d.allowed(o.index)
	})
}

// refuse forgets a route that is no way to the device, unless more is known of that by
// now than when it was asked.
func (d *Device) refuse(index int, met uint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.met != met {
		return
	}
	d.refused |= 1 << index
	for i, r := range d.routes {
		if r.index == index && !r.sighted {
			d.routes = append(d.routes[:i:i], d.routes[i+1:]...)
			return
		}
	}
}

func (d *Device) use(r *route, link mi.Link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.link, r.spec, r.dict = link, nil, nil
}

// ready makes sure that the route's link and the device mean the same by an index. A
// spec of a route that is preferred to the one that gave the device's is worth more.
func (d *Device) ready(ctx context.Context, r *route) error {
	if r.spec != nil { // only the exchange and the loop between exchanges write it
		return nil
	}
	spec, err := r.link.Spec(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	r.spec, r.dict = spec, newDict(d.spec, spec)
	better := r.dict != nil && r.index < d.teller
	d.mu.Unlock()
	if better {
		d.post(func(in *inbox) { in.respec = true })
	}
	return nil
}

// meet takes in a sighting: open links learn the new address, routes that were
// given up get another chance. It reports whether what people see changed.
func (d *Device) meet(s sighting) (shown bool) {
	d.mu.Lock()
	r := d.addRoute(s.route)
	old := d.info
	d.info = old.Merge(s.info)
	d.info.DID = cmp.Or(s.did, old.DID)
	d.met++
	now := d.info
	if now != old {
		d.refused = 0
	}
	if r.Name != "cloud" { // which may know an old address
		d.notes.move(old.Merge(r.info).Addr, s.info.Addr, d.home.now())
	}
	d.refused &^= 1 << s.route
	var moved []func()
	for _, r := range d.routes {
		if m := r.meet(old, now, s); m != nil {
			moved = append(moved, m)
		}
	}
	d.mu.Unlock()
	for _, m := range moved {
		m()
	}
	if now != old {
		d.home.listChanged()
	}
	return s.did != "" || old.Name != now.Name || old.Room != now.Room || old.Model != now.Model || old.Firmware != now.Firmware
}

// meet returns what is to be done outside the lock, if anything.
func (r *route) meet(old, now mi.Info, s sighting) func() {
	before := old.Merge(r.info)
	if r.index == s.route {
		r.info, r.sighted = r.info.Merge(s.info), true
	}
	after := now.Merge(r.info)
	if before == after {
		return nil
	}
	if before.DID != after.DID { // the link was opened by the other one
		r.retry, r.err, r.stale = 0, nil, true
		return nil
	}
	door := before.Addr != after.Addr || before.Token != after.Token || before.Parent != after.Parent
	if door {
		r.retry, r.err = 0, nil
	}
	if m, ok := r.link.(mi.Mover); ok {
		return func() { m.Move(after) }
	}
	r.stale = r.stale || door
	return nil
}

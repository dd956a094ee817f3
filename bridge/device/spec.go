package device

import (
	"context"
	"errors"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// finishSpec adopts a spec, or says why there is none and tries again later.
func (d *Device) finishSpec(o *outcome) {
	l := &d.loop
	now := d.home.now()
	if o.err == nil {
		l.nextSpec, l.reason = never, ""
		if l.via == nil {
			d.follow(o.via)
		}
		d.weigh(o)
		if l.stateless { // no read will ever say that all is well again
			l.contact, l.denied, l.failures, l.linkErr, l.problem = true, false, 0, "", ""
		}
		return
	}
	if errors.Is(o.err, context.Canceled) && now < o.start+hang {
		l.nextSpec = now // an order went first
		return
	}
	l.contact = true
	if d.spec == nil {
		l.reason = words(o.err)
	}
	if errors.Is(o.err, mi.ErrUnsupported) {
		if l.failures++; l.failures > 1 { // a spec that is looked for comes in a moment, or the reason why not
			d.complain(o.err)
		}
	} else {
		d.missed(o.err)
	}
	l.nextSpec = o.start + d.home.opt.Intervals.backoff(l.failures-1, d.hash)
	if errors.Is(o.err, mi.ErrDenied) {
		l.nextSpec = d.rested(now)
	}
}

// weigh decides between the device's spec and one that a route just gave. The
// preferred route has the say: what another one gives in its place must not make
// anything disappear, and is asked for again once the better route is back.
func (d *Device) weigh(o *outcome) {
	d.mu.Lock()
	keep := d.spec != nil && o.via.index > d.teller && !covers(o.spec, d.spec)
	if keep {
		o.via.dict = newDict(d.spec, o.spec)
	} else {
		d.teller = o.via.index
	}
	d.mu.Unlock()
	d.loop.asks = keep
	if !keep {
		d.adopt(o.spec)
	}
}

// learnAnew has the spec asked for again, when that is due and the route that gave it
// just served.
func (d *Device) learnAnew(via *route) {
	l := &d.loop
	if l.asks && via.index <= d.teller { // only the loop writes teller
		l.nextSpec = min(l.nextSpec, d.home.now())
	}
}

// adopt makes spec the device's own. Values move over to what means the same.
func (d *Device) adopt(spec *mi.Spec) {
	l := &d.loop
	old := d.spec
	if old == spec {
		return
	}
	values := make([]mi.Value, len(spec.Props))
	for i := range d.values {
		p := &old.Props[i]
		if j := sameProp(spec, p); j >= 0 {
			values[j] = coerce(&spec.Props[j], d.values[i])
		}
	}
	d.mu.Lock()
	d.spec, d.values = spec, values
	for _, r := range d.routes {
		if r.dict = nil; r.spec != spec {
			r.spec = nil // asked again before its next use
		}
	}
	d.mu.Unlock()
	l.doubts, l.aside, l.reported = nil, nil, nil
	d.recovered()
	l.contact, l.stateless = true, false
	l.nextPoll, l.nextSlow = 0, 0
	l.nextAsk = d.home.now() + spread(mix(d.hash+2), d.home.opt.Intervals.Idle)
	d.reopen()
}

// reopen has the View look at the device anew.
func (d *Device) reopen() {
	if d.spec == nil {
		d.loop.told = false
		return
	}
	l := &d.loop
	l.plan = d.home.opt.View.Opened(d, d.spec)
	if d.sign() == nil {
		d.assume()
	}
	d.learnRule()
}

// assume takes a device that has no state to read as present.
func (d *Device) assume() {
	d.loop.stateless = true
	if d.class() == ClassPolled {
		d.seen.Store(max(1, int64(d.home.now())))
	}
	d.learnRule()
}

// described takes in what the device says of itself. Other firmware may have
// another spec.
func (d *Device) described(info mi.Info) {
	d.mu.Lock()
	old := d.info
	info.DID, info.Name, info.Addr, info.Token = "", "", "", ""
	d.info = old.Merge(info)
	now := d.info
	d.mu.Unlock()
	if now == old {
		return
	}
	d.home.listChanged()
	if old.Model != "" && old.Model != now.Model || old.Firmware != "" && old.Firmware != now.Firmware {
		d.loop.nextSpec = d.home.now()
	}
	d.reopen()
}

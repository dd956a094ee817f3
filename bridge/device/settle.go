package device

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const doubtTries = 2 // readings after which a device that shows the old value did not obey

// doubt is a value that is to be read back.
type doubt struct {
	prop      int
	want, old mi.Value
	at        time.Duration // not to be judged before
	tries     int
	write     bool // somebody ordered it
}

// believe decides about a value of a property that was just written: until the
// order has had its time, the value from before it is old news.
func (d *Device) believe(c mi.Change, start time.Duration, read bool) bool {
	l := &d.loop
	i := slices.IndexFunc(l.doubts, func(q doubt) bool { return q.prop == c.Prop })
	if i < 0 {
		return true
	}
	q := &l.doubts[i]
	if q.write && c.Value == q.old {
		if !read || start < q.at {
			return false
		}
		if q.tries++; q.tries < doubtTries {
			q.at = d.home.now() + 2*d.readDelay()
			return false
		}
		d.orderTrouble(fmt.Sprintf("%s: the device accepted %s and still says %s; it may need to be switched on first, or refuses by itself",
			d.spec.Props[q.prop].Key, q.want, cmp.Or(q.old.String(), "nothing")), nil)
		d.refusal(plain(d.spec.Props[q.prop].Name), &errIgnored{q.want.String(), cmp.Or(q.old.String(), "nothing")})
	}
	l.doubts = slices.Delete(l.doubts, i, i+1)
	return true
}

// unread puts off, and in the end drops, the doubts about values that a read did not
// bring, such as of a property that the device was silent about: it must not be
// asked at once and for ever.
func (d *Device) unread(o *outcome, now time.Duration) {
	l := &d.loop
	kept := l.doubts[:0]
	for _, q := range l.doubts {
		brought := slices.ContainsFunc(*o.changes, func(c mi.Change) bool { return c.Prop == q.prop })
		if !brought && q.at <= o.start {
			q.tries++
			q.at = now + 2*d.readDelay()
		}
		if brought || q.tries <= doubtTries {
			kept = append(kept, q)
		}
	}
	l.doubts = kept
}

// readDelay is the time that a model needs to show what was written.
func (d *Device) readDelay() time.Duration {
	return cmp.Or(d.spec.Tuning.ReadDelay, d.home.opt.Intervals.Verify)
}

// finishOrders tells everybody how the orders ended.
func (d *Device) finishOrders(o *outcome) {
	l := &d.loop
	switch {
	case o.via != nil:
		d.served(o.via)
	case lost(o.err) || errors.Is(o.err, mi.ErrOffline) || errors.Is(o.err, mi.ErrDenied) || errors.Is(o.err, errInternal):
		d.missed(o.err)
	}
	soon := d.home.now() + d.readDelay()
	l.nextPoll = min(l.nextPoll, soon)
	var obeyed []waiting
	for i, w := range o.batch {
		r := o.result(i)
		switch {
		case r.err == nil:
			obeyed = append(obeyed, w)
		case o.ended:
		case errors.Is(r.err, ErrReplaced):
			w.done(nil, r.err)
		default:
			d.failed(w, r.err)
		}
	}
	if len(obeyed) == 0 {
		return
	}
	d.succeeded(obeyed)
	for i, w := range o.batch {
		if r := o.result(i); r.err == nil && !o.ended {
			w.done(r.out, nil)
		}
	}
}

// result returns how order i ended; one that was not come to shares the error.
func (o *outcome) result(i int) result {
	if i < len(o.results) {
		return o.results[i]
	}
	return result{nil, cmp.Or(o.err, errInternal)}
}

// succeeded shows what was written at once and has it read back.
func (d *Device) succeeded(orders []waiting) {
	d.home.orders.Add(uint64(len(orders)))
	l, now := &d.loop, d.home.now()
	l.fastUntil = now + d.home.opt.Intervals.FastFor
	l.orderErr, l.orderFailed = "", false
	d.accepted()
	var changes []mi.Change
	for _, w := range orders {
		for _, c := range w.Set {
			p := &d.spec.Props[c.Prop]
			c.Value = coerce(p, c.Value)
			d.doubtful(c, p.Access&mi.Read != 0, now)
			changes = slices.DeleteFunc(changes, func(o mi.Change) bool { return o.Prop == c.Prop })
			changes = append(changes, c)
		}
	}
	d.mu.Lock()
	for _, c := range changes {
		d.values[c.Prop] = c.Value
	}
	d.mu.Unlock()
	d.show(changes)
}

// doubtful notes that a written value is to be read back. The value from before
// is that of before the first write that was not confirmed.
func (d *Device) doubtful(c mi.Change, readable bool, now time.Duration) {
	l := &d.loop
	old := d.values[c.Prop]
	if i := slices.IndexFunc(l.doubts, func(q doubt) bool { return q.prop == c.Prop }); i >= 0 {
		if l.doubts[i].write {
			old = l.doubts[i].old
		}
		l.doubts = slices.Delete(l.doubts, i, i+1)
	}
	if readable && old != c.Value {
		l.doubts = append(l.doubts, doubt{prop: c.Prop, want: c.Value, old: old, at: now + d.readDelay(), write: true})
	}
}

// failed tells that an order failed: the old values are shown again.
func (d *Device) failed(w waiting, err error) {
	d.home.failed.Add(1)
	changes := make([]mi.Change, 0, len(w.Set))
	for _, c := range w.Set {
		if c.Prop < len(d.values) {
			changes = append(changes, mi.Change{Prop: c.Prop, Value: d.values[c.Prop]})
		}
	}
	d.orderTrouble(d.label(w.Order)+": "+words(err), err)
	d.refusal(d.subject(w.Order), err)
	d.show(changes)
	w.done(nil, err)
}

// orderTrouble notes and logs why an order came to nothing.
func (d *Device) orderTrouble(text string, err error) {
	l, log := &d.loop, &d.home.opt.Log
	level := zerolog.DebugLevel
	if !l.orderFailed {
		level = zerolog.WarnLevel
	}
	l.orderErr, l.orderFailed = text, true
	log.WithLevel(level).Str("device", d.id).Str("model", d.Info().Model).Err(err).Str("what", text).Msg("order failed")
}

// label says what an order is about.
func (d *Device) label(o mi.Order) string {
	var parts []string
	for _, c := range o.Set {
		parts = append(parts, fmt.Sprintf("%s = %s", d.spec.Props[c.Prop].Key, c.Value))
	}
	for _, c := range o.Calls {
		parts = append(parts, string(d.spec.Actions[c.Action].Key))
	}
	return strings.Join(parts, ", ")
}

// takeResult takes the outcome of the exchange under way, when it is there.
func (d *Device) takeResult() *outcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.in.result
	d.in.result = nil
	return o
}

// endOrders tells how the last exchange of the device's life ended.
func (d *Device) endOrders(o *outcome, reason error) {
	if o.cancel != nil {
		o.cancel()
	}
	if o.task != ordering {
		return
	}
	for i, w := range o.batch {
		r := o.result(i)
		if r.err != nil && !errors.Is(r.err, ErrUnknownOutcome) {
			r.err = reason
		}
		if !o.ended {
			w.done(r.out, r.err)
		}
	}
}

// close ends the device: nothing comes in any more, orders that wait fail.
func (d *Device) close(reason error) {
	d.mu.Lock()
	d.in.closed = true
	orders, admitted := d.in.orders, d.in.admitted
	d.in.orders = nil
	routes := d.routes
	d.mu.Unlock()
	if admitted {
		d.home.gate.leave()
	}
	for _, w := range orders {
		w.done(nil, reason)
	}
	for _, r := range routes {
		if r.link != nil {
			_ = r.link.Close() // nothing more is wanted of it
		}
	}
}

// end fails what waits, closes the links and lets go. It reports false while an
// exchange is under way that has to end first.
func (d *Device) end(reason error) bool {
	l := &d.loop
	if l.job != nil {
		o := d.takeResult()
		if o == nil {
			l.job.stop()
			return false
		}
		l.job = nil
		d.endOrders(o, reason)
	}
	if l.place == inside {
		d.leaveGate()
	}
	d.home.wheel.set(d, never)
	d.close(reason)
	return true
}

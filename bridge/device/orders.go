package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// How an order can end besides success and the kinds of package mi.
var (
	ErrReplaced       = errors.New("replaced by a newer order")
	ErrUnknownOutcome = errors.New("unknown outcome")

	errInternal = errors.New("internal error")
	errRemoved  = fmt.Errorf("device: removed: %w", mi.ErrOffline)
	errStopping = fmt.Errorf("device: the bridge stops: %w", mi.ErrOffline)
	errSlept    = fmt.Errorf("not carried out: this machine slept, or its clock was set: %w", mi.ErrTimeout)
)

const (
	maxOrders = 256                    // that wait at one device
	maxBatch  = 64                     // properties that leave as one write
	together  = 2 * time.Second        // orders given within leave as one write
	patience  = 500 * time.Millisecond // that an order has with a poll under way
	retryWait = time.Second            // before an order tries again
)

// waiting is a request with the time after which it must not run.
type waiting struct {
	Request
	deadline time.Duration
	given    mi.Moment
}

// result is how one order ended.
type result struct {
	out []mi.Value
	err error
}

// Do hands over a request. It never blocks.
func (d *Device) Do(r Request) {
	if err := d.check(r); err != nil {
		r.done(nil, err)
		return
	}
	w := waiting{r, d.home.now() + d.home.opt.OrderTimeout, d.home.opt.World.Moment()}
	d.mu.Lock()
	replaced, err := d.in.order(w)
	d.home.marks.orders.Reach(len(d.in.orders))
	d.mu.Unlock()
	switch {
	case err != nil:
		d.home.dropped.Add(1)
		r.done(nil, err)
	case replaced != nil:
		replaced.done(nil, ErrReplaced)
		fallthrough
	default:
		d.stepNow()
	}
}

// check refuses what could never run.
func (d *Device) check(r Request) error {
	if r.Cause == "" {
		return fmt.Errorf("device: order without a cause: %w", mi.ErrInvalid)
	}
	spec := d.Spec()
	if spec == nil {
		return fmt.Errorf("device: what it can do is not known yet: %w", mi.ErrUnsupported)
	}
	for _, c := range r.Set {
		if c.Prop < 0 || c.Prop >= len(spec.Props) {
			return fmt.Errorf("device: order: no property %d: %w", c.Prop, mi.ErrInvalid)
		}
	}
	for _, c := range r.Calls {
		if c.Action < 0 || c.Action >= len(spec.Actions) {
			return fmt.Errorf("device: order: no action %d: %w", c.Action, mi.ErrInvalid)
		}
	}
	return nil
}

// order queues w at the end and takes out the one that it replaces.
func (in *inbox) order(w waiting) (replaced *Request, err error) {
	if in.closed {
		return nil, errRemoved
	}
	if w.Merge != "" {
		same := func(o waiting) bool { return o.Merge == w.Merge }
		if i := slices.IndexFunc(in.orders, same); i >= 0 {
			old := in.orders[i].Request
			replaced = &old
			in.orders = slices.Delete(in.orders, i, i+1)
		}
	}
	if len(in.orders) == maxOrders {
		return nil, fmt.Errorf("device: %d orders wait already: %w", maxOrders, mi.ErrBusy)
	}
	in.orders = append(in.orders, w)
	return replaced, nil
}

// nextBatch takes the orders that leave together: writes that may safely be
// repeated go as one, everything else goes alone.
func (d *Device) nextBatch() []waiting {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.in.orders
	if len(all) == 0 {
		return nil
	}
	n, props := 1, len(all[0].Set)
	if d.absolute(all[0].Order) {
		for n < len(all) && d.absolute(all[n].Order) && all[n].deadline-all[0].deadline <= together {
			if props += len(all[n].Set); props > maxBatch {
				break
			}
			n++
		}
	}
	batch := slices.Clone(all[:n])
	d.in.orders = slices.Delete(all, 0, n)
	return batch
}

// absolute reports whether an order may be repeated and its outcome read: it sets
// readable properties and calls nothing. It needs d.mu.
func (d *Device) absolute(o mi.Order) bool {
	if len(o.Calls) > 0 {
		return false
	}
	for _, c := range o.Set {
		if d.spec.Props[c.Prop].Access&mi.Read == 0 {
			return false
		}
	}
	return true
}

// expired takes out the orders whose time is over.
func (d *Device) expired(now time.Duration) (late []waiting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in.orders = slices.DeleteFunc(d.in.orders, func(w waiting) bool {
		if w.deadline > now && !d.home.opt.World.Overslept(w.given) {
			return false
		}
		late = append(late, w)
		return true
	})
	return late
}

// sending is what is still to be sent of some orders.
type sending struct {
	cause    string
	given    mi.Moment
	set      []mi.Change
	calls    []mi.Call
	manner   mi.Manner // of the newest
	out      []mi.Value
	absolute bool
	sign     []int // what to read as a sign of life
}

func (d *Device) sending(batch []waiting, sign []int) *sending {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &sending{cause: batch[0].Cause, given: batch[0].given, absolute: true, sign: sign}
	for _, w := range batch {
		s.absolute = s.absolute && d.absolute(w.Order)
		for _, c := range w.Set {
			if len(batch) > 1 { // the last value counts; within one order the sequence is the caller's
				s.set = slices.DeleteFunc(s.set, func(o mi.Change) bool { return o.Prop == c.Prop })
			}
			s.set = append(s.set, c)
		}
		s.calls = append(s.calls, w.Calls...)
		s.manner = w.Manner
	}
	return s
}

// carry carries out a batch. When the device refuses a batch, each order gets its
// own answer.
func (d *Device) carry(ctx context.Context, o *outcome) {
	s := d.sending(o.batch, o.props)
	o.via, o.err = d.deliver(ctx, s, o.batch)
	if len(o.batch) == 1 || !refused(o.err) {
		for range o.batch {
			o.results = append(o.results, result{s.out, o.err})
		}
		return
	}
	o.err = nil
	for i := range o.batch {
		one := o.batch[i : i+1]
		via, err := d.deliver(ctx, d.sending(one, o.props), one)
		o.via = cmp.Or(via, o.via)
		o.results = append(o.results, result{nil, err})
	}
}

// refused reports whether the device answered, and said no.
func refused(err error) bool {
	return errors.Is(err, mi.ErrInvalid) || errors.Is(err, mi.ErrUnsupported) || errors.Is(err, mi.ErrProtocol)
}

// deliver tries until it is done, hopeless or too late.
func (d *Device) deliver(ctx context.Context, s *sending, batch []waiting) (*route, error) {
	for {
		via, err := d.over(ctx, func(ctx context.Context, r *route) error { return d.send(ctx, r, s) })
		again := lost(err) || errors.Is(err, mi.ErrOffline) || errors.Is(err, mi.ErrBusy)
		if err == nil || errors.Is(err, ErrUnknownOutcome) || !again && ctx.Err() == nil {
			return via, err
		}
		if d.superseded(batch) {
			return nil, ErrReplaced
		}
		if d.home.opt.World.Overslept(s.given) {
			return nil, errSlept
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, errStopping
		}
		if !pause(ctx, retryWait) {
			return nil, d.tooLate(err)
		}
	}
}

// tooLate names the end of an order that found no way in time.
func (d *Device) tooLate(cause error) error {
	late := fmt.Errorf("no answer in %g s", d.home.opt.OrderTimeout.Seconds())
	if cause == nil || lost(cause) {
		return &named{late.Error(), mi.ErrTimeout}
	}
	return fmt.Errorf("%w (%w)", &named{late.Error(), mi.ErrTimeout}, cause)
}

// named is an error of a kind with a text of its own.
type named struct {
	text string
	kind error
}

func (n *named) Error() string { return n.text }
func (n *named) Unwrap() error { return n.kind }

// superseded reports whether newer orders wait for all that the batch is about.
func (d *Device) superseded(batch []waiting) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range batch {
		newer := func(o waiting) bool { return o.Merge == w.Merge }
		if w.Merge == "" || !slices.ContainsFunc(d.in.orders, newer) {
			return false
		}
	}
	return true
}

// send is the only place from which anything leaves that changes a device. It
// notes what got through, so that no later try repeats it.
func (d *Device) send(ctx context.Context, r *route, s *sending) error {
	if s.cause == "" {
		return fmt.Errorf("device: write without a cause: %w", errInternal)
	}
	if err := d.ready(ctx, r); err != nil {
		return err
	}
	if !s.absolute {
		if err := d.prove(ctx, r, s.sign); err != nil {
			return err
		}
	}
	if d.home.opt.World.Overslept(s.given) {
		return errSlept
	}
	for len(s.set) > 0 && ctx.Err() == nil {
		n := len(s.set)
		if r.spec.Tuning.NoParallelWrites {
			n = 1
		}
		if err := d.write(ctx, r, s.set[:n], s); err != nil {
			return err
		}
		s.set = s.set[n:]
	}
	for len(s.calls) > 0 && ctx.Err() == nil {
		if err := d.act(ctx, r, s); err != nil {
			return err
		}
		s.calls = s.calls[1:]
	}
	if len(s.set)+len(s.calls) > 0 {
		return ctx.Err() // what is left comes too late
	}
	return nil
}

// write sets properties. When the reply is lost it looks whether the device
// obeyed, and tries once more when it did not; what cannot be looked at is never
// repeated.
func (d *Device) write(ctx context.Context, r *route, set []mi.Change, s *sending) error {
	wire, ok := r.dict.changes(set)
	to, writes := r.link.(mi.Setter)
	if !writes || !ok {
		return fmt.Errorf("device: write: %w", mi.ErrUnsupported)
	}
	err := s.put(ctx, to, wire)
	if err == nil || !lost(err) {
		return err
	}
	if !s.absolute {
		return fmt.Errorf("%w: the reply was lost: %w", ErrUnknownOutcome, err)
	}
	done, look := d.obeyed(ctx, r, wire)
	if done {
		return nil
	}
	if look != nil || ctx.Err() != nil || d.home.opt.World.Overslept(s.given) {
		return err
	}
	return s.put(ctx, to, wire)
}

// put hands a write to the link, in the manner that is wished where it has the
// choice.
func (s *sending) put(ctx context.Context, to mi.Setter, wire []mi.Change) error {
	if m, ok := to.(mi.Mannered); ok && s.manner != (mi.Manner{}) {
		return m.SetSo(ctx, wire, s.manner)
	}
	return to.Set(ctx, wire)
}

// obeyed reads back what was written; the error says that this was not possible.
func (d *Device) obeyed(ctx context.Context, r *route, wire []mi.Change) (bool, error) {
	get := r.getter()
	if get == nil {
		return false, mi.ErrUnsupported
	}
	props := make([]int, len(wire))
	for i, c := range wire {
		props[i] = c.Prop
	}
	got, err := get.Get(ctx, props, nil)
	if err != nil {
		return false, err
	}
	for _, w := range wire {
		i := slices.IndexFunc(got, func(g mi.Change) bool { return g.Prop == w.Prop })
		if i < 0 {
			return false, nil
		}
		p := &r.spec.Props[w.Prop]
		if coerce(p, got[i].Value) != coerce(p, w.Value) {
			return false, nil
		}
	}
	return true, nil
}

// act runs the next action.
func (d *Device) act(ctx context.Context, r *route, s *sending) error {
	action := r.dict.action(s.calls[0].Action)
	to, calls := r.link.(mi.Caller)
	if !calls || action < 0 {
		return fmt.Errorf("device: action: %w", mi.ErrUnsupported)
	}
	out, err := to.Call(ctx, action, s.calls[0].Args)
	if lost(err) || err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: the reply was lost: %w", ErrUnknownOutcome, err)
	}
	if err == nil {
		s.out = append(s.out, out...)
	}
	return err
}

package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// task is what an exchange is for.
type task uint8

const (
	opening    task = iota // learn the spec
	reading                // poll, or read back a write
	probing                // see whether a better route works again
	describing             // ask who the device is
	ordering               // carry out orders
)

// job is the one exchange with the device that is under way. It runs in its own
// goroutine, so that a silent device or a driver that hangs never keeps the loop
// from reports and deadlines.
type job struct {
	task   task
	props  []int // to read; of orders: as a sign of life
	full   bool  // of props: all that the View wants
	batch  []waiting
	route  *route // to probe
	start  time.Duration
	cancel context.CancelFunc

	begun   mi.Starter // that reads without a goroutine; nil with one
	stopped bool       // it was told to end
	patient bool       // begun before in vain: it is worth a goroutine
	ended   bool       // its orders were told the end already, at their deadline
}

// outcome is what came of a job.
type outcome struct {
	*job
	err     error
	via     *route
	changes *[]mi.Change // from Home.buffers
	spec    *mi.Spec
	info    mi.Info
	results []result // one per order
	again   bool     // what was begun came to nothing
}

// launch starts a job. The outcome comes by the inbox.
func (d *Device) launch(j *job) {
	l := &d.loop
	j.start = d.home.now()
	l.job = j
	if j.task == reading && !j.patient && d.begin(j) {
		return
	}
	var ctx context.Context
	if j.task == ordering {
		ctx, j.cancel = context.WithTimeout(l.ctx, j.batch[0].deadline-j.start)
	} else {
		ctx, j.cancel = context.WithCancel(l.ctx)
	}
	d.home.crew.do(l.ctx, func() { d.work(ctx, j) })
}

// begin starts a poll that is likely to succeed, without a goroutine. It reports
// false where the link cannot do that.
func (d *Device) begin(j *job) bool {
	r, link := d.steady()
	if link == nil {
		return false
	}
	o := &outcome{job: j, via: r, changes: d.home.buffers.Get().(*[]mi.Change)}
	j.begun = link
	done := func(got []mi.Change, ok bool) {
		*o.changes, o.again = got, !ok
		d.post(func(in *inbox) { in.result = o })
	}
	if !link.Start(j.props, (*o.changes)[:0], done) {
		j.begun = nil
		d.giveBack(o)
		return false
	}
	return true
}

// steady returns the route that would be tried first, if it worked the last time
// and can read without a goroutine.
func (d *Device) steady() (*route, mi.Starter) {
	if d.loop.failures > 0 {
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.home.opt.Routes {
		if !d.allowed(i) {
			continue
		}
		r := d.route(i)
		switch {
		case r == nil:
			return nil, nil
		case r.down.Load():
		case r == d.loop.via && r.fails == 0 && !r.stale && r.spec == d.spec && r.dict == nil:
			link, _ := r.link.(mi.Starter)
			return r, link
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// stop ends the exchange before it is through.
func (j *job) stop() {
	if j.begun == nil {
		j.cancel()
		return
	}
	j.stopped = true
	j.begun.Stop()
}

func (d *Device) work(ctx context.Context, j *job) {
	o := &outcome{job: j}
	defer d.post(func(in *inbox) { in.result = o })
	defer d.home.survive(&o.err)
	switch j.task {
	case opening:
		d.learn(ctx, o)
	case reading:
		o.via, o.err = d.over(ctx, func(ctx context.Context, r *route) error { return d.get(ctx, r, o) })
	case probing:
		o.via = j.route
		o.err = d.try(ctx, j.route, false, func(ctx context.Context, r *route) error { return d.get(ctx, r, o) })
	case describing:
		o.via = j.route
		o.err = d.describe(ctx, j.route, o)
	case ordering:
		d.carry(ctx, o)
	}
}

// learn asks for the spec.
func (d *Device) learn(ctx context.Context, o *outcome) {
	o.via, o.err = d.over(ctx, func(ctx context.Context, r *route) error {
		spec, err := r.link.Spec(ctx)
		if err == nil && spec == nil {
			err = fmt.Errorf("device: spec: %w", mi.ErrUnsupported)
		}
		if err == nil {
			o.spec = spec
			d.mu.Lock()
			r.spec = spec
			d.mu.Unlock()
			return nil
		}
		if errors.Is(err, mi.ErrUnsupported) && d.Info().Model == "" {
			_ = d.describe(ctx, r, o) // the model says which spec to wait for; without it nothing is lost
		}
		return err
	})
}

func (d *Device) describe(ctx context.Context, r *route, o *outcome) (err error) {
	defer d.home.survive(&err)
	if asked, ok := r.link.(mi.Describer); ok {
		o.info, err = asked.Describe(ctx)
	}
	return err
}

// get reads the job's properties by one route.
func (d *Device) get(ctx context.Context, r *route, o *outcome) error {
	if err := d.ready(ctx, r); err != nil {
		return err
	}
	get := r.getter()
	if get == nil {
		return fmt.Errorf("device: read: %w", mi.ErrUnsupported)
	}
	if o.changes == nil {
		o.changes = d.home.buffers.Get().(*[]mi.Change)
	}
	got, err := get.Get(ctx, r.dict.toLink(o.props), (*o.changes)[:0])
	*o.changes = r.dict.fromLink(got)
	return err
}

package router

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// link is the conversation with the router, with one of its mesh nodes or about
// one client. All of them live on the rounds of their router.
type link struct {
	info mi.Info
	mac  string                // of the node or client; "" of the router itself
	seek func() *router        // finds the router; nil while it is not known which one it is
	meet func(context.Context) // asks the routers who they are; nil where that is known
	sink mi.Sink
	ctx  context.Context // ends with Close
	stop context.CancelFunc

	r     atomic.Pointer[router]
	sheet atomic.Pointer[sheet]
	told  []mi.Value // by the last round; guarded by the router's mutex
}

// admin is the link of a router, which can be told what to do.
type admin struct{ *link }

var (
	_ mi.Link      = (*link)(nil)
	_ mi.Getter    = (*link)(nil)
	_ mi.Pusher    = (*link)(nil)
	_ mi.Setter    = admin{}
	_ mi.Caller    = admin{}
	_ mi.Describer = admin{}
)

// router returns the router that the link lives on.
func (l *link) router() (*router, error) {
	if r := l.r.Load(); r != nil {
		return r, nil
	}
	r := l.seek()
	if r == nil {
		return nil, fmt.Errorf("router: %s: its router was not reached yet: %w", l.info.DID, mi.ErrOffline)
	}
	l.r.Store(r)
	r.adopt(l)
	return r, nil
}

// adopt lets the link hear of every round.
func (r *router) adopt(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	r.links[l] = struct{}{}
	if l.mac != "" {
		r.s.expect(l.mac)
	}
}

// ready brings the router's state up to date and returns the router.
func (l *link) ready(ctx context.Context) (*router, error) {
	r, err := l.router()
	if err != nil && l.meet != nil {
		l.meet(ctx)
		r, err = l.router()
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	err = r.refresh(ctx, r.age())
	switch {
	case err == nil:
		return r, nil
	case l.ctx.Err() != nil:
		return nil, fmt.Errorf("router: %s: closed: %w", l.info.DID, mi.ErrOffline)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("router: %s: %w: %w", l.info.DID, err, mi.ErrTimeout)
	}
	return nil, err
}

// age is how old an answer may be. While somebody asks at every interval, what
// they heard is good for a little more than one.
func (r *router) age() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watched {
		return r.interval * 3 / 2
	}
	return r.interval
}

// Spec implements mi.Link.
func (l *link) Spec(ctx context.Context) (*mi.Spec, error) {
	if have := l.sheet.Load(); have != nil {
		return have.spec, nil
	}
	r, err := l.ready(ctx)
	if err != nil {
		return nil, err
	}
	have, err := r.sheetOf(l)
	if err != nil {
		return nil, err
	}
	l.sheet.Store(have)
	return have.spec, nil
}

// sheetOf chooses what describes the device.
func (r *router) sheetOf(l *link) (*sheet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case l.mac != "":
		return r.sheets.of(l.info.Model), nil
	case r.own == nil:
		return nil, fmt.Errorf("router: %s did not yet tell what it has: %w", r.addr, mi.ErrBusy)
	}
	return r.own, nil
}

// Get implements mi.Getter.
func (l *link) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	if _, err := l.Spec(ctx); err != nil {
		return nil, err
	}
	r, err := l.ready(ctx)
	if err != nil {
		return nil, err
	}
	values := r.values(l)
	for _, p := range props {
		if p >= 0 && p < len(values) {
			into = append(into, mi.Change{Prop: p, Value: values[p]})
		}
	}
	return into, nil
}

func (r *router) values(l *link) []mi.Value {
	r.mu.Lock()
	defer r.mu.Unlock()
	return l.values()
}

// values needs the router's mutex and a sheet.
func (l *link) values() []mi.Value {
	r := l.r.Load()
	var p *presence
	if l.mac != "" {
		p = r.s.expect(l.mac)
	}
	return l.sheet.Load().values(&r.s, p)
}

// tell passes on what a round changed. It needs the router's mutex.
func (l *link) tell() {
	if l.sheet.Load() == nil {
		return
	}
	l.sink.Seen()
	now := l.values()
	var news []mi.Change
	for i, v := range now {
		if l.told == nil || l.told[i] != v {
			news = append(news, mi.Change{Prop: i, Value: v})
		}
	}
	l.told = now
	if len(news) > 0 {
		l.sink.Changed(news)
	}
}

// Pushing implements mi.Pusher: while the router is asked all the time, whatever
// changes is told.
func (l *link) Pushing() bool {
	r := l.r.Load()
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.watched && r.err == nil && !r.fresh.IsZero()
}

// Close implements mi.Link.
func (l *link) Close() error {
	l.stop()
	if r := l.r.Load(); r != nil {
		r.mu.Lock()
		delete(r.links, l)
		r.mu.Unlock()
	}
	return nil
}

// Describe implements mi.Describer.
func (a admin) Describe(ctx context.Context) (mi.Info, error) {
	r, err := a.ready(ctx)
	if err != nil {
		return mi.Info{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	info := r.info()
	return mi.Info{Model: info.Model, MAC: info.MAC, Firmware: info.Firmware, Hardware: info.Hardware}, nil
}

// Set implements mi.Setter.
func (a admin) Set(ctx context.Context, changes []mi.Change) error {
	r, err := a.router()
	if err != nil {
		return err
	}
	if _, err := a.Spec(ctx); err != nil {
		return err
	}
	defer r.web.rest()
	defer r.stale()
	have := a.sheet.Load()
	for _, c := range changes {
		write := have.write[c.Prop]
		if write == nil {
			return fmt.Errorf("router: set: this can only be read: %w", mi.ErrInvalid)
		}
		if err := write(ctx, r, c.Value); err != nil {
			return fmt.Errorf("router: set %s: %w", have.spec.Props[c.Prop].Key, err)
		}
	}
	return nil
}

// Call implements mi.Caller.
func (a admin) Call(ctx context.Context, action int, _ []mi.Value) ([]mi.Value, error) {
	r, err := a.router()
	if err != nil {
		return nil, err
	}
	if action != restartAction {
		return nil, fmt.Errorf("router: call: there is no action %d: %w", action, mi.ErrUnsupported)
	}
	defer r.web.rest()
	if err := r.restart(ctx); err != nil {
		return nil, fmt.Errorf("router: restart: %w", err)
	}
	return nil, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// partner is the device that a command talks with, through the running bridge or
// without one.
type partner interface {
	called() string
	what() *mi.Spec
	// behind names the property or action behind what was copied from somewhere.
	behind(name string) string
	// read returns the values of some properties.
	read(ctx context.Context, props []int) ([]mi.Change, error)
	write(ctx context.Context, prop int, v mi.Value) (outcome, error)
	run(ctx context.Context, action int, args []mi.Value) (outcome, error)
	close()
}

// outcome tells how an order was carried out.
type outcome struct {
	route string // "" unknown
	took  time.Duration
	out   []mi.Value
}

// String says by which way and how fast.
func (o outcome) String() string {
	took := fmt.Sprintf("%d ms", max(1, o.took.Milliseconds()))
	if o.route == "" {
		return took
	}
	return routeName(o.route) + ", " + took
}

// routeName writes a route as people do.
func routeName(route string) string {
	switch route {
	case "lan":
		return "LAN"
	case "bluetooth", "ble":
		return "Bluetooth"
	}
	return route
}

// talkTo lets do talk with the device that name fits.
func (p *process) talkTo(name string, confirmed bool, do func(context.Context, partner) error) error {
	r, err := p.running(p.ctx)
	switch {
	case errors.Is(err, errNone):
		p.hint("%s: talking with the device directly.", sentence(err.Error()))
		return p.talkDirectly(name, do)
	case err != nil:
		return err
	}
	ctx, cancel := context.WithTimeout(p.ctx, orderWithin)
	defer cancel()
	dev, err := r.visit(ctx, name)
	if err != nil {
		return err
	}
	dev.confirmed = confirmed
	return named(name, do(ctx, dev))
}

func (p *process) talkDirectly(name string, do func(context.Context, partner) error) error {
	r, err := p.reach()
	if err != nil {
		return err
	}
	info, err := choose(r.known, name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.ctx, answerWithin)
	defer cancel()
	dev, err := r.open(ctx, info)
	if err != nil {
		return named(name, err)
	}
	defer dev.close()
	return named(name, do(ctx, dev))
}

// named adds to a failure of a device where more can be learnt.
func named(name string, err error) error {
	refused, _ := errors.AsType[*refusal](err)
	if exitCode(err) != exitNoAnswer && !errors.Is(err, mi.ErrDenied) && (refused == nil || refused.Code != "device_denied") {
		return err
	}
	return &failure{exitCode(err), fmt.Errorf("%w Why: mihome2mqtt doctor %s", ended{err}, quoted(name))}
}

// ended is an error whose text ends like a sentence.
type ended struct{ error }

// Error implements error.
func (e ended) Error() string {
	text := e.error.Error()
	if text == "" || text[len(text)-1] == '.' {
		return text
	}
	return text + "."
}

// Unwrap implements errors.Unwrap.
func (e ended) Unwrap() error { return e.error }

func (c *conversation) called() string { return label(c.info) }
func (c *conversation) what() *mi.Spec { return c.spec }
func (c *conversation) close()         { c.link.Close() }

func (c *conversation) behind(name string) string {
	return behind(name, c.info.DID, func(yield func(string, []string) bool) {
		m := c.made(c.spec)
		for i := range m.Entities {
			for _, b := range m.Entities[i].Binds {
				if !yield(m.Entities[i].ID+"/"+string(b.Role), b.Uses(c.spec)) {
					return
				}
			}
		}
	})
}

func (c *conversation) read(ctx context.Context, props []int) ([]mi.Change, error) {
	getter, ok := c.link.(mi.Getter)
	if !ok {
		return nil, fmt.Errorf("%s cannot be read: %w", c.called(), mi.ErrUnsupported)
	}
	values, err := getter.Get(ctx, props, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.called(), err)
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("%s refused to tell: %w", c.called(), mi.ErrUnsupported)
	}
	return values, nil
}

func (c *conversation) write(ctx context.Context, prop int, v mi.Value) (outcome, error) {
	setter, ok := c.link.(mi.Setter)
	if !ok {
		return outcome{}, fmt.Errorf("%s takes no orders: %w", c.called(), mi.ErrUnsupported)
	}
	began := time.Now()
	if err := setter.Set(ctx, []mi.Change{{Prop: prop, Value: v}}); err != nil {
		return outcome{}, fmt.Errorf("%s: %w", c.called(), err)
	}
	return outcome{route: "lan", took: time.Since(began)}, nil
}

func (c *conversation) run(ctx context.Context, action int, args []mi.Value) (outcome, error) {
	caller, ok := c.link.(mi.Caller)
	if !ok {
		return outcome{}, fmt.Errorf("%s takes no orders: %w", c.called(), mi.ErrUnsupported)
	}
	began := time.Now()
	out, err := caller.Call(ctx, action, args)
	if err != nil {
		return outcome{}, fmt.Errorf("%s: %w", c.called(), err)
	}
	return outcome{route: "lan", took: time.Since(began), out: out}, nil
}

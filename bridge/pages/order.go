package pages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Set implements web.Orders.
func (p *Pages) Set(ctx context.Context, id string, w web.Write) (web.Done, error) {
	d := p.opt.Home().Device(id)
	if d == nil {
		return web.Done{}, web.ErrNoDevice
	}
	order, what, err := p.written(d, w)
	if err != nil {
		return web.Done{}, p.ended(d, what, time.Now(), err)
	}
	return p.carry(ctx, d, order, what, w.Confirmed)
}

// written turns a write into an order and says in words what it asks for.
func (p *Pages) written(d *device.Device, w web.Write) (order mi.Order, what string, err error) {
	what = w.Key + " = " + w.Value.String()
	id, role, isRole := strings.Cut(w.Key, "/")
	if look, ok := p.opt.Topics.Look(d.ID()); ok && isRole {
		for i := range look.Model.Entities {
			e := &look.Model.Entities[i]
			if e.ID != id || bindOf(e, entity.Role(role)) == nil {
				continue
			}
			if name := strings.TrimSpace(e.Name + " " + strings.ReplaceAll(role, "_", " ")); name != "" {
				what = strings.TrimSuffix(strings.TrimSuffix(name, " state"), " press") + " → " + w.Value.String()
			}
			order, err = look.Model.Order(i, entity.Role(role), w.Value.String(), d.Values(nil))
			return order, what, err
		}
	}
	spec := d.Spec()
	if spec == nil {
		return order, what, fmt.Errorf("what it can do is not known yet: %w", mi.ErrUnsupported)
	}
	i := slices.IndexFunc(spec.Props, func(q mi.Property) bool { return named(w.Key, q.SIID, q.PIID, q.ID(), string(q.Key)) })
	if i < 0 || spec.Props[i].Access&mi.Write == 0 {
		return order, what, fmt.Errorf("%w that can be written: %q", web.ErrNoRole, w.Key)
	}
	value, err := entity.Accept(&spec.Props[i], w.Value)
	what = string(spec.Props[i].Key) + " → " + value.String()
	return mi.Order{Set: []mi.Change{{Prop: i, Value: value}}}, what, err
}

// named reports whether key is the iid, id or key of something.
func named(key string, siid, iid int, id, name string) bool {
	return key == strconv.Itoa(siid)+"."+strconv.Itoa(iid) || key == id || key == name
}

// Call implements web.Orders.
func (p *Pages) Call(ctx context.Context, id string, c web.Call) (web.Done, error) {
	d := p.opt.Home().Device(id)
	if d == nil {
		return web.Done{}, web.ErrNoDevice
	}
	order, what, err := called(d, c)
	if err != nil {
		return web.Done{}, p.ended(d, what, time.Now(), err)
	}
	return p.carry(ctx, d, order, what, c.Confirmed)
}

func called(d *device.Device, c web.Call) (order mi.Order, what string, err error) {
	spec := d.Spec()
	if spec == nil {
		return order, c.Action, fmt.Errorf("what it can do is not known yet: %w", mi.ErrUnsupported)
	}
	i := slices.IndexFunc(spec.Actions, func(a mi.Action) bool { return named(c.Action, a.SIID, a.AIID, a.ID(), string(a.Key)) })
	if i < 0 {
		return order, c.Action, fmt.Errorf("%w: no action %q", web.ErrNoRole, c.Action)
	}
	a := &spec.Actions[i]
	what = string(a.Key)
	if len(c.Args) != len(a.In) {
		return order, what, fmt.Errorf("%s takes %d inputs, not %d: %w", a.Key, len(a.In), len(c.Args), mi.ErrInvalid)
	}
	args := make([]mi.Value, len(c.Args))
	for k, v := range c.Args {
		if args[k], err = entity.Accept(&spec.Props[a.In[k]], v); err != nil {
			return order, what, err
		}
	}
	return mi.Order{Calls: []mi.Call{{Action: i, Args: args}}}, what, nil
}

// dangers say what an order of a class can do.
var dangers = map[string]string{
	entity.DangerStop: "It breaks off what runs.", entity.DangerUnlock: "It opens a door or a lock.", entity.DangerErase: "It loses data or settings.",
	entity.DangerRestart: "The device starts again.", entity.DangerUpdate: "It changes the device's firmware or maps.",
	entity.DangerCook: "It heats, whether somebody is there or not.", entity.DangerGas: "It opens a gas valve.",
	entity.DangerGate: "It moves a gate or a garage door.", entity.DangerAlarm: "It arms or disarms the alarm.",
}

// carry gives an order to a device and waits for how it ends.
func (p *Pages) carry(ctx context.Context, d *device.Device, order mi.Order, what string, confirmed bool) (web.Done, error) {
	began := time.Now()
	for _, class := range entity.Harm(d.Spec(), order) {
		if slices.Contains(p.opt.Config.Forbid, class) {
			return web.Done{}, p.ended(d, what, began, fmt.Errorf("orders of the kind %q are not taken; MIHOME2MQTT_FORBID says so: %w", class, web.ErrForbidden))
		}
		if !confirmed {
			return web.Done{}, &unconfirmed{dangers[class]}
		}
	}
	type answer struct {
		out []mi.Value
		err error
	}
	ended := make(chan answer, 1)
	d.Do(device.Request{Order: order, Cause: "web", Done: func(out []mi.Value, err error) { ended <- answer{out, err} }})
	var got answer
	select {
	case got = <-ended:
	case <-ctx.Done():
		got.err = fmt.Errorf("nobody waited for the answer: %w", mi.ErrTimeout)
	}
	done := web.Done{Route: d.Status().Connection, MS: time.Since(began).Milliseconds(), Out: got.out}
	return done, p.ended(d, what, began, got.err)
}

// unconfirmed asks for a second word before an order of a dangerous class.
type unconfirmed struct{ text string }

// Error implements error: what the order can do.
func (u *unconfirmed) Error() string { return u.text }

// Unwrap tells the kind.
func (u *unconfirmed) Unwrap() error { return web.ErrConfirm }

// ended notes how the last order ended, for the device's page.
func (p *Pages) ended(d *device.Device, what string, began time.Time, err error) error {
	status := d.Status()
	last := web.LastOrder{At: p.opt.World.Now(), What: what, By: "web", OK: err == nil}
	if err == nil {
		last.Route, last.MS = status.Connection, time.Since(began).Milliseconds()
	} else {
		last.Text = inWords(err)
	}
	p.diary.ordered(d.ID(), last)
	return err
}

// inWords says why an order failed, without the names of packages.
func inWords(err error) string {
	text := mi.Bare(err.Error())
	switch {
	case errors.Is(err, mi.ErrTimeout), errors.Is(err, mi.ErrOffline):
		return "The device did not answer (" + text + "). It is as it was."
	case errors.Is(err, device.ErrUnknownOutcome):
		return "The answer was lost: nobody can say whether the device obeyed."
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, ": "+mi.ErrInvalid.Error()), ": "+web.ErrForbidden.Error())
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// Refresh implements web.Orders.
func (p *Pages) Refresh(id string) error {
	if id == "" {
		p.opt.Home().Refresh()
		return nil
	}
	return p.with(id, (*device.Device).Refresh)
}

// Choose implements web.Orders. What a device came with is not chosen.
func (p *Pages) Choose(id string, c web.Wish) error {
	d := p.opt.Home().Device(id)
	if d == nil {
		return web.ErrNoDevice
	}
	info, called := d.Info(), d.Name()
	return d.Choose(func(now *device.Choice) {
		choose(&now.Name, c.Name, info.Name, called)
		choose(&now.Room, c.Room, info.Room)
		choose(&now.Reach, c.Reach)
		choose(&now.Detail, c.Detail)
		for to, flag := range map[*bool]*bool{&now.Hidden: c.Hidden, &now.Asleep: c.Asleep} {
			if flag != nil {
				*to = *flag
			}
		}
	})
}

// choose takes in a text that is asked for, unless it is how things are anyway.
func choose(now, text *string, anyway ...string) {
	if text == nil {
		return
	}
	if clean := mqtt.CleanName(*text); !slices.Contains(anyway, clean) {
		*now = clean
	}
}

// Remove implements web.Orders.
func (p *Pages) Remove(id string) error {
	if slices.Contains(p.opt.Config.Forbid, "remove") {
		return fmt.Errorf("devices are not removed; MIHOME2MQTT_FORBID says so: %w", web.ErrForbidden)
	}
	if !p.opt.Home().Remove(id) {
		return web.ErrNoDevice
	}
	return nil
}

// Import implements web.Orders. Who is known already learns what is new.
func (p *Pages) Import(list mi.Secret) (web.Imported, error) {
	out := web.Imported{Skipped: []web.Skipped{}}
	all, err := config.ParseDevices(list.Reveal())
	if err != nil {
		return out, fmt.Errorf("%w: %w", err, mi.ErrInvalid)
	}
	p.opt.Learn(all)
	for i, info := range all {
		known := p.opt.Home().Device(info.DID) != nil
		switch {
		case info.DID == "":
			out.Skipped = append(out.Skipped, web.Skipped{Entry: i + 1, Why: "its did is not given; write did/host, token, model"})
			continue
		case known:
			out.Changed++
		default:
			out.Added++
		}
		p.opt.Home().Found(web.LAN, info)
	}
	return out, nil
}

func (p *Pages) with(id string, do func(*device.Device)) error {
	d := p.opt.Home().Device(id)
	if d == nil {
		return web.ErrNoDevice
	}
	do(d)
	return nil
}

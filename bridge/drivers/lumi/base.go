package lumi

import (
	"context"
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// base is the conversation with a gateway itself, which answers for itself.
type base struct{ *session }

var (
	_ mi.Getter = (*base)(nil)
	_ mi.Setter = (*base)(nil)
	_ mi.Caller = (*base)(nil)

	_ mi.Concerned = (*base)(nil)
)

// Concern implements mi.Concerned: the last write, to the gateway or to what hangs on
// it, found no key that fits.
func (b *base) Concern() error {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return b.station.locked
}

// Class is empty: a gateway answers polls.
func (*base) Class() string { return "" }

// Get implements mi.Getter.
func (b *base) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	ctx, stop := b.bound(ctx)
	defer stop()
	m, err := b.d.read(ctx, b.station, b.sid)
	if err = b.explain(err); err != nil {
		return into, fmt.Errorf("lumi: read %s: %w", b.sid, err)
	}
	b.tell.Lock()
	got := b.shine(&m, b.kind.changes(&m, repeated, nil))
	b.tell.Unlock()
	for _, c := range b.listen(ctx, props, got) {
		if slices.Contains(props, c.Prop) {
			into = append(into, c)
		}
	}
	return into, nil
}

// Set implements mi.Setter. The lamp's properties leave as one value, so that it
// never shows a colour that nobody asked for.
func (b *base) Set(ctx context.Context, changes []mi.Change) error {
	var o order
	rest, err := b.heard(ctx, changes)
	if err == nil {
		o, err = b.plan(rest)
	}
	if err == nil && (len(o.fields) > 0 || len(o.plain) > 0) {
		err = b.write(ctx, o.values(b.kind))
	}
	if err != nil {
		return fmt.Errorf("lumi: set %s: %w", b.sid, err)
	}
	b.tell.Lock()
	defer b.tell.Unlock()
	if o.lit {
		b.lamp = o.lamp
	}
	b.volume = o.volume
	if b.closed || len(o.shown) == 0 {
		return nil
	}
	b.sink.Changed(o.shown)
	return nil
}

// order is what a gateway is to do.
type order struct {
	plain  []mi.Change    // properties with a field of their own
	fields map[string]any // of the others
	lamp   lamp           // as it will be
	lit    bool           // the order is about the lamp
	volume int64
	shown  []mi.Change // what becomes true besides
}

func (o *order) values(k *model) func(int) (map[string]any, error) {
	return func(proto int) (map[string]any, error) {
		out, err := k.values(o.plain, proto)
		for name, v := range o.fields {
			if out != nil {
				out[name] = v
			}
		}
		return out, err
	}
}

// plan sorts an order.
func (b *base) plan(changes []mi.Change) (order, error) {
	b.tell.Lock()
	o := order{fields: map[string]any{}, lamp: b.lamp, volume: b.volume}
	b.tell.Unlock()
	if o.lamp.brightness == 0 { // it was never seen on
		o.lamp.brightness, o.lamp.color = 100, 0xffffff
	}
	for _, c := range changes {
		if err := b.sort(c, &o); err != nil {
			return o, err
		}
	}
	for _, c := range changes {
		if on, ok := c.Value.Bool(); ok && c.Prop == b.kind.lamp.on {
			o.lamp.on = on // whatever else is said of the colour
		}
	}
	if o.lit {
		o.fields["rgb"] = o.lamp.rgb()
	}
	return o, nil
}

// sort lays one change over the order.
func (b *base) sort(c mi.Change, o *order) error {
	if b.kind.lamp.on >= 0 {
		lit, err := b.kind.lamp.order(c, &o.lamp)
		if lit || err != nil {
			o.lit = true
			return err
		}
	}
	siren, volume := b.kind.spec.Prop(sirenService, 1), b.kind.spec.Prop(sirenService, 2)
	switch {
	case c.Prop == siren && siren >= 0:
		on, ok := c.Value.Bool()
		if !ok {
			return fmt.Errorf("alarm = %s: %w", c.Value, mi.ErrInvalid)
		}
		o.fields["mid"] = stopSound
		if on {
			o.fields["mid"], o.fields["vol"] = sirenSound, o.volume
		}
		o.shown = append(o.shown, c)
	case c.Prop == volume && volume >= 0:
		v, ok := c.Value.Int()
		if !ok || v < 0 || v > 100 {
			return fmt.Errorf("volume = %s: %w", c.Value, mi.ErrInvalid)
		}
		o.volume = v
		if _, sounds := o.fields["vol"]; sounds {
			o.fields["vol"] = v
		}
		o.shown = append(o.shown, c)
	default:
		o.plain = append(o.plain, c)
	}
	return nil
}

// Call implements mi.Caller.
func (b *base) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	var fields map[string]any
	done, err := b.skip(ctx, action)
	if err == nil && !done {
		fields, err = b.act(action, args)
	}
	if err == nil && !done {
		err = b.write(ctx, func(int) (map[string]any, error) { return fields, nil })
	}
	if err != nil {
		return nil, fmt.Errorf("lumi: call %s: %w", b.sid, err)
	}
	b.tell.Lock()
	defer b.tell.Unlock()
	siren := b.kind.spec.Prop(sirenService, 1)
	if fields["mid"] == stopSound && siren >= 0 && !b.closed {
		b.sink.Changed([]mi.Change{{Prop: siren, Value: mi.Bool(false)}})
	}
	return nil, nil
}

// act returns the fields that run an action.
func (b *base) act(action int, args []mi.Value) (map[string]any, error) {
	if action < 0 || action >= len(b.kind.spec.Actions) {
		return nil, fmt.Errorf("action %d: %w", action, mi.ErrUnsupported)
	}
	b.tell.Lock()
	volume := b.volume
	b.tell.Unlock()
	switch a := &b.kind.spec.Actions[action]; [2]int{a.SIID, a.AIID} {
	case [2]int{sirenService, actPlay}:
		if len(args) != 1 || !slices.ContainsFunc(ringtones(), func(c mi.Choice) bool { return c.Value == args[0] }) {
			return nil, fmt.Errorf("ringtone %v: %w", args, mi.ErrInvalid)
		}
		mid, _ := args[0].Int()
		return map[string]any{"mid": mid, "vol": volume}, nil
	case [2]int{sirenService, actStop}:
		return map[string]any{"mid": stopSound}, nil
	case [2]int{joinService, actJoin}:
		return map[string]any{"join_permission": "yes"}, nil
	case [2]int{joinService, actForbid}:
		return map[string]any{"join_permission": "no"}, nil
	}
	return nil, fmt.Errorf("action %d: %w", action, mi.ErrUnsupported)
}

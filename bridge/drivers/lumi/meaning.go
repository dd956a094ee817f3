package lumi

import (
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// source is how values came: what a gateway repeats is no event.
type source uint8

const (
	reported source = iota // it happened just now
	repeated               // a heartbeat, or the answer to a read
)

// sourceOf returns how the values of m came; ok is false for what has none.
func sourceOf(m *message) (src source, ok bool) {
	switch m.cmd {
	case "report":
		return reported, true
	case "heartbeat", "read_ack", "read_rsp":
		return repeated, true
	}
	return repeated, false
}

// changes appends the properties that m tells of.
func (k *model) changes(m *message, src source, into []mi.Change) []mi.Change {
	for i := range k.wires {
		w := &k.wires[i]
		if w.shy && src != reported || k.spec.Props[w.prop].Access&(mi.Read|mi.Notify) == 0 {
			continue
		}
		if v, ok := w.value(m); ok {
			into = append(into, mi.Change{Prop: w.prop, Value: v})
		}
	}
	return into
}

func (w *wiring) value(m *message) (mi.Value, bool) {
	for _, name := range w.fields {
		if raw := m.get(name); raw.Known() {
			return w.codec.decode(raw)
		}
	}
	return mi.Value{}, false
}

// events appends what happened according to m, which is a report.
func (k *model) events(m *message, at time.Time, into []mi.Happening) []mi.Happening {
	for i := range k.buttons {
		if e, args, ok := k.buttons[i].press(m); ok {
			into = append(into, mi.Happening{Event: e, Args: args, At: at})
		}
	}
	return into
}

func (b *button) press(m *message) (event int, args []mi.Value, ok bool) {
	for _, name := range b.fields {
		raw := m.get(name)
		if !raw.Known() {
			continue
		}
		if e, ok := b.events[raw.String()]; ok {
			return e, nil, true
		}
		if b.args != nil {
			args = b.args(raw)
			return b.other, args, args != nil
		}
	}
	return 0, nil, false
}

// values turns changes into the fields of one write.
func (k *model) values(changes []mi.Change, proto int) (map[string]any, error) {
	out := map[string]any{}
	for _, c := range changes {
		w := k.writing(c.Prop)
		if w == nil {
			return nil, fmt.Errorf("%s cannot be written: %w", k.label(c.Prop), mi.ErrUnsupported)
		}
		value, ok := w.codec.encode(c.Value, proto)
		if !ok {
			return nil, fmt.Errorf("%s = %s: %w", k.label(c.Prop), c.Value, mi.ErrInvalid)
		}
		name := w.fields[0]
		if proto != 1 {
			name = w.fields[len(w.fields)-1]
		}
		out[name] = value
	}
	return out, nil
}

// writing returns the wiring by which a property is written, or nil.
func (k *model) writing(prop int) *wiring {
	if prop < 0 || prop >= len(k.spec.Props) || k.spec.Props[prop].Access&mi.Write == 0 {
		return nil
	}
	for i := range k.wires {
		if k.wires[i].prop == prop {
			return &k.wires[i]
		}
	}
	return nil
}

func (k *model) label(prop int) string {
	if prop < 0 || prop >= len(k.spec.Props) {
		return fmt.Sprintf("property %d", prop)
	}
	return string(k.spec.Props[prop].Key)
}

// shine appends what the lamp of a gateway is like.
func (p lampProps) shine(l lamp, into []mi.Change) []mi.Change {
	into = append(into, mi.Change{Prop: p.on, Value: mi.Bool(l.on)})
	if l.brightness == 0 { // it was never seen on
		return into
	}
	return append(into, mi.Change{Prop: p.brightness, Value: mi.Int(int64(l.brightness))},
		mi.Change{Prop: p.color, Value: mi.Int(int64(l.color))})
}

// order lays a change over the lamp; ok is false when it is about something else.
// Whoever chooses a colour wants to see it.
func (p lampProps) order(c mi.Change, l *lamp) (ok bool, err error) {
	v, number := c.Value.Int()
	switch c.Prop {
	case p.on:
		l.on, number = c.Value.Bool()
	case p.brightness:
		number = number && v >= 1 && v <= 100
		l.on, l.brightness = true, uint32(v)
	case p.color:
		number = number && v >= 0 && v <= 0xffffff
		l.on, l.color = true, uint32(v)
	default:
		return false, nil
	}
	if !number {
		return true, fmt.Errorf("light = %s: %w", c.Value, mi.ErrInvalid)
	}
	return true, nil
}

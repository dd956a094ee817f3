package multimode

import (
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// kind is what a kind of device has: the spec, and where each of its parts is.
type kind struct {
	spec    *mi.Spec
	wires   []wire
	presses []press
	runs    []run        // by action
	motion  int          // the property that the driver clears by itself; -1 for none
	battery bool         // it sleeps most of the time
	packed  place        // of an air conditioner's state; kind 0 for none
	pack    map[int]byte // property → its part of packed
}

// wire joins a property with a place.
type wire struct {
	prop  int
	place place
	codec codec
}

// run is how an action is run: by itself, or by writing raw to a property.
type run struct {
	place place
	raw   mi.Value
}

// changes appends the properties of which a message tells; raw keeps what came.
func (k *kind) changes(items []item, raw map[place]mi.Value, into []mi.Change) []mi.Change {
	for i := range items {
		if k.read(&items[i], &into); items[i].kind != 'e' {
			raw[items[i].place] = items[i].value
		}
		for j := range items[i].args {
			k.read(&items[i].args[j], &into)
		}
	}
	return into
}

func (k *kind) read(it *item, into *[]mi.Change) {
	for _, w := range k.wires {
		if w.place != it.place {
			continue
		}
		if v, ok := w.codec.decode(it.value); ok {
			*into = append(*into, mi.Change{Prop: w.prop, Value: v})
		}
	}
}

// places returns where properties are read, each once.
func (k *kind) places(props []int) (out []place) {
	for _, p := range props {
		for _, w := range k.wires {
			if w.prop == p && w.place.kind != 'e' && !slices.Contains(out, w.place) {
				out = append(out, w.place)
				break
			}
		}
	}
	return out
}

// order is one raw value for one place.
type order struct {
	place place
	value mi.Value
}

// write turns a change into an order. raw is what the device told last.
func (k *kind) write(c mi.Change, raw map[place]mi.Value) (order, error) {
	if c.Prop < 0 || c.Prop >= len(k.spec.Props) || k.spec.Props[c.Prop].Access&mi.Write == 0 {
		return order{}, fmt.Errorf("property %d cannot be written: %w", c.Prop, mi.ErrUnsupported)
	}
	name := k.spec.Props[c.Prop].Key
	if part, ok := k.pack[c.Prop]; ok {
		last, known := raw[k.packed].Int()
		v, fits := repack(uint32(last), part, c.Value)
		if !known || !fits {
			return order{}, fmt.Errorf("%s = %s: %w", name, c.Value, mi.ErrInvalid)
		}
		return order{k.packed, mi.Int(int64(v))}, nil
	}
	for _, w := range k.wires {
		if w.prop != c.Prop || w.place.kind == 'e' {
			continue
		}
		v, ok := w.codec.encode(c.Value, raw[w.place])
		if !ok {
			return order{}, fmt.Errorf("%s = %s: %w", name, c.Value, mi.ErrInvalid)
		}
		return order{w.place, v}, nil
	}
	return order{}, fmt.Errorf("%s cannot be written: %w", name, mi.ErrUnsupported)
}

// repack lays one part over an air conditioner's packed state: power and mode, fan,
// and the temperature, from the highest byte down. m is its mode, f its fan, t its
// temperature.
func repack(state uint32, part byte, v mi.Value) (uint32, bool) {
	i, ok := v.Int()
	switch {
	case !ok || i < 0:
		return 0, false
	case part == 'm' && i == 15: // off
		return state &^ 0xf0000000, true
	case part == 'm':
		return state&^0xff000000 | 1<<28 | uint32(i&0xf)<<24, true
	case part == 'f':
		return state&^0x00f00000 | uint32(i&0xf)<<20, true
	}
	return state&^0x0000ff00 | uint32(i&0xff)<<8, i <= 60
}

package miio

import (
	"math"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
)

// The functions of this file are for behaviours: the device is locked.

// put makes v the truth of key.
func (d *Device) put(key string, v mi.Value) {
	if d.values[key] == v {
		return
	}
	d.values[key] = v
	d.record(history.Truth, key, string(v.AppendJSON(nil)), "")
	if d.spec != nil && d.spec.props[key] != nil && d.spec.props[key].notify && len(d.subs) > 0 {
		d.changed = append(d.changed, key)
	}
}

// set puts a number as the property's own type, rounded to its step; a legacy
// property becomes a whole number.
func (d *Device) set(key string, f float64) {
	if d.spec != nil {
		if p := d.spec.props[key]; p != nil {
			d.put(key, p.number(f))
			return
		}
	}
	d.put(key, mi.Int(int64(roundTo(f, 1))))
}

func (d *Device) setBool(key string, b bool) { d.put(key, mi.Bool(b)) }

func (d *Device) setText(key, s string) { d.put(key, mi.Text(s)) }

// num returns the truth of key as a number.
func (d *Device) num(key string) float64 {
	f, _ := d.values[key].Float()
	return f
}

// is reports whether key is true.
func (d *Device) is(key string) bool {
	b, _ := d.values[key].Bool()
	return b
}

func (d *Device) text(key string) string { return d.values[key].String() }

// approach moves an inner quantity towards goal by at most by, and returns it.
// The first call starts at the truth of key.
func (d *Device) approach(key string, goal, by float64) float64 {
	at, ok := d.inner[key]
	if !ok {
		at = d.num(key)
	}
	switch {
	case at < goal:
		at = min(goal, at+by)
	case at > goal:
		at = max(goal, at-by)
	}
	d.inner[key] = at
	d.set(key, at)
	return at
}

// countdown lets a timer run; it shows whole units, rounded up, and reports true
// in the moment in which the time is over.
func (d *Device) countdown(key string, by float64) bool {
	left, ok := d.inner[key]
	if !ok {
		left = d.num(key)
	}
	if left <= 0 {
		return false
	}
	left = max(0, left-by)
	d.inner[key] = left
	d.set(key, math.Ceil(left))
	return left == 0
}

// grow adds to an inner quantity and shows it.
func (d *Device) grow(key string, by float64) {
	at, ok := d.inner[key]
	if !ok {
		at = d.num(key)
	}
	d.inner[key] = at + by
	d.set(key, at+by)
}

// flip turns a switch over.
func flip(key string) func(*Device, []mi.Value) ([]mi.Value, int) {
	return func(d *Device, _ []mi.Value) ([]mi.Value, int) {
		d.setBool(key, !d.is(key))
		if d.model.wrote != nil {
			d.model.wrote(d, key)
		}
		return nil, codeOK
	}
}

// become makes an action that puts number f into key.
func become(key string, f float64) func(*Device, []mi.Value) ([]mi.Value, int) {
	return func(d *Device, _ []mi.Value) ([]mi.Value, int) {
		d.set(key, f)
		if d.model.wrote != nil {
			d.model.wrote(d, key)
		}
		return nil, codeOK
	}
}

// nothing is an action that leaves no trace.
func nothing(*Device, []mi.Value) ([]mi.Value, int) { return nil, codeOK }

package profile

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// decoder is the steps of one property, ready for use.
type decoder struct {
	Steps
	prop     *mi.Property
	codec    *codec
	constant mi.Value
	mapped   []pair // wire → value, in the order of the file
	other    mi.Value
}

type pair struct{ wire, value mi.Value }

// codec is a conversion that the language cannot say. A nil function means that
// this way does not exist. What encode returns is sent as it is.
type codec struct {
	decode func(mi.Value) mi.Value
	encode func(mi.Value) (any, error)
}

// decode takes a wire value through the steps. What makes no sense is unknown.
func (d *decoder) decode(raw json.RawMessage) mi.Value {
	raw, ok := pick(raw, d.Select)
	if !ok || isNull(raw) {
		return mi.Value{}
	}
	v, err := mi.ParseJSON(raw)
	if err != nil {
		return mi.Value{}
	}
	v = d.cut(v)
	if d.codec != nil && d.codec.decode != nil {
		v = d.codec.decode(v)
	}
	v = d.number(v)
	v = d.translate(v)
	if d.Threshold != nil {
		f, ok := v.Float()
		v = known(mi.Bool(f >= *d.Threshold), ok)
	}
	v = coerce(v, d.prop.Format)
	if b, ok := v.Bool(); ok && d.Invert {
		v = mi.Bool(!b)
	}
	return d.within(v)
}

func known(v mi.Value, ok bool) mi.Value {
	if !ok {
		return mi.Value{}
	}
	return v
}

// pick follows a path of keys and indexes, such as "sta.0.count".
func pick(raw json.RawMessage, path string) (json.RawMessage, bool) {
	if path == "" {
		return raw, true
	}
	for key := range strings.SplitSeq(path, ".") {
		if items, ok := list(raw); ok {
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(items) {
				return nil, false
			}
			raw = items[i]
			continue
		}
		find, err := byKey(raw)
		if err != nil {
			return nil, false
		}
		var ok bool
		if raw, ok = find(key); !ok {
			return nil, false
		}
	}
	return raw, true
}

// cut applies slice and hex.
func (d *decoder) cut(v mi.Value) mi.Value {
	if d.Slice != nil {
		text, end := v.String(), d.Slice[0]+d.Slice[1]
		if end > len(text) {
			return mi.Value{}
		}
		v = mi.Text(text[d.Slice[0]:end])
	}
	if d.Hex {
		n, err := strconv.ParseUint(v.String(), 16, 63)
		v = known(mi.Int(int64(n)), err == nil)
	}
	return v
}

// number applies bit, scale and offset.
func (d *decoder) number(v mi.Value) mi.Value {
	if d.Bit != nil {
		n, ok := v.Int()
		v = known(mi.Bool(n>>*d.Bit&1 == 1), ok)
	}
	if d.Scale == nil && d.Offset == 0 {
		return v
	}
	f, ok := v.Float()
	return known(mi.Float(tidy(f*d.factor()+d.Offset)), ok)
}

func (d *decoder) factor() float64 {
	if d.Scale == nil {
		return 1
	}
	return *d.Scale
}

// tidy removes what binary fractions add: 0.1 times 263 is 26.3.
func tidy(f float64) float64 { return math.Round(f*1e6) / 1e6 }

// translate applies map and else. Texts and numbers that look alike are alike.
func (d *decoder) translate(v mi.Value) mi.Value {
	if d.mapped == nil || !v.Known() {
		return v
	}
	for _, p := range d.mapped {
		if p.wire.String() == v.String() {
			return p.value
		}
	}
	if d.prop.Format == mi.FormatBool && !d.other.Known() {
		return v // devices answer on, 1 and true for the same thing
	}
	return d.other
}

// coerce gives a value the format of its property.
func coerce(v mi.Value, f mi.Format) mi.Value {
	if !v.Known() {
		return v
	}
	switch f {
	case mi.FormatBool:
		b, ok := v.Bool()
		return known(mi.Bool(b), ok)
	case mi.FormatInt:
		i, ok := v.Int()
		return known(mi.Int(i), ok)
	case mi.FormatFloat:
		x, ok := v.Float()
		return known(mi.Float(x), ok)
	}
	return mi.Text(v.String())
}

// within clamps to the range where the profile wants it.
func (d *decoder) within(v mi.Value) mi.Value {
	r := d.prop.Range
	f, ok := v.Float()
	if !d.Clamp || r == nil || !ok {
		return v
	}
	return coerce(mi.Float(min(max(f, r.Min), r.Max)), d.prop.Format)
}

// encode takes a value back to the wire.
func (d *decoder) encode(v mi.Value) (any, error) {
	v, err := d.check(v)
	if err != nil {
		return nil, err
	}
	if b, ok := v.Bool(); ok && d.Invert {
		v = mi.Bool(!b)
	}
	if d.codec != nil && d.codec.encode != nil {
		return d.codec.encode(v)
	}
	if d.mapped != nil && d.As == "" { // with as, map is for reading alone
		return d.unmap(v)
	}
	if f, ok := v.Float(); ok && (d.Scale != nil || d.Offset != 0) {
		v = whole(tidy((f - d.Offset) / d.factor()))
	}
	return spell(v, d.As), nil
}

// unmap finds the first wire value that stands for v.
func (d *decoder) unmap(v mi.Value) (any, error) {
	for _, p := range d.mapped {
		if p.value == v {
			return p.wire, nil
		}
	}
	return nil, fmt.Errorf("%q has no wire value: %w", v, mi.ErrInvalid)
}

// check refuses what the property does not take.
func (d *decoder) check(v mi.Value) (mi.Value, error) {
	got := coerce(v, d.prop.Format)
	if !got.Known() {
		return got, fmt.Errorf("%q is not of its format: %w", v, mi.ErrInvalid)
	}
	if f, ok := got.Float(); ok && d.prop.Range != nil && (f < d.prop.Range.Min || f > d.prop.Range.Max) {
		return got, fmt.Errorf("%s is outside %g to %g: %w", v, d.prop.Range.Min, d.prop.Range.Max, mi.ErrInvalid)
	}
	if len(d.prop.List) == 0 {
		return got, nil
	}
	for _, c := range d.prop.List {
		if c.Value == got {
			return got, nil
		}
	}
	return got, fmt.Errorf("%q is not in its list: %w", v, mi.ErrInvalid)
}

// whole writes a number without fraction as an integer.
func whole(f float64) mi.Value {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return mi.Int(int64(f))
	}
	return mi.Float(f)
}

// spell gives a wire value the JSON type that the device wants.
func spell(v mi.Value, as string) any {
	switch as {
	case "onoff":
		if b, _ := v.Bool(); b {
			return "on"
		}
		return "off"
	case "number":
		if f, ok := v.Float(); ok {
			return whole(f)
		}
	case "whole":
		if n, ok := v.Int(); ok {
			return n
		}
	case "text":
		if v.Kind() == mi.KindBool {
			n, _ := v.Int()
			return strconv.FormatInt(n, 10)
		}
		return v.String()
	case "hex":
		if n, ok := v.Int(); ok {
			return strconv.FormatInt(n, 16)
		}
	}
	return v
}

package multimode

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// codec translates between what a device tells and the value of a property. last
// is what the device told last at the same place.
type codec interface {
	decode(raw mi.Value) (mi.Value, bool)
	encode(v, last mi.Value) (mi.Value, bool)
}

// pass is a value that stays as it is, in the form of its property.
type pass struct {
	format   mi.Format
	min, max float64 // both 0: everything
}

func (c pass) decode(raw mi.Value) (mi.Value, bool) {
	switch c.format {
	case mi.FormatBool:
		b, ok := raw.Bool()
		return mi.Bool(b), ok
	case mi.FormatInt:
		i, ok := raw.Int()
		return mi.Int(i), ok
	case mi.FormatFloat:
		f, ok := raw.Float()
		return mi.Float(math.Round(f*1e4) / 1e4), ok
	}
	return mi.Text(clip(raw.String())), raw.Known()
}

func (c pass) encode(v, _ mi.Value) (mi.Value, bool) {
	if c.format == mi.FormatText {
		return v, v.Known()
	}
	out, ok := c.decode(v)
	if f, number := out.Float(); ok && (c.min != 0 || c.max != 0) {
		ok = number && f >= c.min && f <= c.max
	}
	return out, ok
}

const maxText = 128 // characters of a text that are shown

func clip(s string) string {
	if r := []rune(s); len(r) > maxText {
		return string(r[:maxText])
	}
	return s
}

// bit is a two-state fact that is a number on the wire.
type bit struct{ inverse bool }

func (c bit) decode(raw mi.Value) (mi.Value, bool) {
	b, ok := raw.Bool()
	return mi.Bool(b != c.inverse), ok
}

func (c bit) encode(v, _ mi.Value) (mi.Value, bool) {
	b, ok := v.Bool()
	if b != c.inverse {
		return mi.Int(1), ok
	}
	return mi.Int(0), ok
}

// always is a place whose presence alone says something.
type always struct{ value mi.Value }

func (c always) decode(mi.Value) (mi.Value, bool)      { return c.value, true }
func (c always) encode(_, _ mi.Value) (mi.Value, bool) { return mi.Value{}, false }

// pair is a two-state fact with numbers of its own for on and off.
type pair struct {
	states  map[int64]bool
	on, off mi.Value // that are written
}

func (c pair) decode(raw mi.Value) (mi.Value, bool) {
	i, ok := raw.Int()
	b, known := c.states[i]
	return mi.Bool(b), ok && known
}

func (c pair) encode(v, _ mi.Value) (mi.Value, bool) {
	b, ok := v.Bool()
	if b {
		return c.on, ok && c.on.Known()
	}
	return c.off, ok && c.off.Known()
}

// choice is one of a list of numbers.
type choice struct{ list []mi.Choice }

func (c choice) decode(raw mi.Value) (mi.Value, bool) {
	i, ok := raw.Int()
	for _, one := range c.list {
		if ok && one.Value == mi.Int(i) {
			return one.Value, true
		}
	}
	return mi.Value{}, false
}

func (c choice) encode(v, _ mi.Value) (mi.Value, bool) { return c.decode(v) }

// scaled is a number with a factor.
type scaled struct {
	factor   float64
	digits   int     // decimals that are shown; -1 is all
	min, max float64 // of the raw number; both 0: everything
	whole    bool    // on the wire
}

func (c scaled) decode(raw mi.Value) (mi.Value, bool) {
	f, ok := raw.Float()
	if !ok || (c.min != 0 || c.max != 0) && (f < c.min || f > c.max) {
		return mi.Value{}, false
	}
	f *= c.factor
	digits := 4
	if c.digits >= 0 {
		digits = c.digits
	}
	p := math.Pow10(digits)
	return mi.Float(math.Round(f*p) / p), true
}

func (c scaled) encode(v, _ mi.Value) (mi.Value, bool) {
	f, ok := v.Float()
	f /= c.factor
	if !ok || (c.min != 0 || c.max != 0) && (f < c.min || f > c.max) {
		return mi.Value{}, false
	}
	if c.whole {
		return mi.Int(int64(math.Round(f))), true
	}
	return mi.Float(math.Round(f*1e6) / 1e6), true
}

// masked is one bit of a number that holds several.
type masked struct {
	mask    int64
	inverse bool
}

func (c masked) decode(raw mi.Value) (mi.Value, bool) {
	i, ok := raw.Int()
	return mi.Bool((i&c.mask != 0) != c.inverse), ok
}

func (c masked) encode(v, last mi.Value) (mi.Value, bool) {
	on, ok := v.Bool()
	i, known := last.Int()
	if on != c.inverse {
		return mi.Int(i | c.mask), ok && known
	}
	return mi.Int(i &^ c.mask), ok && known
}

// mired is a colour temperature that the wire has as 1e6/K.
type mired struct{}

func (mired) decode(raw mi.Value) (mi.Value, bool)  { return reciprocal(raw) }
func (mired) encode(v, _ mi.Value) (mi.Value, bool) { return reciprocal(v) }

func reciprocal(v mi.Value) (mi.Value, bool) {
	f, ok := v.Float()
	if !ok || f < 1 || f > 1e6 {
		return mi.Value{}, false
	}
	return mi.Int(int64(math.Round(1e6 / f))), true
}

// A CR2032 cell is empty at 2.7 V and full at 3.2 V.
const (
	emptyCell = 2700 // mV
	fullCell  = 3200 // mV
)

// cell is a battery's voltage in mV as its level.
type cell struct{}

func (cell) decode(raw mi.Value) (mi.Value, bool) {
	mv, ok := raw.Int()
	if !ok || mv <= 0 {
		return mi.Value{}, false
	}
	return mi.Int((min(max(mv, emptyCell), fullCell) - emptyCell) * 100 / (fullCell - emptyCell)), true
}

func (cell) encode(_, _ mi.Value) (mi.Value, bool) { return mi.Value{}, false }

// span is a time of day to another, packed in one of three ways: its numbers as
// bytes (the first the lowest), or as pairs of decimals (the first the highest).
type span struct{ decimal bool }

func (c span) decode(raw mi.Value) (mi.Value, bool) {
	i, ok := raw.Int()
	if !ok || i < 0 || i > math.MaxUint32 {
		return mi.Value{}, false
	}
	n := [4]int64{i & 0xff, i >> 8 & 0xff, i >> 16 & 0xff, i >> 24}
	if c.decimal {
		n = [4]int64{i / 1e6, i / 1e4 % 100, i / 100 % 100, i % 100}
	}
	return mi.Text(fmt.Sprintf("%02d:%02d-%02d:%02d", n[0], n[1], n[2], n[3])), true
}

func (c span) encode(v, _ mi.Value) (mi.Value, bool) {
	var n [4]int64
	if got, err := fmt.Sscanf(v.String(), "%02d:%02d-%02d:%02d", &n[0], &n[1], &n[2], &n[3]); err != nil || got != 4 {
		return mi.Value{}, false
	}
	for i, limit := range []int64{23, 59, 23, 59} {
		if n[i] < 0 || n[i] > limit {
			return mi.Value{}, false
		}
	}
	if c.decimal {
		return mi.Int(n[0]*1e6 + n[1]*1e4 + n[2]*100 + n[3]), true
	}
	return mi.Int(n[0] | n[1]<<8 | n[2]<<16 | n[3]<<24), true
}

// zones says which stretches of distance count: a + between two marks is one that
// does.
type zones struct{}

func marks() []string { return strings.Fields("0 0.8 1.5 2.3 3.0 3.8 4.5 5.3 6") }

func (zones) decode(raw mi.Value) (mi.Value, bool) {
	i, ok := raw.Int()
	var b strings.Builder
	for n, m := range marks() {
		b.WriteString(m)
		if n == len(marks())-1 {
			break
		}
		if i>>n&1 != 0 {
			b.WriteByte('+')
		} else {
			b.WriteByte('_')
		}
	}
	return mi.Text(b.String()), ok
}

func (z zones) encode(v, _ mi.Value) (mi.Value, bool) {
	at, bits := 0, int64(0)
	for _, c := range v.String() {
		switch c {
		case '+':
			bits |= 1 << min(at, 62)
			at++
		case '_':
			at++
		}
	}
	again, _ := z.decode(mi.Int(bits))
	return mi.Int(bits), again == mi.Text(v.String())
}

// words reads "0=off,1=previous".
func words(setting string) (list []mi.Choice) {
	for entry := range strings.SplitSeq(setting, ",") {
		number, label, _ := strings.Cut(entry, "=")
		n, err := strconv.ParseInt(number, 0, 64)
		switch {
		case number == "true":
			n = 1
		case number == "false":
		case err != nil:
			continue
		}
		list = append(list, mi.Choice{Value: mi.Int(n), Label: label})
	}
	return list
}

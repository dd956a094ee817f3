package lumi

import (
	"math"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// codec translates one field. decode reports false for what is no value; encode
// for what cannot be written.
type codec interface {
	decode(v mi.Value) (mi.Value, bool)
	encode(v mi.Value, proto int) (any, bool)
}

// words is a field that holds one of a few texts.
type words map[string]mi.Value

func (w words) decode(v mi.Value) (mi.Value, bool) {
	out, ok := w[v.String()]
	return out, ok
}

func (w words) encode(v mi.Value, _ int) (any, bool) {
	for word, value := range w {
		if value == v && value.Known() {
			return word, true // words that are written are one to one
		}
	}
	return nil, false
}

// onOff is a relay.
type onOff struct{}

func (onOff) decode(v mi.Value) (mi.Value, bool) {
	switch v.String() {
	case "on":
		return mi.Bool(true), true
	case "off":
		return mi.Bool(false), true
	}
	return mi.Value{}, false // "unknown" until the relay was heard
}

func (onOff) encode(v mi.Value, _ int) (any, bool) {
	on, ok := v.Bool()
	if on {
		return "on", ok
	}
	return "off", ok
}

// constant is a field whose presence alone says something.
type constant struct{ value mi.Value }

func (c constant) decode(mi.Value) (mi.Value, bool) { return c.value, true }
func (constant) encode(mi.Value, int) (any, bool)   { return nil, false }

// number is a field that holds a number, as text or as such.
type number struct {
	scale    float64 // value = wire * scale + offset; 0 is 1
	offset   float64
	min, max float64 // of what is believed; both 0: everything
	floor    bool    // values below min are min instead of wrong
	whole    bool
}

func (n number) decode(v mi.Value) (mi.Value, bool) {
	f, ok := v.Float()
	if !ok {
		return mi.Value{}, false
	}
	if n.scale != 0 {
		f *= n.scale
	}
	f = math.Round((f+n.offset)*1e4) / 1e4
	if n.floor {
		f = max(f, n.min)
	}
	if (n.min != 0 || n.max != 0) && (f < n.min || f > n.max) {
		return mi.Value{}, false
	}
	if n.whole {
		return mi.Int(int64(math.Round(f))), true
	}
	return mi.Float(f), true
}

// encode writes whole numbers: as text in version 1 of the protocol.
func (n number) encode(v mi.Value, proto int) (any, bool) {
	i, ok := v.Int()
	if !ok || float64(i) < n.min || float64(i) > n.max {
		return nil, false
	}
	if proto == 1 {
		return strconv.FormatInt(i, 10), true
	}
	return i, true
}

// A CR2032 cell is empty at 2.7 V and full at 3.2 V.
const (
	emptyCell = 2700 // mV
	fullCell  = 3200 // mV
)

// percent is a battery's voltage as its level.
type percent struct{}

func (percent) decode(v mi.Value) (mi.Value, bool) {
	mv, ok := v.Int()
	if !ok || mv <= 0 {
		return mi.Value{}, false
	}
	level := (min(max(mv, emptyCell), fullCell) - emptyCell) * 100 / (fullCell - emptyCell)
	return mi.Int(level), true
}

func (percent) encode(mi.Value, int) (any, bool) { return nil, false }

// plain is a field whose text is shown as it is.
type plain struct{}

func (plain) decode(v mi.Value) (mi.Value, bool) { return mi.Text(clip(v.String())), v.Known() }
func (plain) encode(mi.Value, int) (any, bool)   { return nil, false }

// Light of the gateway: brightness in percent above the colour, 0 is off.
type lamp struct {
	on         bool
	brightness uint32 // 1..100; kept while it is off
	color      uint32 // 24 bit RGB; kept while it is off
}

// seen lays a value of the field rgb over what was known of the lamp.
func (l lamp) seen(rgb uint32) lamp {
	l.on = rgb>>24 != 0
	if l.on {
		l.brightness, l.color = min(rgb>>24, 100), rgb&0xffffff
	}
	return l
}

// rgb returns the field that makes the lamp so.
func (l lamp) rgb() uint32 {
	if !l.on {
		return 0
	}
	return l.brightness<<24 | l.color
}

// rotation reads "deg,ms" of a cube.
func rotation(text string) (deg, ms int64, ok bool) {
	a, b, _ := strings.Cut(text, ",")
	f, err := strconv.ParseFloat(strings.TrimSpace(a), 64)
	if err != nil || math.Abs(f) > 1e6 {
		return 0, 0, false
	}
	ms, err = strconv.ParseInt(strings.TrimSpace(b), 10, 32)
	if err != nil {
		ms = 0
	}
	return int64(math.Round(f)), ms, true
}

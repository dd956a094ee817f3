package entity

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// step is one conversion between a property's raw value and the value that is
// shown. Exactly one of its words is set. A step without a way back (select,
// slice, bit, threshold) makes the property read-only.
type step struct {
	Select    *any           `yaml:"select"`    // entry of a list (from 0) or of an object (by name)
	Slice     []int          `yaml:"slice"`     // [from, to) of a text, in characters
	Bit       *int           `yaml:"bit"`       // that bit of a whole number, from 0
	Scale     float64        `yaml:"scale"`     // shown = raw × scale
	Offset    float64        `yaml:"offset"`    // shown = raw + offset
	Range     []float64      `yaml:"range"`     // [raw min, raw max, shown min, shown max]
	Map       map[string]any `yaml:"map"`       // raw → shown
	Invert    *[]float64     `yaml:"invert"`    // [] for two-state, [min, max] for a number
	Const     any            `yaml:"const"`     // always this
	Threshold *float64       `yaml:"threshold"` // raw above it is on
}

// oneWay reports that a shown value cannot be turned back.
func (s *step) oneWay() bool {
	return s.Select != nil || len(s.Slice) > 0 || s.Bit != nil || s.Threshold != nil
}

// words counts the words that are set; it must be one.
func (s *step) words() int {
	n := 0
	for _, set := range []bool{
		s.Select != nil, len(s.Slice) > 0, s.Bit != nil, s.Scale != 0, s.Offset != 0,
		len(s.Range) > 0, len(s.Map) > 0, s.Invert != nil, s.Const != nil, s.Threshold != nil,
	} {
		if set {
			n++
		}
	}
	return n
}

// up turns a raw value into the shown one; what cannot be turned is unknown.
func (s *step) up(v mi.Value) mi.Value {
	switch {
	case !v.Known():
		return v
	case s.Select != nil:
		return pick(v, *s.Select)
	case len(s.Slice) == 2:
		return slice(v, s.Slice[0], s.Slice[1])
	case s.Bit != nil:
		i, ok := v.Int()
		return when(ok, mi.Bool(i>>*s.Bit&1 == 1))
	case s.Map != nil:
		shown, ok := s.Map[v.String()]
		return when(ok, value(shown))
	case s.Const != nil:
		return value(s.Const)
	case s.Invert != nil && len(*s.Invert) == 0:
		b, ok := v.Bool()
		return when(ok, mi.Bool(!b))
	}
	f, ok := v.Float()
	if !ok {
		return mi.Value{}
	}
	if s.Threshold != nil {
		return mi.Bool(f > *s.Threshold)
	}
	return mi.Float(tidy(s.number(f)))
}

// number is the arithmetic of the steps that have any.
func (s *step) number(f float64) float64 {
	switch {
	case s.Scale != 0:
		return f * s.Scale
	case s.Invert != nil:
		return (*s.Invert)[0] + (*s.Invert)[1] - f
	case len(s.Range) == 4:
		return linear(f, s.Range[0], s.Range[1], s.Range[2], s.Range[3])
	}
	return f + s.Offset
}

// down turns a shown value into the raw one.
func (s *step) down(v mi.Value) (mi.Value, bool) {
	switch {
	case s.oneWay():
		return mi.Value{}, false
	case s.Const != nil:
		return value(s.Const), true
	case s.Map != nil:
		return s.unmap(v)
	case s.Invert != nil && len(*s.Invert) == 0:
		b, ok := v.Bool()
		return mi.Bool(!b), ok
	}
	f, ok := v.Float()
	switch {
	case s.Scale != 0:
		f /= s.Scale
	case s.Invert != nil:
		f = (*s.Invert)[0] + (*s.Invert)[1] - f
	case len(s.Range) == 4:
		f = linear(f, s.Range[2], s.Range[3], s.Range[0], s.Range[1])
	default:
		f -= s.Offset
	}
	return mi.Float(tidy(f)), ok
}

// unmap finds the raw value of a shown one; of several the smallest.
func (s *step) unmap(v mi.Value) (mi.Value, bool) {
	best, found := "", false
	for raw, shown := range s.Map {
		if value(shown).String() == v.String() && (!found || raw < best) {
			best, found = raw, true
		}
	}
	return scalar(best), found
}

// linear maps f from one range onto another.
func linear(f, fromMin, fromMax, toMin, toMax float64) float64 {
	if fromMin == fromMax {
		return toMin
	}
	return toMin + (f-fromMin)*(toMax-toMin)/(fromMax-fromMin)
}

// tidy drops the noise of binary fractions.
func tidy(f float64) float64 {
	if math.Abs(f) > 1e9 {
		return f
	}
	return math.Round(f*1e6) / 1e6
}

func when(ok bool, v mi.Value) mi.Value {
	if !ok {
		return mi.Value{}
	}
	return v
}

// value turns what YAML read into a Value.
func value(x any) mi.Value {
	switch x := x.(type) {
	case bool:
		return mi.Bool(x)
	case int:
		return mi.Int(int64(x))
	case int64:
		return mi.Int(x)
	case uint64:
		return mi.Int(int64(x))
	case float64:
		return mi.Float(x)
	case string:
		return mi.Text(x)
	}
	return mi.Value{}
}

// scalar reads a raw value that was a key: a number if it looks like one.
func scalar(s string) mi.Value {
	if v := mi.Text(s); s != "" {
		if i, ok := v.Int(); ok && mi.Int(i).String() == s {
			return mi.Int(i)
		}
	}
	switch s {
	case "true", "false":
		return mi.Bool(s == "true")
	}
	return mi.Text(s)
}

func slice(v mi.Value, from, to int) mi.Value {
	r := []rune(v.String())
	if from < 0 || from >= to || to > len(r) {
		return mi.Value{}
	}
	return mi.Text(string(r[from:to]))
}

// pick takes one entry of a JSON list or object, or of a text with commas.
func pick(v mi.Value, key any) mi.Value {
	text := v.String()
	if name, ok := key.(string); ok {
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &object) != nil {
			return mi.Value{}
		}
		return parsed(object[name])
	}
	at, ok := value(key).Int()
	if !ok || at < 0 {
		return mi.Value{}
	}
	var list []json.RawMessage
	if json.Unmarshal([]byte(text), &list) == nil && strings.HasPrefix(text, "[") {
		if int(at) < len(list) {
			return parsed(list[at])
		}
		return mi.Value{}
	}
	if parts := strings.Split(text, ","); int(at) < len(parts) {
		return scalar(strings.TrimSpace(parts[at]))
	}
	return mi.Value{}
}

func parsed(raw json.RawMessage) mi.Value {
	v, err := mi.ParseJSON(raw)
	if err != nil {
		return mi.Value{}
	}
	return v
}

// check finds what is wrong with the step itself.
func (s *step) check() error {
	switch {
	case s.words() != 1:
		return fmt.Errorf("a step holds exactly one of select, slice, bit, scale, offset, range, map, invert, const, threshold; this one holds %d", s.words())
	case len(s.Slice) > 0 && (len(s.Slice) != 2 || s.Slice[0] < 0 || s.Slice[1] <= s.Slice[0]):
		return fmt.Errorf("slice wants [from, to] with 0 ≤ from < to")
	case s.Bit != nil && (*s.Bit < 0 || *s.Bit > 63):
		return fmt.Errorf("bit wants 0…63")
	case len(s.Range) > 0 && (len(s.Range) != 4 || s.Range[0] == s.Range[1] || s.Range[2] == s.Range[3]):
		return fmt.Errorf("range wants [raw min, raw max, shown min, shown max] with different ends")
	case s.Invert != nil && len(*s.Invert) != 0 && len(*s.Invert) != 2:
		return fmt.Errorf("invert wants [] for two states or [min, max] for a number")
	}
	return nil
}

package entity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// field reaches one property through its conversion steps.
type field struct {
	prop  int
	spec  *mi.Property
	steps []step
	with  []mi.Change // written along with it
}

// value returns the shown value.
func (f *field) value(values []mi.Value) mi.Value {
	if f.prop >= len(values) {
		return mi.Value{}
	}
	v := values[f.prop]
	for i := range f.steps {
		v = f.steps[i].up(v)
	}
	return v
}

// set appends the write of a shown value.
func (f *field) set(v mi.Value, o *mi.Order) error {
	shown := v
	for i := len(f.steps) - 1; i >= 0; i-- {
		var ok bool
		if v, ok = f.steps[i].down(v); !ok {
			return invalid("%s cannot be set to %q", f.spec.Key, shown)
		}
	}
	raw, err := coerce(f.spec, v)
	if err != nil {
		return err
	}
	o.Set = append(append(o.Set, mi.Change{Prop: f.prop, Value: raw}), f.with...)
	return nil
}

func (f *field) readable() bool { return f.spec.Access&(mi.Read|mi.Notify) != 0 }

// writable is false also where the way back is missing.
func (f *field) writable() bool {
	for i := range f.steps {
		if f.steps[i].oneWay() {
			return false
		}
	}
	return f.spec.Access&mi.Write != 0
}

// limits returns the shown range: zero when there is none.
func (f *field) limits() (r mi.Range) {
	if f.spec.Range == nil {
		return r
	}
	r = *f.spec.Range
	for i := range f.steps {
		s := &f.steps[i]
		lo, hi := s.up(mi.Float(r.Min)), s.up(mi.Float(r.Max))
		a, okA := lo.Float()
		b, okB := hi.Float()
		if !okA || !okB {
			return mi.Range{}
		}
		if r.Max != r.Min {
			r.Step = tidy(r.Step * (max(a, b) - min(a, b)) / (r.Max - r.Min))
		}
		r.Min, r.Max = min(a, b), max(a, b)
	}
	return r
}

// Accept reads a value that somebody gives for a property, which may also be a label
// of its list. The error wraps mi.ErrInvalid and says what would be right.
func Accept(p *mi.Property, v mi.Value) (mi.Value, error) {
	if len(p.List) == 0 {
		return coerce(p, v)
	}
	words := labels(p.List)
	if i := slices.IndexFunc(words, func(l string) bool { return strings.EqualFold(l, v.String()) }); i >= 0 {
		return p.List[i].Value, nil
	}
	if i := slices.IndexFunc(p.List, func(c mi.Choice) bool { return same(c.Value, v) }); i >= 0 {
		return p.List[i].Value, nil
	}
	return v, invalid("%s cannot be %q; it can be: %s", p.Key, cut(v.String(), 40), cut(strings.Join(words, ", "), 300))
}

// coerce brings a raw value into the property's format and checks its range.
func coerce(p *mi.Property, v mi.Value) (mi.Value, error) {
	out, ok := v, false
	switch p.Format {
	case mi.FormatBool:
		var b bool
		b, ok = v.Bool()
		out = mi.Bool(b)
	case mi.FormatInt:
		var i int64
		i, ok = v.Int()
		out = mi.Int(i)
	case mi.FormatFloat:
		var f float64
		f, ok = v.Float()
		out = mi.Float(f)
	default:
		out, ok = mi.Text(v.String()), v.Known()
	}
	if !ok {
		return mi.Value{}, invalid("%s does not take %q", p.Key, v)
	}
	if f, number := out.Float(); number && p.Range != nil && p.Format != mi.FormatText && p.Range.Min < p.Range.Max &&
		(f < p.Range.Min || f > p.Range.Max) {
		return mi.Value{}, invalid("%s takes %s to %s, not %s", p.Key, plain(p.Range.Min), plain(p.Range.Max), out)
	}
	return out, nil
}

// plain writes a number the short way.
func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// invalid makes an error of the kind ErrInvalid whose text says what is right.
func invalid(format string, args ...any) error {
	return fmt.Errorf("entity: "+format+": %w", append(args, mi.ErrInvalid)...)
}

// shape is how a property's value looks, for rules.
func (r *Rules) shape(p *mi.Property) string {
	switch {
	case p.Format == mi.FormatBool:
		return "bool"
	case len(p.List) == 2 && r.pair(p) != nil:
		return "pair"
	case len(p.List) > 0:
		return "list"
	case p.Format == mi.FormatText:
		return "text"
	case p.Range != nil && p.Range.Min < p.Range.Max:
		return "range"
	}
	return "number"
}

// shapeOf is the shape of the shown value, after the steps.
func (r *Rules) shapeOf(f *field) string {
	shape := r.shape(f.spec)
	for i := range f.steps {
		switch s := &f.steps[i]; {
		case s.Bit != nil, s.Threshold != nil, s.Invert != nil && len(*s.Invert) == 0 && shape != "pair":
			shape = "bool"
		case s.Map != nil:
			shape = "list"
		case len(s.Slice) > 0, s.Select != nil:
			shape = "text"
		case shape == "text":
			shape = "number"
		}
	}
	return shape
}

// pair returns the values of a list that says off and on: off first.
func (r *Rules) pair(p *mi.Property) []mi.Value {
	if len(p.List) != 2 {
		return nil
	}
	a, b := r.word("power", p.List[0].Label), r.word("power", p.List[1].Label)
	switch {
	case a == "OFF" && b == "ON":
		return []mi.Value{p.List[0].Value, p.List[1].Value}
	case a == "ON" && b == "OFF":
		return []mi.Value{p.List[1].Value, p.List[0].Value}
	}
	return nil
}

// labels returns the words of a value list: the English labels of the spec,
// blanks and repeats made unique by their number. Words that a platform takes
// for "unknown" get their number too.
func labels(list []mi.Choice) []string {
	out := make([]string, len(list))
	seen := make(map[string]int, len(list))
	for i := range list {
		out[i] = cut(strings.Join(strings.Fields(list[i].Label), " "), 120)
		seen[strings.ToLower(out[i])]++
	}
	for i := range out {
		switch word := strings.ToLower(out[i]); {
		case word == "":
			out[i] = list[i].Value.String()
		case seen[word] > 1, reserved(word):
			out[i] += " " + list[i].Value.String()
		}
	}
	return distinct(out)
}

// reserved words mean something else to a home platform.
func reserved(word string) bool {
	return word == "none" || word == "unknown" || word == "unavailable"
}

// distinct numbers what still repeats, regardless of case.
func distinct(words []string) []string {
	seen := make(map[string]bool, len(words))
	for i, w := range words {
		for n := 2; seen[strings.ToLower(words[i])]; n++ {
			words[i] = w + " (" + strconv.Itoa(n) + ")"
		}
		seen[strings.ToLower(words[i])] = true
	}
	return words
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n])
}

// bare lowers a label and keeps letters and digits; a label without any of the
// Latin ones is only lowered.
func bare(label string) string {
	out := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return -1
	}, label)
	if out == "" {
		return strings.ToLower(strings.TrimSpace(label))
	}
	return out
}

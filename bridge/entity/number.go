package entity

import (
	"math"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// number is a property with a numeric value.
type number struct {
	f         field
	min, max  float64 // no limits when equal
	step      float64
	nearest   []float64  // the only values it takes, when they are few
	raw       []mi.Value // what stands for each of nearest
	unlimited bool       // the state may lie outside the limits: a reading
}

func (b *builder) newNumber(f *field) *number {
	limits := f.limits()
	return &number{f: *f, min: limits.Min, max: limits.Max, step: limits.Step}
}

// newLevels makes a number of a list whose labels hold numbers ("40%"); nil when
// they do not.
func (b *builder) newLevels(f *field) *number {
	c := &number{f: *f}
	for i := range f.spec.List {
		level, ok := digits(f.spec.List[i].Label)
		if !ok {
			if level, ok = f.spec.List[i].Value.Float(); !ok || level < 5 {
				continue
			}
		}
		c.nearest, c.raw = append(c.nearest, level), append(c.raw, f.spec.List[i].Value)
	}
	if len(c.nearest) < 2 {
		return nil
	}
	c.min, c.max, c.step = c.nearest[0], c.nearest[0], 1
	for _, n := range c.nearest {
		c.min, c.max = min(c.min, n), max(c.max, n)
	}
	return c
}

// digits reads the number that a label begins with or consists of.
func digits(label string) (float64, bool) {
	text := strings.TrimFunc(label, func(r rune) bool { return r < '0' || r > '9' })
	return mi.Text(text).Float()
}

func (c *number) value(values []mi.Value) (float64, bool) {
	v := c.f.value(values)
	for i := range c.raw {
		if same(c.raw[i], v) {
			return c.nearest[i], true
		}
	}
	if c.raw != nil {
		return 0, false
	}
	return v.Float()
}

func (c *number) render(values []mi.Value) (string, bool) {
	v := c.f.value(values)
	f, ok := c.value(values)
	switch {
	case !v.Known():
		return none, true
	case !ok, !c.unlimited && c.min < c.max && (f < c.min || f > c.max):
		return none, false
	case c.raw == nil && v.Kind() == mi.KindInt:
		return v.String(), true
	}
	return plain(tidy(f)), true
}

func (c *number) order(payload string, _ []mi.Value, o *mi.Order) error {
	f, err := c.parse(payload)
	if err != nil {
		return err
	}
	return c.set(f, o)
}

func (c *number) parse(payload string) (float64, error) {
	f, ok := mi.Text(strings.TrimSpace(payload)).Float()
	switch {
	case !ok && c.min < c.max:
		return 0, invalid("%q is not a number; send %s to %s", cut(payload, 40), plain(c.min), plain(c.max))
	case !ok:
		return 0, invalid("%q is not a number", cut(payload, 40))
	case c.min < c.max && (f < c.min || f > c.max):
		return 0, invalid("%s is out of range; send %s to %s", plain(f), plain(c.min), plain(c.max))
	}
	return f, nil
}

// set appends the write of a number, brought onto the grid of its steps.
func (c *number) set(f float64, o *mi.Order) error {
	if c.raw != nil {
		best := 0
		for i := range c.nearest {
			if math.Abs(c.nearest[i]-f) < math.Abs(c.nearest[best]-f) {
				best = i
			}
		}
		return c.f.set(c.raw[best], o)
	}
	return c.f.set(mi.Float(tidy(onGrid(f, mi.Range{Min: c.min, Max: c.max, Step: c.step}))), o)
}

// onGrid brings f within the limits and onto their steps, where there are any: what is
// shown after an order is what the device will tell.
func onGrid(f float64, r mi.Range) float64 {
	if r.Min >= r.Max {
		return f
	}
	if r.Step > 0 {
		f = r.Min + math.Round((f-r.Min)/r.Step)*r.Step
	}
	return min(max(f, r.Min), r.Max)
}

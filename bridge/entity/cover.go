package entity

import (
	"math"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// deadZone is how many percent a cover may miss its end or its target by: motors
// stop a little early.
const deadZone = 2

// blind is what the roles of a cover share.
type blind struct {
	motor   *choice
	words   []string // of the motor's entries: OPEN, CLOSE, STOP or ""
	status  *choice
	states  []string // of the status entries: opening, closing, stopped, open, closed or ""
	current *position
	target  *position
}

// position is a property that says how far a cover is open.
type position struct {
	f        field
	min, max float64
	invert   bool
	table    map[float64]float64 // raw → percent, when it only has a few places
}

// percent returns 0 (closed) to 100 (open).
func (p *position) percent(values []mi.Value) (float64, bool) {
	if p == nil {
		return 0, false
	}
	f, ok := p.f.value(values).Float()
	if !ok {
		return 0, false
	}
	if p.table != nil {
		f, ok = p.table[f]
		return f, ok
	}
	f = min(max(linear(f, p.min, p.max, 0, 100), 0), 100)
	if p.invert {
		f = 100 - f
	}
	return math.Round(f), ok
}

// set appends the write of a percentage.
func (p *position) set(percent float64, o *mi.Order) error {
	if p.table != nil {
		best, found := 0.0, false
		for raw, at := range p.table {
			if d := math.Abs(at-percent) - math.Abs(p.table[best]-percent); !found || d < 0 || d == 0 && raw < best {
				best, found = raw, true
			}
		}
		return p.f.set(mi.Float(best), o)
	}
	if p.invert {
		percent = 100 - percent
	}
	return p.f.set(mi.Float(math.Round(linear(percent, 0, 100, p.min, p.max))), o)
}

// cover is the composite of what opens and closes.
func (c *composite) cover() bool {
	k := &blind{current: c.position("current_position"), target: c.position("target_position")}
	var fields []*field
	if f := c.prop("motor"); f != nil {
		if k.motor = c.newChoice(f); k.motor != nil && c.motorWords(k) {
			fields = append(fields, f)
		} else {
			k.motor = nil
			c.release(f)
		}
	}
	if k.motor == nil && k.target == nil {
		return false
	}
	if f := c.prop("status"); f != nil && len(f.spec.List) > 0 {
		k.status = c.newChoice(f)
		k.states = make([]string, len(k.status.words))
		for i, label := range k.status.words {
			k.states[i] = c.word("status", label)
		}
		fields = append(fields, f)
	}
	c.coverBinds(k, fields)
	return true
}

// position reads a position role and what corrections say of it.
func (c *composite) position(role string) *position {
	f := c.prop(role)
	if f == nil {
		return nil
	}
	p := &position{f: *f, invert: c.inverted(role)}
	limits := f.limits()
	p.min, p.max = limits.Min, limits.Max
	p.table = c.places(role, f)
	for _, fix := range c.fixes {
		if fix.PositionMap != nil && role == "current_position" {
			p.table = fix.PositionMap
		}
		if fix.NoSetPosition && role == "target_position" {
			c.release(f)
			return nil
		}
	}
	if p.table == nil && p.min >= p.max {
		c.release(f)
		return nil
	}
	return p
}

// places reads a list of positions: what has no word is in between; nil when
// none has.
func (c *composite) places(role string, f *field) map[float64]float64 {
	table, known := map[float64]float64{}, false
	for i := range f.spec.List {
		raw, _ := f.spec.List[i].Value.Float()
		percent, ok := mi.Text(c.word(role, f.spec.List[i].Label)).Float()
		if !ok {
			percent = 50
		}
		table[raw], known = percent, known || ok
	}
	if !known {
		return nil
	}
	return table
}

// motorWords finds what each entry of the motor does.
func (c *composite) motorWords(k *blind) bool {
	k.words = make([]string, len(k.motor.words))
	found := false
	for i, label := range k.motor.words {
		k.words[i] = c.word("motor", label)
		found = found || k.words[i] != ""
	}
	if !found && len(k.words) == 2 && k.motor.f.spec.Format == mi.FormatBool {
		k.words[0], k.words[1], found = "CLOSE", "OPEN", true
	}
	return found
}

func (c *composite) coverBinds(k *blind, fields []*field) {
	for _, p := range []*position{k.current, k.target} {
		if p != nil {
			fields = append(fields, &p.f)
		}
	}
	b := bind("state", &coverState{k}, fields...)
	for _, word := range []string{"OPEN", "CLOSE", "STOP"} {
		if _, ok := k.entry(word); ok || word != "STOP" && k.target != nil {
			b.Options = append(b.Options, word)
		}
	}
	b.Command = len(b.Options) > 0
	b.State = k.status != nil || k.current != nil
	c.entity.Assumed = !b.State
	c.bind(b)
	if k.current != nil || k.target != nil {
		b := bind("position", &coverPosition{k}, k.fields()...)
		b.Max, b.Step, b.Command = 100, 1, k.target != nil
		c.bind(b)
	}
	c.moves = append(c.moves, k)
}

// fields are those that the position is read and written by.
func (k *blind) fields() (out []*field) {
	if k.current != nil {
		out = append(out, &k.current.f)
	}
	if k.target != nil {
		out = append(out, &k.target.f)
	}
	return out
}

// entry returns the motor's value for a command.
func (k *blind) entry(word string) (mi.Value, bool) {
	for i := range k.words {
		if k.words[i] == word && k.motor != nil {
			return k.motor.values[i], true
		}
	}
	return mi.Value{}, false
}

// moving implements mover.
func (k *blind) moving(values []mi.Value) bool {
	word := k.motion(values)
	return word == "opening" || word == "closing"
}

// motion says where the cover moves: by its status, or for lack of one by the
// distance to its target; "" when it stands still or nothing is known.
func (k *blind) motion(values []mi.Value) string {
	if k.status != nil {
		at := k.status.at(values)
		if at >= 0 && (k.states[at] == "opening" || k.states[at] == "closing") {
			return k.states[at]
		}
		return ""
	}
	current, known := k.current.percent(values)
	target, ok := k.target.percent(values)
	switch {
	case !known || !ok || math.Abs(target-current) <= deadZone:
		return ""
	case target > current:
		return "opening"
	}
	return "closing"
}

type coverState struct{ *blind }

func (c *coverState) render(values []mi.Value) (string, bool) {
	if word := c.motion(values); word != "" {
		return word, true
	}
	if current, ok := c.current.percent(values); ok {
		if current <= deadZone {
			return "closed", true
		}
		return "open", true
	}
	if c.status == nil {
		return none, true
	}
	at := c.status.at(values)
	switch {
	case at >= 0 && c.states[at] != "":
		return c.states[at], true
	case at < 0 && c.status.f.value(values).Known():
		return none, false
	}
	return none, true
}

func (c *coverState) order(payload string, values []mi.Value, o *mi.Order) error {
	word := strings.ToUpper(strings.TrimSpace(payload))
	if v, ok := c.entry(word); ok {
		return c.motor.f.set(v, o)
	}
	switch {
	case word == "OPEN" && c.target != nil:
		return c.target.set(100, o)
	case word == "CLOSE" && c.target != nil:
		return c.target.set(0, o)
	case word == "STOP":
		return invalid("this cover cannot be stopped; send OPEN or CLOSE")
	}
	return invalid("%q is not a command; send OPEN, CLOSE or STOP", cut(payload, 40))
}

type coverPosition struct{ *blind }

func (c *coverPosition) render(values []mi.Value) (string, bool) {
	p := c.current
	if p == nil {
		p = c.target
	}
	f, ok := p.percent(values)
	if !ok {
		return none, !p.f.value(values).Known()
	}
	return plain(f), true
}

func (c *coverPosition) order(payload string, _ []mi.Value, o *mi.Order) error {
	f, ok := mi.Text(strings.TrimSpace(payload)).Float()
	if !ok || f < 0 || f > 100 {
		return invalid("%q is not a position; send 0 (closed) to 100 (open)", cut(payload, 40))
	}
	return c.target.set(f, o)
}

package entity

import (
	"math"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// fan is the composite of what moves air.
func (c *composite) fan() bool {
	power := c.prop("state")
	level := c.prop("percentage")
	s := &speed{}
	if power != nil {
		s.power = c.newOnoff(power)
	} else if r := c.relay(); r != nil && level == nil {
		c.bind(Bind{Role: "state", Command: true, Actions: actions(r.on, r.off), conv: r})
		c.entity.Assumed = true
		return true
	}
	if level != nil && !c.levels(s, level) {
		c.release(level)
		level = nil
	}
	if power == nil && level == nil {
		return false
	}
	if power != nil {
		c.bind(bind("state", s.power.(*onoff), power))
	} else {
		c.bind(bind("state", &fanState{s}, level))
	}
	if level != nil && s.min < s.max {
		b := bind("percentage", s, level)
		b.Min, b.Max, b.Step = s.min, s.max, s.step
		c.bind(b)
	}
	c.fanPresets(s, power, level)
	c.swings()
	return true
}

// swings adds oscillation and direction.
func (c *composite) swings() {
	for _, role := range []string{"oscillation", "direction"} {
		f := c.prop(role)
		if f == nil {
			continue
		}
		s := c.newOnoff(f)
		b := bind(Role(role), s, f)
		if role == "direction" {
			s.no, s.yes = "forward", "reverse"
			b.Options = []string{s.no, s.yes}
		}
		c.bind(b)
	}
}

// speed is the level of a fan: a number, or the entries of a list that are one.
type speed struct {
	power          power // nil when the level alone switches
	f              field
	min, max, step float64
	list           *choice // nil for a number
	levels         []int   // entries of list that are levels, slowest first
	extras         []int   // entries of list that are none: auto, sleep
}

// levels sorts out what of a property is a speed; it reports false when nothing.
func (c *composite) levels(s *speed, f *field) bool {
	s.f, s.step = *f, 1
	if len(f.spec.List) == 0 {
		limits := f.limits()
		s.min, s.max, s.step = max(limits.Min, 1), limits.Max, max(limits.Step, 1)
		return limits.Min < limits.Max && s.max > s.min
	}
	s.list = c.newChoice(f)
	for i, label := range s.list.words {
		if c.word("percentage", label) == "" {
			s.levels = append(s.levels, i)
		} else if c.word("percentage", label) != "off" {
			s.extras = append(s.extras, i)
		}
	}
	s.min, s.max = 1, float64(len(s.levels))
	if len(s.levels) < 2 { // nothing to choose: all are presets
		s.extras, s.levels = nil, nil
		for i := range s.list.words {
			s.extras = append(s.extras, i)
		}
	}
	return len(s.levels) > 0 || len(s.extras) > 0
}

func (s *speed) render(values []mi.Value) (string, bool) {
	if s.list == nil {
		n := number{f: s.f, min: 0, max: s.max}
		return n.render(values)
	}
	at := s.list.at(values)
	for i, entry := range s.levels {
		if entry == at {
			return plain(float64(i + 1)), true
		}
	}
	return none, at >= 0 || !s.f.value(values).Known()
}

func (s *speed) order(payload string, _ []mi.Value, o *mi.Order) error {
	f, ok := mi.Text(strings.TrimSpace(payload)).Float()
	if !ok || f < 0 || f > s.max {
		return invalid("%q is not a speed; send %s to %s, 0 switches off", cut(payload, 40), plain(s.min), plain(s.max))
	}
	if f < s.min && s.power != nil {
		return s.power.set(false, o)
	}
	if s.power != nil {
		if err := s.power.set(true, o); err != nil {
			return err
		}
	}
	return s.set(f, o)
}

// set appends the write of a level.
func (s *speed) set(f float64, o *mi.Order) error {
	if s.list == nil {
		lo := s.f.limits().Min
		if f >= s.min {
			f = min(s.max, lo+math.Round((f-lo)/s.step)*s.step)
		}
		return s.f.set(mi.Float(max(f, lo)), o)
	}
	if len(s.levels) == 0 {
		return invalid("this fan has no speeds, only presets")
	}
	at := min(max(int(math.Round(f)), 1), len(s.levels)) - 1
	return s.list.f.set(s.list.values[s.levels[at]], o)
}

// fanState is on or off for a fan that only its level switches.
type fanState struct{ *speed }

func (c *fanState) render(values []mi.Value) (string, bool) {
	v := c.f.value(values)
	f, ok := v.Float()
	if c.list != nil {
		at := c.list.at(values)
		ok = at >= 0
		f = 1
		if at >= 0 && c.zero() == at {
			f = 0
		}
	}
	switch {
	case !ok:
		return none, !v.Known()
	case f > 0:
		return "ON", true
	}
	return "OFF", true
}

// zero is the entry of the list that is neither a level nor a preset: off.
func (s *speed) zero() int {
	for i := range s.list.words {
		if !slices.Contains(s.levels, i) && !slices.Contains(s.extras, i) {
			return i
		}
	}
	return -1
}

func (c *fanState) order(payload string, _ []mi.Value, o *mi.Order) error {
	on, ok := truth(strings.TrimSpace(payload))
	switch {
	case !ok:
		return invalid("%q is not a state; send ON or OFF", cut(payload, 40))
	case on && c.list != nil && len(c.levels) == 0:
		return c.list.f.set(c.list.values[c.extras[0]], o)
	case on:
		return c.set(c.min, o)
	case c.list == nil && c.f.limits().Min <= 0:
		return c.f.set(mi.Int(0), o)
	case c.list != nil && c.zero() >= 0:
		return c.list.f.set(c.list.values[c.zero()], o)
	}
	return invalid("this fan cannot be switched off")
}

// preset is one word that stands for one value of one list.
type preset struct {
	list *choice
	at   int
}

// fanPreset chooses among a fan's modes and those levels that are no speed.
type fanPreset struct {
	power   power
	words   []string
	presets []preset
}

func (c *composite) fanPresets(s *speed, power, level *field) {
	p := &fanPreset{power: s.power}
	var fields []*field
	if s.list != nil && len(s.extras) > 0 {
		fields = append(fields, level)
		for _, i := range s.extras {
			p.words, p.presets = append(p.words, s.list.words[i]), append(p.presets, preset{s.list, i})
		}
	}
	if f := c.prop("preset_mode"); f != nil {
		if list := c.newChoice(f); list == nil {
			c.release(f)
		} else {
			fields = append(fields, f)
			for i, word := range list.words {
				p.words, p.presets = append(p.words, word), append(p.presets, preset{list, i})
			}
		}
	}
	if len(fields) == 0 {
		return
	}
	p.words = distinct(p.words)
	b := bind("preset_mode", p, fields...)
	b.Options = p.words
	c.bind(b)
}

func (c *fanPreset) render(values []mi.Value) (string, bool) {
	known := false
	for i := range c.presets {
		p := &c.presets[i]
		if p.list.at(values) == p.at {
			return c.words[i], true
		}
		known = known || p.list.f.value(values).Known() && p.list.at(values) < 0
	}
	return none, !known
}

func (c *fanPreset) order(payload string, _ []mi.Value, o *mi.Order) error {
	i, err := pickWord(c.words, payload)
	if err != nil {
		return err
	}
	if c.power != nil {
		if err := c.power.set(true, o); err != nil {
			return err
		}
	}
	p := &c.presets[i]
	return p.list.f.set(p.list.values[p.at], o)
}

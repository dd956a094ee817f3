package multimode

import (
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// shape gives a property its form and returns how it is read and written at the
// place of t.
func (b *builder) shape(t *trait, f *facet, p *mi.Property) codec {
	name, setting := t.setting()
	switch name {
	case "bool":
		p.Format = mi.FormatBool
		return bit{f.inverse}
	case "const":
		p.Format = mi.FormatBool
		return always{mi.Bool((setting == "true") != f.inverse)}
	case "map":
		return b.listed(t, f, p, words(setting))
	case "number":
		return numeric(t, p, setting)
	case "mask":
		p.Format = mi.FormatBool
		mask, _ := strconv.ParseInt(setting, 0, 64)
		return masked{mask: mask}
	case "latch":
		p.Format = mi.FormatBool
		mask, _ := strconv.ParseInt(setting, 0, 64)
		return masked{mask: mask, inverse: true}
	case "millivolt":
		p.Format, p.Range = mi.FormatInt, &mi.Range{Max: 100, Step: 1}
		return cell{}
	case "quiet-time", "night-time":
		p.Format = mi.FormatText
		return span{decimal: name == "night-time"}
	case "zones":
		return zones{}
	case "lock":
		return b.told(p, setting)
	}
	return b.ranged(t, f, p, name, setting)
}

// ranged is a number with limits, or a value that passes as it is.
func (b *builder) ranged(t *trait, f *facet, p *mi.Property, name, setting string) codec {
	limits := func(lo, hi float64) codec {
		p.Format, p.Range = mi.FormatInt, &mi.Range{Min: lo, Max: hi, Step: 1}
		return pass{mi.FormatInt, lo, hi}
	}
	switch name {
	case "bright":
		top, _ := strconv.ParseFloat(setting, 64)
		return limits(1, top)
	case "kelvin":
		lo, hi, _ := strings.Cut(setting, "-")
		low, _ := strconv.ParseFloat(lo, 64)
		high, _ := strconv.ParseFloat(hi, 64)
		return limits(low, high)
	case "mired":
		limits(2700, 6500)
		return mired{}
	case "rgb":
		return limits(0, 0xffffff)
	case "climatetemp":
		limits(16, 32)
		return scaled{factor: 1, digits: 0, min: 1, max: 60}
	case "position":
		return limits(0, 100)
	}
	if f.name == "current-position" || f.name == "target-position" || f.name == "battery-level" {
		return limits(0, 100)
	}
	p.Format = plainFormat(t, f)
	if p.Format == mi.FormatBool && f.inverse {
		return bit{inverse: true}
	}
	return pass{format: p.Format}
}

// plainFormat is the form of a value of which the table only says that it passes.
func plainFormat(t *trait, f *facet) mi.Format {
	switch {
	case t.platform == "switch" || t.platform == "binary_sensor" || t.platform == "light" || t.attr == "climate":
		return mi.FormatBool
	case t.unit != "" || f.name == "temperature" || f.name == "target-temperature":
		return mi.FormatFloat
	case t.platform == "number":
		return mi.FormatInt
	}
	return mi.FormatText
}

// listed is a value of a list; a list of on and off alone is a two-state fact.
func (b *builder) listed(t *trait, f *facet, p *mi.Property, list []mi.Choice) codec {
	if two, ok := pairOf(list, f.inverse); ok {
		p.Format = mi.FormatBool
		return two
	}
	p.Format, p.List = mi.FormatInt, list
	return choice{list}
}

func pairOf(list []mi.Choice, inverse bool) (two pair, ok bool) {
	two.states = map[int64]bool{}
	for _, w := range list {
		n, _ := w.Value.Int()
		on := (w.Label == "true") != inverse
		switch {
		case w.Label != "true" && w.Label != "false":
			return pair{}, false
		case on && !two.on.Known():
			two.on = w.Value
		case !on && !two.off.Known():
			two.off = w.Value
		}
		two.states[n] = on
	}
	return two, len(list) > 0
}

// told is what a lock tells: one of a list, or a number.
func (b *builder) told(p *mi.Property, setting string) codec {
	if list := words(setting); len(list) > 0 {
		p.Format, p.List = mi.FormatInt, list
		return choice{list}
	}
	return pass{format: mi.FormatText}
}

// numeric is a number with a factor and limits.
func numeric(t *trait, p *mi.Property, setting string) codec {
	c := scaled{factor: 1, digits: -1}
	step := 0.0
	for part := range strings.SplitSeq(setting, ",") {
		key, text, _ := strings.Cut(part, "=")
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		switch key {
		case "multiply":
			c.factor = v
		case "min":
			c.min = v
		case "max":
			c.max = v
		case "round":
			c.digits = int(v)
		case "step":
			step = v
		}
	}
	p.Format = mi.FormatFloat
	if t.platform == "number" { // its limits are those of the value
		p.Range = &mi.Range{Min: c.min, Max: c.max, Step: max(step, min(c.factor, 1))}
		c.min, c.max = c.min/c.factor, c.max/c.factor
		if c.max == 0 {
			p.Range = nil
		}
	}
	c.whole = c.factor != 1 || t.platform == "number"
	return c
}

// unitOf is the unit as MIoT spells it.
func unitOf(t *trait, f *facet) string {
	switch {
	case f.name == "color-temperature":
		return "kelvin"
	case f.name == "color":
		return "rgb"
	case f.name == "brightness" || f.name == "current-position" || f.name == "target-position" || f.name == "battery-level":
		return "percentage"
	case f.name == "temperature" || f.name == "target-temperature":
		return "celsius"
	}
	switch t.unit {
	case "%":
		return "percentage"
	case "°C":
		return "celsius"
	case "lx":
		return "lux"
	case "W":
		return "watt"
	case "V":
		return "volt"
	case "A":
		return "ampere"
	}
	return t.unit
}

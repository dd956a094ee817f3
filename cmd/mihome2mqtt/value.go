package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// parseValue reads text as a value of p, and says what would be right. Name is what
// people call p.
func parseValue(name string, p *mi.Property, text string) (mi.Value, error) {
	for _, c := range p.List {
		if strings.EqualFold(c.Label, text) || squeeze(c.Label) != "" && squeeze(c.Label) == squeeze(text) || c.Value.String() == text {
			return c.Value, nil
		}
	}
	if len(p.List) > 0 {
		return mi.Value{}, refuse(name, text, "It can be: "+strings.Join(choices(p), ", "))
	}
	value, want := scalar(p.Format, text)
	if want != "" {
		return mi.Value{}, refuse(name, text, want)
	}
	if f, ok := value.Float(); ok && p.Range != nil && (f < p.Range.Min || f > p.Range.Max) {
		return mi.Value{}, refuse(name, text, fmt.Sprintf("It can be from %v to %v", p.Range.Min, p.Range.Max))
	}
	return value, nil
}

func refuse(name, text, want string) error {
	return wrongUse(ended{fmt.Errorf("%s cannot be “%s”. %s", name, text, want)})
}

// choices are the words that p can be told.
func choices(p *mi.Property) []string {
	out := make([]string, len(p.List))
	for i, c := range p.List {
		out[i] = word(p, c)
	}
	return out
}

// word is the label of a choice; its number where the label is blank or another one
// has it too.
func word(p *mi.Property, c mi.Choice) string {
	same := 0
	for _, other := range p.List {
		if squeeze(other.Label) == squeeze(c.Label) {
			same++
		}
	}
	if squeeze(c.Label) == "" || same > 1 {
		return c.Value.String()
	}
	if strings.ToUpper(c.Label) == c.Label {
		return c.Label
	}
	return strings.ToLower(c.Label)
}

// scalar reads text in a format; want says what would be right when it cannot be
// read.
func scalar(format mi.Format, text string) (v mi.Value, want string) {
	switch format {
	case mi.FormatBool:
		if b, ok := mi.Text(strings.ToLower(text)).Bool(); ok {
			return mi.Bool(b), ""
		}
		return v, "It can be: on, off"
	case mi.FormatInt:
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return mi.Int(i), ""
		}
		return v, "It is a whole number"
	case mi.FormatFloat:
		if f, ok := mi.Text(text).Float(); ok {
			return mi.Float(f), ""
		}
		return v, "It is a number"
	}
	return mi.Text(text), ""
}

// bare writes a value without its unit: the word of a choice, on or off.
func bare(p *mi.Property, v mi.Value) string {
	if !v.Known() {
		return "unknown"
	}
	for _, c := range p.List {
		if sameNumber(c.Value, v) || c.Value == v {
			return word(p, c)
		}
	}
	if on, ok := v.Bool(); ok && p.Format == mi.FormatBool {
		if on {
			return "on"
		}
		return "off"
	}
	return v.String()
}

// units are those that people write differently.
var units = map[string]string{
	"none": "", "percentage": "%", "celsius": "°C", "fahrenheit": "°F", "kelvin": "K", "lux": "lx", "seconds": "s", "minutes": "min",
	"hours": "h", "days": "d", "watt": "W", "volt": "V", "μg/m3": "µg/m³", "mg/m3": "mg/m³", "pascal": "Pa", "arcdegrees": "°", "rpm": "rpm",
}

// show writes a value as people read it, with its unit.
func show(p *mi.Property, v mi.Value) string {
	text := bare(p, v)
	unit, changed := units[p.Unit]
	if !changed {
		unit = p.Unit
	}
	if unit == "" || !v.Known() || len(p.List) > 0 {
		return text
	}
	return text + " " + unit
}

func sameNumber(a, b mi.Value) bool {
	x, okX := a.Float()
	y, okY := b.Float()
	return okX && okY && x == y
}

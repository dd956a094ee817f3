package entity

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Sample returns one plausible value per property: what an ordinary device might
// say on an ordinary day.
func (m *Model) Sample() []mi.Value {
	out := make([]mi.Value, len(m.Spec.Props))
	for i := range out {
		out[i] = plausible(&m.Spec.Props[i])
	}
	return out
}

// usual are values that look right for their unit.
func usual(unit string) float64 {
	switch unit {
	case "celsius":
		return 22
	case "percentage":
		return 55
	case "kelvin":
		return 4000
	case "pascal":
		return 101300
	case "rgb":
		return 0xFF8C00
	}
	return 1
}

// plausible makes one value that the property could have.
func plausible(p *mi.Property) mi.Value {
	switch {
	case len(p.List) > 0:
		return p.List[0].Value
	case p.Format == mi.FormatBool:
		return mi.Bool(true)
	case p.Format == mi.FormatText && p.Name == "on":
		return mi.Text("on")
	case p.Format == mi.FormatText:
		return mi.Text("abc")
	}
	f := usual(p.Unit)
	if p.Range != nil && p.Range.Min < p.Range.Max {
		f = min(max(f, p.Range.Min), p.Range.Max)
		if p.Range.Step > 0 {
			n := float64(int64((f - p.Range.Min) / p.Range.Step))
			f = min(p.Range.Min+n*p.Range.Step, p.Range.Max)
		}
	}
	if p.Format == mi.FormatFloat {
		return mi.Float(tidy(f))
	}
	return mi.Int(int64(f))
}

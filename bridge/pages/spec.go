package pages

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// describe lists everything that a spec has.
func describe(out *web.Detail, spec *mi.Spec, values []mi.Value) {
	for i := range spec.Props {
		one := property(&spec.Props[i])
		if i < len(values) {
			one.Value = values[i]
			one.Text = shownValue(&spec.Props[i], values[i])
		}
		if one.Read || one.Write {
			out.Properties = append(out.Properties, one)
		}
	}
	for i := range spec.Actions {
		a := &spec.Actions[i]
		one := web.Action{IID: fmt.Sprintf("%d.%d", a.SIID, a.AIID), ID: a.ID(), Key: string(a.Key), Name: cmp.Or(a.Text, a.Name), In: []web.Property{}}
		one.Danger = strings.Join(entity.Harm(spec, mi.Order{Calls: []mi.Call{{Action: i}}}), ", ")
		for _, in := range a.In {
			one.In = append(one.In, property(&spec.Props[in]))
		}
		out.Actions = append(out.Actions, one)
	}
}

func property(p *mi.Property) web.Property {
	out := web.Property{
		IID: fmt.Sprintf("%d.%d", p.SIID, p.PIID), ID: p.ID(), Key: string(p.Key), Name: cmp.Or(p.Text, p.Name), Unit: p.Unit, Format: formats[p.Format],
		Read: p.Access&(mi.Read|mi.Notify) != 0, Write: p.Access&mi.Write != 0,
	}
	if p.Range != nil {
		out.Min, out.Max, out.Step = p.Range.Min, p.Range.Max, p.Range.Step
	}
	for _, c := range p.List {
		out.Choices = append(out.Choices, web.Choice{Value: c.Value, Label: c.Label})
	}
	return out
}

var formats = map[mi.Format]string{mi.FormatBool: "bool", mi.FormatInt: "int", mi.FormatFloat: "float", mi.FormatText: "text"}

// shownValue writes a value as people read it: the label of a choice, the unit.
func shownValue(p *mi.Property, v mi.Value) string {
	if !v.Known() {
		return ""
	}
	text := v.String()
	for _, c := range p.List {
		if c.Label != "" && c.Value.String() == text {
			return text + " (" + c.Label + ")"
		}
	}
	switch p.Unit {
	case "", "none":
		return text
	case "percentage":
		return text + " %"
	case "celsius":
		return text + " °C"
	}
	return text + " " + p.Unit
}

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// property finds a property by its id (p2_1), iid (2.1) or key
// (environment/temperature), or by its bare name where only one has it.
func property(spec *mi.Spec, name string) (int, error) {
	var keys []string
	var fits []int
	for i := range spec.Props {
		p := &spec.Props[i]
		if p.Access == 0 {
			continue
		}
		if slices.Contains([]string{p.ID(), fmt.Sprintf("%d.%d", p.SIID, p.PIID), string(p.Key)}, name) {
			return i, nil
		}
		if p.Name == name || strings.HasSuffix(string(p.Key), "/"+name) {
			fits = append(fits, i)
		}
		keys = append(keys, string(p.Key))
	}
	return only("property", name, fits, keys)
}

// action finds an action by its id, iid, key or bare name.
func action(spec *mi.Spec, name string) (int, error) {
	var keys []string
	var fits []int
	for i := range spec.Actions {
		a := &spec.Actions[i]
		if slices.Contains([]string{a.ID(), fmt.Sprintf("%d.%d", a.SIID, a.AIID), string(a.Key)}, name) {
			return i, nil
		}
		if a.Name == name || strings.HasSuffix(string(a.Key), "/"+name) {
			fits = append(fits, i)
		}
		keys = append(keys, string(a.Key))
	}
	return only("action", name, fits, keys)
}

func only(kind, name string, fits []int, keys []string) (int, error) {
	switch {
	case len(fits) == 1:
		return fits[0], nil
	case len(fits) > 1:
		return 0, wrongUse(fmt.Errorf("several services have a %s %q; write it as service/%s", kind, name, name))
	case len(keys) == 0:
		return 0, notFound(fmt.Errorf("the device has no %s at all", kind))
	}
	return 0, notFound(fmt.Errorf("the device has no %s %q. It has: %s", kind, name, strings.Join(keys, ", ")))
}

// parseValue reads text as a value of p, and says what would be right.
func parseValue(p *mi.Property, text string) (mi.Value, error) {
	for _, c := range p.List {
		if strings.EqualFold(c.Label, text) || c.Value.String() == text {
			return c.Value, nil
		}
	}
	if len(p.List) > 0 {
		return mi.Value{}, refuse(p, text, "It can be: "+strings.Join(choices(p), ", "))
	}
	value, want := scalar(p.Format, text)
	if want != "" {
		return mi.Value{}, refuse(p, text, want)
	}
	if f, ok := value.Float(); ok && p.Range != nil && (f < p.Range.Min || f > p.Range.Max) {
		return mi.Value{}, refuse(p, text, fmt.Sprintf("It can be from %v to %v", p.Range.Min, p.Range.Max))
	}
	return value, nil
}

func refuse(p *mi.Property, text, want string) error {
	return wrongUse(fmt.Errorf("%s cannot be %q. %s", p.Key, text, want))
}

func choices(p *mi.Property) []string {
	out := make([]string, len(p.List))
	for i, c := range p.List {
		out[i] = c.Value.String()
		if c.Label != "" {
			out[i] += " (" + c.Label + ")"
		}
	}
	return out
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

// show writes a value as people read it: the label of a choice, the unit.
func show(p *mi.Property, v mi.Value) string {
	for _, c := range p.List {
		if c.Label != "" && sameNumber(c.Value, v) {
			return c.Label
		}
	}
	if p.Unit == "" || p.Unit == "none" {
		return v.String()
	}
	return v.String() + " " + p.Unit
}

func sameNumber(a, b mi.Value) bool {
	x, okX := a.Float()
	y, okY := b.Float()
	return okX && okY && x == y
}

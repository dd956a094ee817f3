package entity

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Correct returns spec with the corrections of its model applied (added, hidden,
// retyped properties, tuning); spec itself is left alone. A model without any
// gets its spec back.
func (r *Rules) Correct(spec *mi.Spec) *mi.Spec {
	fixes := r.corrections(spec.Model)
	if len(fixes) == 0 {
		return spec
	}
	out := *spec
	out.Services, out.Props = slices.Clone(spec.Services), slices.Clone(spec.Props)
	for _, c := range fixes {
		c.tune(&out.Tuning)
		for i := range c.Add {
			c.Add[i].apply(&out)
		}
		for _, key := range sorted(c.Properties) {
			if p := lookup(&out, key); p >= 0 {
				a := c.Properties[key]
				a.retype(&out.Props[p])
			}
		}
		for _, key := range c.Hide {
			hide(&out, key)
		}
	}
	return &out
}

// tune lays what the correction says over t.
func (c *correction) tune(t *mi.Tuning) {
	if c.Batch > 0 {
		t.Batch = c.Batch
	}
	if c.Interval > 0 {
		t.Interval = c.Interval
	}
	if c.ReadbackDelay > 0 {
		t.ReadDelay = c.ReadbackDelay
	}
	if c.GoneAfter > 0 {
		t.GoneAfter = c.GoneAfter
	}
	if c.Sleepy {
		t.Sleepy = true
	}
	if c.Transport != "" {
		t.Route = c.Transport
	}
	if c.ParallelWrites != nil {
		t.NoParallelWrites = !*c.ParallelWrites
	}
}

// hide takes a property (by key or siid.piid) or a service (by siid or key) out
// of sight: it stays as an argument of actions and events.
func hide(spec *mi.Spec, key string) {
	if p := lookup(spec, key); p >= 0 {
		spec.Props[p].Access = 0
		return
	}
	siid, err := strconv.Atoi(key)
	for i := range spec.Props {
		s := &spec.Services[spec.Props[i].Service]
		if err == nil && spec.Props[i].SIID == siid || s.Key == key {
			spec.Props[i].Access = 0
		}
	}
}

// retype changes the property's own description.
func (a *adjustment) retype(p *mi.Property) {
	if a.Unit != nil {
		p.Unit = *a.Unit
	}
	if a.Format != "" {
		p.Format = format(a.Format)
	}
	if a.Access != "" {
		p.Access = access(a.Access)
	}
	if a.Range != nil {
		p.Range, p.List = ranged(a.Range), nil
	}
	if a.List != nil {
		p.List, p.Range = choices(a.List), nil
	}
}

// apply adds the property unless the spec has it by now.
func (a *addition) apply(spec *mi.Spec) {
	siid, piid, ok := numbers(a.ID)
	if !ok || spec.Prop(siid, piid) >= 0 {
		return
	}
	service := slices.IndexFunc(spec.Services, func(s mi.Service) bool { return s.IID == siid })
	if service < 0 {
		service = len(spec.Services)
		spec.Services = append(spec.Services, mi.Service{IID: siid, Name: a.Service, Key: a.Service, Text: a.Service})
	}
	s := spec.Services[service]
	p := mi.Property{
		Service: service, SIID: siid, PIID: piid, Key: mi.Key(s.Key + "/" + a.Name), Name: a.Name, Text: a.Name,
		Format: format(a.Format), Access: access(a.Access), Unit: a.Unit,
	}
	if a.Range != nil {
		p.Range = ranged(a.Range)
	}
	p.List = choices(a.List)
	spec.Props = append(spec.Props, p)
}

func format(name string) mi.Format {
	switch name {
	case "bool":
		return mi.FormatBool
	case "int":
		return mi.FormatInt
	case "float":
		return mi.FormatFloat
	}
	return mi.FormatText
}

func access(letters string) (a mi.Access) {
	for letter, bit := range map[string]mi.Access{"r": mi.Read, "w": mi.Write, "n": mi.Notify} {
		if strings.Contains(letters, letter) {
			a |= bit
		}
	}
	return a
}

func ranged(limits []float64) *mi.Range {
	r := &mi.Range{Min: limits[0], Max: limits[1]}
	if len(limits) > 2 {
		r.Step = limits[2]
	}
	return r
}

func choices(list map[int]string) []mi.Choice {
	values := make([]int, 0, len(list))
	for v := range list {
		values = append(values, v)
	}
	slices.Sort(values)
	out := make([]mi.Choice, len(values))
	for i, v := range values {
		out[i] = mi.Choice{Value: mi.Int(int64(v)), Label: list[v]}
	}
	return out
}

// adjustments merges what the corrections say of each property; the last word
// on each subject holds.
func (b *builder) adjustments() map[int]*adjustment {
	out := map[int]*adjustment{}
	for _, c := range b.fixes {
		for _, key := range sorted(c.Properties) {
			p := b.lookup(key)
			if p < 0 {
				continue
			}
			a := c.Properties[key]
			if before := out[p]; before != nil {
				a.inherit(before)
			}
			out[p] = &a
		}
	}
	return out
}

// inherit takes over what the later correction does not say.
func (a *adjustment) inherit(before *adjustment) {
	if a.Name == "" {
		a.Name = before.Name
	}
	if a.Class == nil {
		a.Class = before.Class
	}
	if a.StateClass == nil {
		a.StateClass = before.StateClass
	}
	if a.Category == nil {
		a.Category = before.Category
	}
	if a.Component == "" {
		a.Component = before.Component
	}
	if a.Icon == "" {
		a.Icon = before.Icon
	}
	if a.steps(nil) == nil {
		a.Scale, a.Offset, a.Invert, a.Convert = before.Scale, before.Offset, before.Invert, before.Convert
	}
	if a.OnValue == nil {
		a.OnValue = before.OnValue
	}
	if a.OffValue == nil {
		a.OffValue = before.OffValue
	}
	if a.With == nil {
		a.With = before.With
	}
}

// steps returns the conversions: those written out, else those of the short
// words, in the order scale, offset, invert.
func (a *adjustment) steps(p *mi.Property) []step {
	if len(a.Convert) > 0 {
		return a.Convert
	}
	var out []step
	if a.Scale != nil && *a.Scale != 1 {
		out = append(out, step{Scale: *a.Scale})
	}
	if a.Offset != 0 {
		out = append(out, step{Offset: a.Offset})
	}
	if a.Invert {
		ends := []float64{}
		if p != nil && p.Range != nil {
			ends = []float64{p.Range.Min, p.Range.Max}
		}
		out = append(out, step{Invert: &ends})
	}
	return out
}

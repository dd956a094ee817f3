package device

import (
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// dict translates between the device's spec and the spec of a link that describes
// the same device differently.
type dict struct {
	props, actions []int // device → link; -1 where the link has none
	back, events   []int // link → device
}

// newDict returns nil when no translation is needed.
func newDict(device, link *mi.Spec) *dict {
	if device == link || device == nil || link == nil {
		return nil
	}
	t := &dict{
		props:   make([]int, len(device.Props)),
		actions: make([]int, len(device.Actions)),
		back:    unknown(len(link.Props)),
		events:  make([]int, len(link.Events)),
	}
	for i := range device.Props {
		j := sameProp(link, &device.Props[i])
		if t.props[i] = j; j >= 0 {
			t.back[j] = i
		}
	}
	for i := range device.Actions {
		t.actions[i] = sameAction(link, &device.Actions[i])
	}
	for i := range link.Events {
		t.events[i] = sameEvent(device, &link.Events[i])
	}
	return t
}

func unknown(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = -1
	}
	return out
}

// sameProp finds the property of another spec that means the same: by its ids, or by
// its name where the ids are others. Equal ids alone prove nothing: a profile counts
// in its own way.
func sameProp(in *mi.Spec, p *mi.Property) int {
	if i := in.Prop(p.SIID, p.PIID); i >= 0 && in.Props[i].Name == p.Name && alike(&in.Props[i], p) {
		return i
	}
	return slices.IndexFunc(in.Props, func(q mi.Property) bool { return q.Key == p.Key && alike(&q, p) })
}

// alike reports whether a value of one property can stand for the other.
func alike(a, b *mi.Property) bool {
	number := func(f mi.Format) bool { return f == mi.FormatInt || f == mi.FormatFloat }
	if a.Format != b.Format && !(number(a.Format) && number(b.Format)) || a.Unit != b.Unit {
		return false
	}
	return slices.EqualFunc(a.List, b.List, func(x, y mi.Choice) bool { return x.Value == y.Value })
}

func sameAction(in *mi.Spec, a *mi.Action) int {
	if i := in.Action(a.SIID, a.AIID); i >= 0 && in.Actions[i].Name == a.Name && len(in.Actions[i].In) == len(a.In) {
		return i
	}
	return slices.IndexFunc(in.Actions, func(o mi.Action) bool { return o.Key == a.Key && len(o.In) == len(a.In) })
}

func sameEvent(in *mi.Spec, e *mi.Event) int {
	if i := in.Event(e.SIID, e.EIID); i >= 0 && in.Events[i].Name == e.Name {
		return i
	}
	return slices.IndexFunc(in.Events, func(o mi.Event) bool { return o.Key == e.Key })
}

// covers reports whether a spec has everything that another has, under the same ids:
// nothing that people see goes away with it.
func covers(spec, other *mi.Spec) bool {
	for i := range other.Props {
		p := &other.Props[i]
		if j := spec.Prop(p.SIID, p.PIID); j < 0 || spec.Props[j].Key != p.Key {
			return false
		}
	}
	for i := range other.Actions {
		a := &other.Actions[i]
		if j := spec.Action(a.SIID, a.AIID); j < 0 || spec.Actions[j].Key != a.Key {
			return false
		}
	}
	return true
}

// at returns list[i], or -1 outside it.
func at(list []int, i int) int {
	if i < 0 || i >= len(list) {
		return -1
	}
	return list[i]
}

// toLink translates properties, leaving out what the link does not have.
func (t *dict) toLink(props []int) []int {
	if t == nil {
		return props
	}
	out := make([]int, 0, len(props))
	for _, p := range props {
		if q := at(t.props, p); q >= 0 {
			out = append(out, q)
		}
	}
	return out
}

// fromLink translates in place, dropping what the device does not have.
func (t *dict) fromLink(changes []mi.Change) []mi.Change {
	if t == nil {
		return changes
	}
	out := changes[:0]
	for _, c := range changes {
		if c.Prop = at(t.back, c.Prop); c.Prop >= 0 {
			out = append(out, c)
		}
	}
	return out
}

// changes translates what is to be written; ok is false when the link lacks a
// property.
func (t *dict) changes(set []mi.Change) (out []mi.Change, ok bool) {
	if t == nil {
		return set, true
	}
	out = make([]mi.Change, len(set))
	for i, c := range set {
		c.Prop = at(t.props, c.Prop)
		if c.Prop < 0 {
			return nil, false
		}
		out[i] = c
	}
	return out, true
}

// action translates an action; -1 when the link lacks it.
func (t *dict) action(i int) int {
	if t == nil {
		return i
	}
	return at(t.actions, i)
}

// event translates an event of the link; -1 when the device lacks it.
func (t *dict) event(i int) int {
	if t == nil {
		return i
	}
	return at(t.events, i)
}

// prop translates a property of the link; -1 when the device lacks it.
func (t *dict) prop(i int) int {
	if t == nil {
		return i
	}
	return at(t.back, i)
}

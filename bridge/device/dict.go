package device

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// dict translates between the device's spec and the spec of a link that
// describes the same device differently. Identity is the iid.
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
		back:    make([]int, len(link.Props)),
		events:  make([]int, len(link.Events)),
	}
	for i := range device.Props {
		t.props[i] = link.Prop(device.Props[i].SIID, device.Props[i].PIID)
	}
	for i := range device.Actions {
		t.actions[i] = link.Action(device.Actions[i].SIID, device.Actions[i].AIID)
	}
	for i := range link.Props {
		t.back[i] = device.Prop(link.Props[i].SIID, link.Props[i].PIID)
	}
	for i := range link.Events {
		t.events[i] = device.Event(link.Events[i].SIID, link.Events[i].EIID)
	}
	return t
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

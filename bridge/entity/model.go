package entity

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Options choose how entities are made.
type Options struct {
	Detail   string // minimal | normal | all; "" is normal
	Language string // "en", "de", "zh", …: names only
	Mired    bool   // lights also get the role json_mired, which only the single form of discovery announces
}

// Model is the set of entities of one spec, shared by all devices that have it.
// It is immutable.
type Model struct {
	Spec     *mi.Spec
	Entities []Entity
	Fast     []int // properties to read at every poll
	Slow     []int // properties to read rarely

	touched [][]int // property → entities
	events  [][]occurrence
	moving  []mover
	perils  perils
}

// Touched returns the indexes of the entities that show property prop.
func (m *Model) Touched(prop int) []int {
	if prop < 0 || prop >= len(m.touched) {
		return nil
	}
	return m.touched[prop]
}

// Render appends the payload of every state role of entity i. values holds one
// Value per property of the spec.
func (m *Model) Render(i int, values []mi.Value, into []Payload) []Payload {
	binds := m.Entities[i].Binds
	for k := range binds {
		b := &binds[k]
		if !b.State || b.conv == nil {
			continue
		}
		if text, ok := b.conv.render(values); text != "" {
			into = append(into, Payload{Role: b.Role, Text: text, OutOfList: !ok})
		}
	}
	return into
}

// EventPayload is one rendered event of one entity.
type EventPayload struct {
	Entity int
	Payload
}

// RenderEvent appends what an event means to the entities that show it: the
// momentary roles of its event entity, and the lasting state of a binary sensor
// that events switch.
func (m *Model) RenderEvent(h mi.Happening, into []EventPayload) []EventPayload {
	if h.Event < 0 || h.Event >= len(m.events) {
		return into
	}
	for i := range m.events[h.Event] {
		into = m.events[h.Event][i].render(h, into)
	}
	return into
}

// Order turns the payload of a command topic into an order. The error wraps
// mi.ErrInvalid and says in words what would be right.
func (m *Model) Order(i int, role Role, payload string, values []mi.Value) (mi.Order, error) {
	if i < 0 || i >= len(m.Entities) {
		return mi.Order{}, invalid("there is no such entity")
	}
	e := &m.Entities[i]
	for k := range e.Binds {
		b := &e.Binds[k]
		if b.Role != role || !b.Command || b.conv == nil {
			continue
		}
		var o mi.Order
		if err := b.conv.order(payload, values, &o); err != nil {
			return mi.Order{}, err
		}
		return o, nil
	}
	return mi.Order{}, invalid("%s takes no command %q", e.ID, role)
}

// Moving reports whether something at the device is in motion (a cover runs, a
// vacuum drives, a cooker cooks) and worth following closely.
func (m *Model) Moving(values []mi.Value) bool {
	for _, mv := range m.moving {
		if mv.moving(values) {
			return true
		}
	}
	return false
}

// mover is a part of a device that can be in motion.
type mover interface {
	moving(values []mi.Value) bool
}

package entity

import (
	"slices"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// builder makes the entities of one spec.
type builder struct {
	rules    *Rules
	spec     *mi.Spec
	fixes    []*correction
	adjust   map[int]*adjustment // property → its corrections
	entities []Entity
	details  []detail // of each entity
	taken    []bool   // property: has a home
	used     []bool   // action: has a home
	slow     []bool   // property: changes rarely
	events   [][]occurrence
	moving   []mover
	mired    bool
}

// detail is what is known of an entity only while it is made.
type detail struct {
	service   int
	generic   bool // the name says nothing without the service's
	composite bool
	text      bool // shows free text
}

// Build makes the entities of a corrected spec.
func (r *Rules) Build(spec *mi.Spec, opt Options) *Model {
	b := &builder{
		rules: r, spec: spec, fixes: r.corrections(spec.Model), mired: opt.Mired,
		taken: make([]bool, len(spec.Props)), used: make([]bool, len(spec.Actions)), slow: make([]bool, len(spec.Props)),
		events: make([][]occurrence, len(spec.Events)),
	}
	b.adjust = b.adjustments()
	for i := range spec.Props {
		p := &spec.Props[i]
		b.taken[i] = p.Access == 0 || information(spec.Services[p.Service].Name)
	}
	b.composites()
	b.singles()
	b.commands()
	b.eventEntities()
	b.choose(opt.Detail)
	b.name(opt.Language)
	return b.model(opt.Detail)
}

// information reports the service that says who the device is: the bridge shows
// that itself.
func information(service string) bool { return service == "device-information" }

// field reaches a property through its corrections.
func (b *builder) field(prop int) *field {
	f := &field{prop: prop, spec: &b.spec.Props[prop]}
	a := b.adjust[prop]
	if a == nil {
		return f
	}
	f.steps = a.steps(f.spec)
	for _, key := range sorted(a.With) {
		if other := b.lookup(key); other >= 0 {
			f.with = append(f.with, mi.Change{Prop: other, Value: value(a.With[key])})
		}
	}
	return f
}

// lookup finds a property by siid.piid or by Key; -1 when there is none.
func (b *builder) lookup(key string) int { return lookup(b.spec, key) }

func lookup(spec *mi.Spec, key string) int {
	if siid, piid, ok := numbers(key); ok {
		return spec.Prop(siid, piid)
	}
	return slices.IndexFunc(spec.Props, func(p mi.Property) bool { return string(p.Key) == key })
}

// add appends an entity and notes its uses.
func (b *builder) add(e Entity, d detail) {
	b.entities = append(b.entities, e)
	b.details = append(b.details, d)
}

// model completes the indexes.
func (b *builder) model(detailLevel string) *Model {
	m := &Model{Spec: b.spec, Entities: b.entities, events: b.events, moving: b.moving, perils: newPerils(b.spec), touched: make([][]int, len(b.spec.Props))}
	if detailLevel == "minimal" {
		m.Entities = b.minimal(m)
	}
	fast := make([]bool, len(b.spec.Props))
	for i := range m.Entities {
		e := &m.Entities[i]
		for k := range e.Binds {
			for _, p := range e.Binds[k].Props {
				if at := m.touched[p]; e.Binds[k].State && (len(at) == 0 || at[len(at)-1] != i) {
					m.touched[p] = append(at, i)
				}
				fast[p] = fast[p] || e.Binds[k].State && e.Enabled && !b.slow[p]
			}
		}
	}
	for p := range b.spec.Props {
		switch {
		case b.spec.Props[p].Access&mi.Read == 0 || len(m.touched[p]) == 0:
		case fast[p]:
			m.Fast = append(m.Fast, p)
		default:
			m.Slow = append(m.Slow, p)
		}
	}
	return m
}

// minimal keeps what is shown without the user asking and is no setting.
func (b *builder) minimal(m *Model) []Entity {
	place := make([]int, len(b.entities)) // old index → new
	var keep []Entity
	for i := range b.entities {
		place[i] = -1
		if b.entities[i].Enabled {
			place[i] = len(keep)
			keep = append(keep, b.entities[i])
		}
	}
	m.events = make([][]occurrence, len(b.events))
	for i, list := range b.events {
		for _, o := range list {
			if o = o.at(place); o.entity >= 0 {
				m.events[i] = append(m.events[i], o)
			}
		}
	}
	return keep
}

// bind makes a bind over fields: both ways as far as they allow.
func bind(role Role, c converter, fields ...*field) Bind {
	out := Bind{Role: role, conv: c}
	for _, f := range fields {
		if f == nil {
			continue
		}
		if !slices.Contains(out.Props, f.prop) {
			out.Props = append(out.Props, f.prop)
		}
		out.State = out.State || f.readable()
		out.Command = out.Command || f.writable()
	}
	return out
}

// limited gives a bind the limits of a number.
func (c *number) limited(b Bind) Bind {
	b.Min, b.Max, b.Step = c.min, c.max, c.step
	return b
}

// listed gives a bind the words of a choice.
func (c *choice) listed(b Bind) Bind {
	b.Options = c.words
	return b
}

// numbers reads "siid.iid".
func numbers(key string) (siid, iid int, ok bool) {
	for i := range key {
		if key[i] != '.' {
			continue
		}
		a, errA := strconv.Atoi(key[:i])
		c, errC := strconv.Atoi(key[i+1:])
		return a, c, errA == nil && errC == nil
	}
	return 0, 0, false
}

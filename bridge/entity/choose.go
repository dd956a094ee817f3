package entity

import (
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// choose settles what is shown without the user asking for it.
func (b *builder) choose(detailLevel string) {
	for i := range b.entities {
		e, d := &b.entities[i], &b.details[i]
		switch {
		case e.Component == "command" || d.dangerous:
			e.Enabled = false
		case detailLevel == "all":
			e.Enabled = true
		case detailLevel == "minimal" && e.Category != "":
			e.Enabled = false
		}
		if on, said := b.said(e); said {
			e.Enabled = on
		}
	}
}

// said returns what corrections say of an entity: by its id or by the key of
// what it shows.
func (b *builder) said(e *Entity) (on, said bool) {
	for _, c := range b.fixes {
		if slices.ContainsFunc(c.Enable, func(key string) bool { return b.means(e, key) }) {
			on, said = true, true
		}
		if slices.ContainsFunc(c.Disable, func(key string) bool { return b.means(e, key) }) {
			on, said = false, true
		}
	}
	return on, said
}

// means reports whether a key names the entity.
func (b *builder) means(e *Entity, key string) bool {
	if key == e.ID {
		return true
	}
	if p := b.lookup(key); p >= 0 {
		return b.spec.Props[p].ID() == e.ID
	}
	return slices.ContainsFunc(b.spec.Actions, func(a mi.Action) bool { return string(a.Key) == key && a.ID() == e.ID })
}

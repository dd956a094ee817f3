package entity

import (
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// choose settles what is shown without the user asking for it.
func (b *builder) choose(detailLevel string) {
	b.promote()
	if detailLevel != "all" {
		b.trim()
	}
	for i := range b.entities {
		e := &b.entities[i]
		switch {
		case e.Component == "command" || unasked(e.Danger):
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

// fill is how many entities are shown of a device of which the rules would show
// none: its maker's own properties are all that it has.
const fill = 6

// promote shows something of a device of which nothing would be, and one of the
// things that a device of its type is for.
func (b *builder) promote() {
	if !slices.ContainsFunc(b.entities, func(e Entity) bool { return e.Enabled && e.Component != "event" }) {
		left := fill
		for i := range b.entities {
			if e := &b.entities[i]; left > 0 && !e.Assumed && b.presentable(i) {
				e.Enabled, left = true, left-1
			}
		}
	}
	shows := b.rules.devices[b.spec.Type].Shows
	wanted := func(e Entity) bool { return slices.Contains(shows, e.Component) }
	if slices.ContainsFunc(b.entities, func(e Entity) bool { return e.Enabled && wanted(e) }) {
		return
	}
	for i := range b.entities {
		if e := &b.entities[i]; wanted(*e) && b.presentable(i) {
			e.Enabled = true
			return
		}
	}
}

// presentable reports an entity that may be shown to people who did not ask.
func (b *builder) presentable(i int) bool {
	e := &b.entities[i]
	switch e.Component {
	case "command", "text", "notify":
		return false
	}
	return !unasked(e.Danger) && (e.Component != "sensor" || e.DeviceClass == "enum" || !b.details[i].text)
}

// most is how many entities of one device are shown unasked: a page that people
// can still read.
const most = 16

// trim keeps the page of a device readable: of too many entities settings go
// first, then diagnostics, then whatever comes last.
func (b *builder) trim() {
	excess := -most
	for i := range b.entities {
		if b.entities[i].Enabled {
			excess++
		}
	}
	for _, category := range []string{"config", "diagnostic", ""} {
		for i := len(b.entities) - 1; i >= 0 && excess > 0; i-- {
			if e := &b.entities[i]; e.Enabled && e.Category == category && (!b.details[i].composite || category == "config") {
				e.Enabled = false
				excess--
			}
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

package homeassistant

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

// writer collects the components of one device. All fields lie in one slice, so
// that a device costs few allocations.
type writer struct {
	form    Form
	device  string // ID of the device: the first level of its topics
	block   string // value of "device"
	shared  string // value of "availability"
	origin  string // value of "origin"
	opt     Options
	open    component
	fields  []field
	pending []component
}

// component is one discovery component; its fields are writer.fields[from:to].
type component struct {
	platform string
	id       string
	from, to int
}

// newWriter makes a writer for about as many entities.
func newWriter(form Form, d Device, entities int, opt Options) *writer {
	return &writer{
		form: form, device: d.ID, block: d.block(opt), origin: opt.origin(), opt: opt,
		fields: make([]field, 0, 12*entities+40), pending: make([]component, 0, entities+4),
	}
}

func (w *writer) begin(platform, id string) {
	w.open = component{platform: platform, id: id, from: len(w.fields)}
	if w.form == SingleForm {
		w.open.id = survivor(platform, id)
	}
}

// add adds fields to the component that was begun.
func (w *writer) add(fields ...field) { w.fields = append(w.fields, fields...) }

// addText adds a text, unless it is empty.
func (w *writer) addText(key, value string) {
	if value != "" {
		w.fields = append(w.fields, text(key, value))
	}
}

// end adds what every component has, in the form's own way.
func (w *writer) end() {
	if w.form == DeviceForm {
		w.add(text("platform", w.open.platform))
	} else {
		w.add(raw("device", w.block), raw("origin", w.origin))
	}
	w.open.to = len(w.fields)
	slices.SortFunc(w.fields[w.open.from:], func(a, b field) int { return strings.Compare(a.key, b.key) })
	w.pending = append(w.pending, w.open)
}

// finish ends an entity, which, unlike a trigger, has an availability.
func (w *writer) finish() {
	if w.form == SingleForm {
		if !w.has("availability") {
			w.add(raw("availability", w.shared))
		}
		w.add(text("availability_mode", "all"))
	}
	w.end()
}

func (w *writer) has(key string) bool {
	return slices.ContainsFunc(w.fields[w.open.from:], func(f field) bool { return f.key == key })
}

// identity adds the unique id. It is built from the entity's id, never from the
// object id, so that it is the same in both forms.
func (w *writer) identity(id string) {
	w.add(text("unique_id", product+"_"+w.device+"_"+id))
}

// entity announces e, if it is anything that a platform shows.
func (w *writer) entity(e *entity.Entity, deviceName string) {
	p, known := platforms[e.Component]
	if !known {
		return
	}
	if !commands(e, p.needs) || w.form == SingleForm && !commands(e, singleNeeds[e.Component]) {
		w.parts(e, deviceName)
		return
	}
	if w.form == SingleForm && e.Component == "light" {
		p = singleLight(e)
	}
	w.begin(e.Component, e.ID)
	w.describe(e, p, shownName(e, deviceName))
	for i := range e.Binds {
		w.role(e, &e.Binds[i], p.roles[e.Binds[i].Role])
	}
	w.add(p.fixed...)
	if w.form == SingleForm && e.Component == "binary_sensor" {
		w.add(text("payload_on", "ON"), text("payload_off", "OFF"))
	}
	if p.finish != nil {
		p.finish(w, e)
	}
	w.finish()
	w.triggers(e)
}

// commands reports whether every role of need takes orders at e.
func commands(e *entity.Entity, need []entity.Role) bool {
	for _, role := range need {
		if b := find(e, role); b == nil || !b.Command {
			return false
		}
	}
	return true
}

func find(e *entity.Entity, role entity.Role) *entity.Bind {
	for i := range e.Binds {
		if e.Binds[i].Role == role {
			return &e.Binds[i]
		}
	}
	return nil
}

// describe adds what an entity is, apart from its roles.
func (w *writer) describe(e *entity.Entity, p platform, name string) {
	w.identity(e.ID)
	w.naming(e, name)
	w.addText("icon", e.Icon)
	w.addText("entity_category", category(e))
	if !e.Enabled {
		w.add(flag("enabled_by_default", false))
	}
	if p.class {
		w.addText("device_class", e.DeviceClass)
	}
	if e.Component == "sensor" {
		w.addText("state_class", e.StateClass)
	}
	if e.Component == "sensor" || e.Component == "number" {
		w.addText("unit_of_measurement", e.Unit)
	}
	if p.optimistic && e.Assumed {
		w.add(flag("optimistic", true))
	}
}

// naming adds the name. Home Assistant names a class in the user's language by
// itself; other readers need the words.
func (w *writer) naming(e *entity.Entity, name string) {
	switch {
	case e.Main:
		w.add(null("name"))
	case !e.ClassNamed || w.form == SingleForm && name != "":
		w.add(text("name", name))
	}
}

// shownName is the entity's name without the device's, which every platform puts
// in front.
func shownName(e *entity.Entity, deviceName string) string {
	name := e.Name
	if n := len(deviceName); len(name) > n+1 && strings.EqualFold(name[:n], deviceName) && name[n] == ' ' {
		name = capital(strings.TrimSpace(name[n:]))
	}
	if name == "" && !e.ClassNamed {
		return e.ID
	}
	return name
}

func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

// category drops what a platform refuses: something to read is no setting.
func category(e *entity.Entity) string {
	if e.Category == "config" && (e.Component == "sensor" || e.Component == "binary_sensor") {
		return "diagnostic"
	}
	return e.Category
}

// role adds the topics, words and limits of one role.
func (w *writer) role(e *entity.Entity, b *entity.Bind, k keys) {
	if k.settable && !b.Command {
		return
	}
	if k.state != "" && b.State {
		w.add(text(k.state, w.opt.Layout.State(w.device, e.ID, string(b.Role))))
	}
	if k.command != "" && b.Command && (b.State || !k.readable) {
		w.add(text(k.command, w.opt.Layout.Set(w.device, e.ID, string(b.Role))))
	}
	if k.options != "" && (b.Command || k.command == "") && len(b.Options) > 0 {
		w.add(list(k.options, b.Options))
	}
	if b.Min >= b.Max {
		return
	}
	if k.min != "" {
		w.add(number(k.min, b.Min), number(k.max, b.Max))
	}
	if k.step != "" && b.Step > 0 {
		w.add(number(k.step, max(b.Step, 0.001)))
	}
}

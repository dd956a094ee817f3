package entity

import (
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// singles makes an entity of every property that no composite took.
func (b *builder) singles() {
	for p := range b.spec.Props {
		if !b.taken[p] {
			b.single(p)
		}
	}
}

// verdict is what the rules say of one property.
type verdict struct {
	component, class, state, category, icon, name, unit, rule string
	problem                                                   string // vocabulary
	enabled, invert                                           bool
}

func (b *builder) single(p int) {
	spec := &b.spec.Props[p]
	service := &b.spec.Services[spec.Service]
	f := b.field(p)
	v := b.judge(p, f)
	if a := b.adjust[p]; a != nil {
		a.overrule(&v)
	}
	if v.invert {
		f.steps = append(f.steps, step{Invert: &[]float64{}})
	}
	e := Entity{
		ID: spec.ID(), Component: v.component, Category: v.category, Icon: v.icon, Enabled: v.enabled,
		Assumed: f.writable() && !f.readable(), Rule: v.rule,
	}
	d := detail{service: spec.Service, generic: generic(spec.Name), text: spec.Format == mi.FormatText && len(spec.List) == 0}
	e.Name = v.name
	if e.Name == "" {
		e.Name = b.title(spec.Name, spec.Text, spec.Vendor)
		if spec.Name == "on" {
			e.Name, d.generic = b.serviceName(spec.Service), false
			if service.Name == b.spec.Type && b.alone(spec.Service) {
				e.Name = "Switch" // the device's own name says nothing beside it
			}
		}
	}
	bound, ok := b.value(&e, f, &v)
	if !ok { // the rule's component does not suit this property after all
		v.component = b.plainComponent(f)
		e.Component = v.component
		bound, _ = b.value(&e, f, &v)
	}
	b.measure(&e, f, &v)
	if (e.Component == "sensor" || e.Component == "binary_sensor") && e.Category == "config" {
		e.Category = "diagnostic"
	}
	if service.Vendor && e.Category == "" {
		e.Category = b.category(&e)
	}
	e.Binds = []Bind{bound}
	if bound.Command {
		e.Danger = danger(service.Name, spec.Name)
	}
	b.add(e, d)
	if v.problem != "" && bound.State {
		b.problem(&e, d, f, v.problem)
	}
}

// problem makes a binary sensor of a fault: on while anything is wrong.
func (b *builder) problem(of *Entity, d detail, f *field, group string) {
	c := &trouble{f: *f}
	for i := range f.spec.List {
		if b.rules.word(group, f.spec.List[i].Label) == "well" {
			c.well = append(c.well, f.spec.List[i].Value)
		}
	}
	if len(f.spec.List) == 1 || len(f.spec.List) > 1 && len(c.well) == len(f.spec.List) {
		return // it never tells of trouble
	}
	name, _ := b.rules.class("binary_sensor", "problem", "")
	bound := bind("state", c, f)
	bound.Command = false
	b.add(Entity{
		ID: of.ID + "_problem", Component: "binary_sensor", Name: "Problem", DeviceClass: name, Category: "diagnostic",
		Enabled: of.Enabled, Rule: of.Rule, Binds: []Bind{bound},
	}, detail{service: d.service})
}

// trouble is on while a fault is anything but zero or one of the values that
// mean that all is well.
type trouble struct {
	readOnly
	f    field
	well []mi.Value
}

func (c *trouble) render(values []mi.Value) (string, bool) {
	v := c.f.value(values)
	if !v.Known() {
		return none, true
	}
	if slices.ContainsFunc(c.well, func(w mi.Value) bool { return same(w, v) }) {
		return "OFF", true
	}
	if i, ok := v.Int(); ok && i == 0 && len(c.well) == 0 {
		return "OFF", true
	}
	return "ON", true
}

// judge applies the first rule that fits, and the fallback for what it leaves
// open.
func (b *builder) judge(p int, f *field) (v verdict) {
	spec := &b.spec.Props[p]
	service := &b.spec.Services[spec.Service]
	shape := b.rules.shapeOf(f)
	v.unit = b.rules.unit(spec.Unit)
	std := !spec.Vendor && !service.Vendor
	for i := range b.rules.fallback {
		rule := &b.rules.fallback[i]
		if fitsAccess(rule.Access, f) && (len(rule.Shapes) == 0 || slices.Contains(rule.Shapes, shape)) {
			v.component, v.category, v.enabled, v.rule = rule.Component, rule.Category, rule.Enabled && std, "fallback/"+rule.Rule
			break
		}
	}
	rule := b.rules.singles.find(service.Name, spec.Name, func(r *propertyRule) bool {
		return fitsAccess(r.Access, f) && (len(r.Shapes) == 0 || slices.Contains(r.Shapes, shape)) &&
			(len(r.Units) == 0 || slices.Contains(r.Units, v.unit)) && anyMatch(r.Devices, b.spec.Type)
	})
	if rule != nil {
		rule.lay(&v, spec.Unit == "" || v.unit == "")
		if !std && rule.Enabled == nil {
			v.enabled = false
		}
		b.slow[p] = rule.Slow
		if rule.Moving != "" && len(spec.List) > 0 {
			b.moving = append(b.moving, b.busy(f, rule.Moving))
		}
	}
	if v.component == "text" || v.component == "sensor" && shape == "text" {
		b.slow[p] = true
	}
	return v
}

// busy makes a mover of a status: what its vocabulary calls busy is in motion.
func (b *builder) busy(f *field, group string) *activity {
	a := &activity{status: b.newChoice(f)}
	a.busy = make([]bool, len(a.status.words))
	for i, label := range a.status.words {
		a.busy[i] = b.rules.word(group, f.spec.List[i].Label) == "busy" || b.rules.word(group, label) == "busy"
	}
	return a
}

// activity is a status that says whether the device works.
type activity struct {
	status *choice
	busy   []bool
}

// moving implements mover.
func (a *activity) moving(values []mi.Value) bool {
	at := a.status.at(values)
	return at >= 0 && a.busy[at]
}

// fitsAccess judges "read" (cannot be written) and "write".
func fitsAccess(access string, f *field) bool {
	switch access {
	case "read":
		return !f.writable()
	case "write":
		return f.writable()
	}
	return true
}

// lay puts what the rule says over the verdict.
func (r *propertyRule) lay(v *verdict, unitless bool) {
	if r.Component != "" {
		v.component = r.Component
	}
	if r.Category != "" {
		v.category = strings.TrimPrefix(r.Category, "none")
	}
	if r.Enabled != nil {
		v.enabled = *r.Enabled
	}
	if unitless && r.Unit != "" {
		v.unit = r.Unit
	}
	v.class, v.state, v.icon, v.name, v.invert, v.problem = r.Class, r.StateClass, r.Icon, r.Name, r.Invert, r.Problem
	v.rule = "properties/" + r.Rule
}

// overrule puts what a correction says over the verdict.
func (a *adjustment) overrule(v *verdict) {
	if a.Component != "" {
		v.component = a.Component
	}
	if a.Class != nil {
		v.class = *a.Class
	}
	if a.StateClass != nil {
		v.state = *a.StateClass
	}
	if a.Category != nil {
		v.category = *a.Category
	}
	if a.Icon != "" {
		v.icon = a.Icon
	}
	if a.Name != "" {
		v.name = a.Name
	}
	v.rule = "models"
}

// plainComponent is what any property can be.
func (b *builder) plainComponent(f *field) string {
	switch shape := b.rules.shapeOf(f); {
	case f.writable() && (shape == "bool" || shape == "pair"):
		return "switch"
	case f.writable() && shape == "list":
		return "select"
	case f.writable() && (shape == "range" || shape == "number"):
		return "number"
	case f.writable():
		return "text"
	case shape == "bool":
		return "binary_sensor"
	}
	return "sensor"
}

// value makes the bind of the state; ok is false when the component does not
// suit the property.
func (b *builder) value(e *Entity, f *field, v *verdict) (out Bind, ok bool) {
	switch e.Component {
	case "switch", "binary_sensor":
		if b.rules.shapeOf(f) == "text" && e.Component == "binary_sensor" {
			return out, false
		}
		out = bind("state", b.newOnoff(f), f)
	case "select":
		c := b.newChoice(f)
		if c == nil {
			return out, false
		}
		out = c.listed(bind("state", c, f))
	case "number":
		if f.spec.Format == mi.FormatText || len(f.spec.List) > 0 {
			return out, false
		}
		c := b.newNumber(f)
		c.sane()
		out = c.limited(bind("state", c, f))
	case "text":
		out = bind("state", &text{*f}, f)
	case "sensor":
		out = b.sensor(e, f, v)
	default:
		return out, false
	}
	if e.Component == "sensor" || e.Component == "binary_sensor" {
		out.Command = false
	}
	return out, true
}

// sane keeps a number within what platforms take: steps of at least 0.001, and
// limits that 32 bits hold.
func (c *number) sane() {
	const most = 1 << 31
	c.min, c.max = max(c.min, -most), min(c.max, most)
	if c.min >= c.max {
		c.min, c.max = 0, 0
	}
	switch {
	case c.step < 0.001 && c.f.spec.Format == mi.FormatFloat:
		c.step = 0.1
	case c.step < 0.001:
		c.step = 1
	}
}

// moment is the class of a text that is a time.
const moment = "timestamp"

// sensor is an enum, a number or a text.
func (b *builder) sensor(e *Entity, f *field, v *verdict) Bind {
	shape := b.rules.shapeOf(f)
	if shape == "list" || shape == "pair" || shape == "bool" {
		c := b.newChoice(f)
		e.DeviceClass = "enum"
		v.class, v.state, v.unit = "", "", ""
		e.Enabled = e.Enabled && len(c.words) > 1 // one word tells nothing
		return c.listed(bind("state", c, f))
	}
	if shape == "text" && (len(f.steps) == 0 || v.unit == "" && v.class == "") {
		if v.class != moment {
			v.class = ""
		}
		v.state, v.unit = "", ""
		return bind("state", &text{*f}, f)
	}
	c := b.newNumber(f)
	c.unlimited = true
	return bind("state", c, f)
}

// measure gives unit, device class and state class as far as they suit each
// other and the component.
func (b *builder) measure(e *Entity, f *field, v *verdict) {
	switch e.Component {
	case "sensor", "number":
		if e.DeviceClass == "enum" || f.spec.Format == mi.FormatText && len(f.steps) == 0 && v.class != moment {
			return
		}
		e.Unit = v.unit
		name, c := b.rules.class("sensor", v.class, v.unit)
		e.DeviceClass = name
		if e.Component == "number" {
			return
		}
		e.StateClass = v.state
		if c != nil && len(c.State) > 0 && !slices.Contains(c.State, v.state) && v.state != "" {
			e.StateClass = c.State[0]
		}
		if v.state == "" && c != nil && len(c.State) > 0 && v.class != "" && !strings.Contains(v.class, "duration") {
			e.StateClass = c.State[0]
		}
	default:
		e.DeviceClass, _ = b.rules.class(e.Component, v.class, "")
	}
}

// category is where a vendor's own property belongs.
func (b *builder) category(e *Entity) string {
	switch e.Component {
	case "sensor", "binary_sensor":
		return "diagnostic"
	}
	return "config"
}

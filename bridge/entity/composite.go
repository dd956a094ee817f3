package entity

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// composite is one service on its way to become one entity.
type composite struct {
	*builder
	rule    *serviceRule
	service int
	entity  Entity
	props   []int // to be taken when it works out
	actions []int
	moves   []mover
}

// makers turn the roles of a composite into binds. They report whether there is
// enough to make anything of.
func makers() map[string]func(*composite) bool {
	return map[string]func(*composite) bool{
		"light": (*composite).light, "switch": (*composite).switches, "fan": (*composite).fan,
		"climate": (*composite).climate, "humidifier": (*composite).humidifier, "water_heater": (*composite).waterHeater,
		"cover": (*composite).cover, "vacuum": (*composite).vacuum, "lock": (*composite).lock, "valve": (*composite).valve,
		"lawn_mower": (*composite).mower, "alarm_control_panel": (*composite).alarm, "device_tracker": (*composite).tracker,
	}
}

// composites makes what services are as a whole. A rule's order counts, so that
// an air conditioner takes its fan before the fan rule sees it.
func (b *builder) composites() {
	make := makers()
	for i := range b.rules.services {
		rule := &b.rules.services[i]
		if !b.applies(rule) {
			continue
		}
		for s := range b.spec.Services {
			if !anyMatch(rule.Services, b.spec.Services[s].Name) {
				continue
			}
			c := &composite{builder: b, rule: rule, service: s}
			c.entity = Entity{
				ID: rule.Component + "_" + strconv.Itoa(b.spec.Services[s].IID), Component: rule.Component, Name: rule.Name,
				DeviceClass: rule.Class, Category: rule.Category, Icon: rule.Icon, Enabled: !rule.Disabled, Rule: "services/" + rule.Rule,
			}
			if !c.exists() && c.complete() && make[rule.Component](c) {
				c.keep()
			}
		}
	}
}

// applies judges the rule's conditions on the device as a whole.
func (b *builder) applies(rule *serviceRule) bool {
	if !anyMatch(rule.Devices, b.spec.Type) {
		return false
	}
	return len(rule.Without) == 0 || !slices.ContainsFunc(b.spec.Services, func(s mi.Service) bool { return anyMatch(rule.Without, s.Name) })
}

// exists reports that another rule made the same entity of the same service.
func (c *composite) exists() bool {
	return slices.ContainsFunc(c.entities, func(e Entity) bool { return e.ID == c.entity.ID })
}

// complete reports whether all that the rule needs is there.
func (c *composite) complete() bool {
	for _, need := range c.rule.Needs {
		found := false
		for role := range strings.SplitSeq(need, "|") {
			found = found || c.prop(role) != nil || c.action(role) >= 0
		}
		if !found {
			return false
		}
	}
	c.props, c.actions = nil, nil // looking is not taking
	return true
}

// keep adds the entity and takes what it is made of.
func (c *composite) keep() {
	for _, p := range c.props {
		c.taken[p] = true
	}
	for _, a := range c.actions {
		c.used[a] = true
	}
	c.builder.moving = append(c.builder.moving, c.moves...)
	c.entity.Danger = c.danger()
	c.add(c.entity, detail{service: c.service, composite: true, generic: c.rule.Name == ""})
}

// reads are the roles that only show something.
func reads(role string) bool {
	return strings.HasPrefix(role, "current_") || role == "status"
}

// borrows are those of them whose property keeps an entity of its own: a sensor
// has long-term statistics, a role has none.
func borrows(role string) bool { return reads(role) && role != "current_position" }

// place is where a role may be found: own or other service, property or action,
// and the shape that it must have.
type place struct {
	service, name, shape string
	action               bool
}

func parsePlace(text string) (p place) {
	if at := strings.LastIndexByte(text, '/'); at >= 0 {
		p.service, text = text[:at], text[at+1:]
	}
	text, p.action = strings.CutPrefix(text, "@")
	p.name, p.shape, _ = strings.Cut(text, ":")
	return p
}

// override returns what a correction says of a role of this entity.
func (c *composite) override(role string) (string, bool) {
	where := ""
	for _, f := range c.fixes {
		if w, ok := f.Roles[c.entity.ID+"/"+role]; ok {
			where = w
		}
	}
	return where, where != ""
}

// prop finds the property behind a role and takes it; nil when there is none.
func (c *composite) prop(role string) *field {
	if key, ok := c.override(role); ok {
		p := c.lookup(key)
		if p < 0 || c.spec.Props[p].Access == 0 {
			return nil
		}
		return c.take(role, p)
	}
	for _, text := range c.rule.Roles[role] {
		where := parsePlace(text)
		if where.action {
			continue
		}
		for p := range c.spec.Props {
			if c.fits(role, where, p) {
				return c.take(role, p)
			}
		}
	}
	return nil
}

// fits judges one property for a role.
func (c *composite) fits(role string, where place, p int) bool {
	spec := &c.spec.Props[p]
	switch {
	case spec.Access == 0 || !match(where.name, spec.Name):
		return false
	case where.service == "" && spec.Service != c.service:
		return false
	case where.service != "" && !match(where.service, c.spec.Services[spec.Service].Name):
		return false
	case where.shape != "" && !strings.Contains(where.shape, c.rules.shape(spec)):
		return false
	case reads(role):
		return spec.Access&(mi.Read|mi.Notify) != 0
	}
	return !c.taken[p] && (spec.Access&mi.Write != 0 || c.rule.Component == "device_tracker")
}

func (c *composite) take(role string, p int) *field {
	if !borrows(role) {
		c.props = append(c.props, p)
	}
	return c.field(p)
}

// action finds the action without input behind a role; -1 when there is none.
func (c *composite) action(role string) int {
	if key, ok := c.override(role); ok {
		return slices.IndexFunc(c.spec.Actions, func(a mi.Action) bool {
			siid, aiid, ok := numbers(key)
			return ok && a.SIID == siid && a.AIID == aiid || string(a.Key) == key
		})
	}
	for _, text := range c.rule.Roles[role] {
		where := parsePlace(text)
		if !where.action {
			continue
		}
		for i := range c.spec.Actions {
			a := &c.spec.Actions[i]
			own := where.service == "" && a.Service == c.service
			other := where.service != "" && match(where.service, c.spec.Services[a.Service].Name)
			if (own || other) && match(where.name, a.Name) && len(a.In) == 0 {
				c.actions = append(c.actions, i)
				return i
			}
		}
	}
	return -1
}

// bind adds a bind, unless nothing can be done with it.
func (c *composite) bind(b Bind) {
	if b.State || b.Command {
		c.entity.Binds = append(c.entity.Binds, b)
	}
}

// reading adds a numeric role that only shows.
func (c *composite) reading(role string) {
	if f := c.prop(role); f != nil && f.readable() {
		n := c.newNumber(f)
		n.unlimited = true
		b := bind(Role(role), n, f)
		b.Command = false
		c.bind(b)
	}
}

// word is what a label means for a role.
func (c *composite) word(role, label string) string {
	return c.rules.word(c.rule.Words[role], label)
}

// inverted reports that the rule counts a role the other way round.
func (c *composite) inverted(role string) bool { return slices.Contains(c.rule.Invert, role) }

// run appends the call of an action without input.
func run(action int, o *mi.Order) {
	o.Calls = append(o.Calls, mi.Call{Action: action})
}

// power switches something.
type power interface {
	state(values []mi.Value) (on, known bool)
	set(on bool, o *mi.Order) error
}

// relay finds the two actions that switch; nil when there are none.
func (c *composite) relay() *relay {
	on, off := c.action("on"), c.action("off")
	if on < 0 || off < 0 {
		return nil
	}
	return &relay{off: off, on: on}
}

// relay is a two-state thing that two actions switch and nothing reports.
type relay struct {
	writeOnly
	off, on int
}

func (r *relay) state([]mi.Value) (on, known bool) { return false, false }

func (r *relay) set(on bool, o *mi.Order) error {
	if on {
		run(r.on, o)
	} else {
		run(r.off, o)
	}
	return nil
}

func (r *relay) order(payload string, _ []mi.Value, o *mi.Order) error {
	on, ok := truth(strings.TrimSpace(payload))
	if !ok {
		return invalid("%q is not a state that can be sent; send ON or OFF", cut(payload, 40))
	}
	return r.set(on, o)
}

// switches is the composite of what is only on or off.
func (c *composite) switches() bool {
	if f := c.prop("state"); f != nil {
		c.bind(bind("state", c.newOnoff(f), f))
		c.entity.Assumed = !f.readable()
		return true
	}
	r := c.relay()
	if r == nil {
		return false
	}
	c.entity.Assumed = true
	c.bind(Bind{Role: "state", Command: true, Actions: actions(r.on, r.off), conv: r})
	return true
}

// valve is a switch with other words.
func (c *composite) valve() bool {
	f := c.prop("state")
	if f == nil {
		return false
	}
	s := c.newOnoff(f)
	b := bind("state", &worded{onoff: s, open: "OPEN", close: "CLOSE"}, f)
	s.no, s.yes = "closed", "open"
	b.Options = []string{"OPEN", "CLOSE"}
	c.bind(b)
	c.entity.Assumed = !f.readable()
	return true
}

// lock is a switch that is on when locked.
func (c *composite) lock() bool {
	f := c.prop("state")
	if f == nil {
		return false
	}
	s := c.newOnoff(f)
	s.no, s.yes = "UNLOCKED", "LOCKED"
	b := bind("state", &worded{onoff: s, open: "LOCK", close: "UNLOCK"}, f)
	b.Options = []string{"LOCK", "UNLOCK"}
	c.bind(b)
	c.entity.Assumed = !f.readable()
	return true
}

// worded is a two-state property whose commands have other words than its state.
type worded struct {
	*onoff
	open, close string // commands for on and off
}

func (w *worded) order(payload string, values []mi.Value, o *mi.Order) error {
	word := strings.TrimSpace(payload)
	switch {
	case strings.EqualFold(word, w.open):
		return w.set(true, o)
	case strings.EqualFold(word, w.close):
		return w.set(false, o)
	}
	if on, err := w.wanted(payload, values); err == nil {
		return w.set(on, o)
	}
	return invalid("%q is not a command; send %s or %s", cut(payload, 40), w.open, w.close)
}

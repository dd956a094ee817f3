package yeelight

import (
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// role is what a property of the spec is on the wire.
type role uint8

const (
	noRole role = iota
	power
	bright
	temperature // kelvin
	colour      // 0xRRGGBB
	mode        // white, colour, night, or an effect
	night
	delay // minutes until it goes off
	flow  // text of a flow of one's own
)

// access is what can be done with a property, whatever its model's spec says of it.
func (r role) access() mi.Access {
	switch r {
	case noRole:
		return 0
	case flow:
		return mi.Write
	}
	return mi.Read | mi.Write | mi.Notify
}

// slot ties a property to the wire: a role of the main light or of the background.
type slot struct {
	part part
	role role
}

// part is the prefix of the wire names of one of the two lights.
type part string

const (
	mainPart part = ""
	ground   part = "bg_"
)

// meaning is what a lamp has. It is immutable and shared.
type meaning struct {
	spec  *mi.Spec
	slots []slot   // as spec.Props
	calls []string // as spec.Actions: methods
}

// meaningKey tells lamps apart that have other specs.
type meaningKey struct {
	base   *mi.Spec
	model  string
	traits traits
}

// newMeaning makes the spec of a lamp out of what Xiaomi publishes of its model,
// if anything: the ids stay, and what only this protocol can do is added.
func newMeaning(key meaningKey) *meaning {
	b := &builder{traits: key.traits, spec: &mi.Spec{Model: key.model, Type: "light", Text: title(key.traits)}}
	if key.base != nil {
		*b.spec = *key.base
		b.spec.Services = slices.Clone(key.base.Services)
		b.spec.Props = slices.Clone(key.base.Props)
		b.spec.Actions = slices.Clone(key.base.Actions)
	}
	if key.traits.Plug && key.base == nil {
		b.spec.Type = "outlet"
		b.plug()
	} else {
		b.light(mainPart, 2, "light", "Light")
		if key.traits.Ground {
			b.light(ground, 3, "ambient-light", "Ambient light")
		}
	}
	return b.bind()
}

// bind ties the spec to the wire. What is not to be had this way is not shown, for
// nobody could read it.
func (b *builder) bind() *meaning {
	s := b.spec
	s.Actions = slices.DeleteFunc(s.Actions, func(a mi.Action) bool { return b.method(&a) == "" })
	s.Tuning.Fades = true
	m := &meaning{spec: s, slots: make([]slot, len(s.Props)), calls: make([]string, len(s.Actions))}
	for i := range m.slots {
		m.slots[i] = b.slot(&s.Props[i])
		s.Props[i].Access = m.slots[i].role.access()
	}
	for i := range m.calls {
		m.calls[i] = b.method(&s.Actions[i])
	}
	return m
}

func title(t traits) string {
	switch {
	case t.Plug:
		return "Plug"
	case t.Ground:
		return "Ceiling lamp"
	case t.Color:
		return "Colour lamp"
	}
	return "Lamp"
}

// builder completes a spec.
type builder struct {
	spec   *mi.Spec
	traits traits
}

func (b *builder) plug() {
	s := b.service(2, "switch", "Switch")
	b.prop(s, mi.Property{PIID: 1, Name: "on", Text: "Power", Format: mi.FormatBool})
}

// light adds what one of the two lights lacks. The ids are those of the oldest
// lamps, so that they mean the same by miIO.
func (b *builder) light(p part, siid int, name, text string) {
	s := b.service(siid, name, text)
	t := b.traits
	if p == ground {
		t = traits{White: true, Color: true, Low: wideLow, High: usualHigh}
	}
	b.prop(s, mi.Property{PIID: 1, Name: "on", Text: "Power", Format: mi.FormatBool})
	b.prop(s, mi.Property{PIID: 2, Name: "brightness", Text: "Brightness", Format: mi.FormatInt, Unit: "percentage", Range: &mi.Range{Min: 1, Max: 100, Step: 1}})
	if t.White {
		b.prop(s, mi.Property{
			PIID: 3, Name: "color-temperature", Text: "Colour temperature", Format: mi.FormatInt, Unit: "kelvin",
			Range: &mi.Range{Min: float64(t.Low), Max: float64(t.High), Step: 1},
		})
	}
	if t.Color {
		b.prop(s, mi.Property{PIID: 4, Name: "color", Text: "Colour", Format: mi.FormatInt, Unit: "rgb", Range: &mi.Range{Max: 0xffffff, Step: 1}})
	}
	b.modes(s, t)
	if t.Night {
		b.prop(s, mi.Property{PIID: 6, Name: "night-light-mode", Text: "Moonlight", Vendor: true, Format: mi.FormatBool})
	}
	if p == mainPart {
		b.delay(s)
	}
	b.action(s, 1, "toggle", "Toggle", false)
	b.action(s, 2, "set-default", "Keep this state for power-on", true)
	b.prop(s, mi.Property{PIID: 8, Name: "flow-text", Text: "Colour flow", Vendor: true, Format: mi.FormatText})
}

// delay adds the off timer, unless the spec has one by an older name.
func (b *builder) delay(s int) {
	p := mi.Property{PIID: 7, Name: "off-delay-time", Text: "Goes off in", Format: mi.FormatInt, Unit: "minutes", Range: &mi.Range{Max: maxDelay, Step: 1}}
	if i := b.find(s, "delay-off"); i >= 0 {
		b.spec.Props[i].Range = p.Range
		return
	}
	b.prop(s, p)
}

// modes gives the light the list of its modes and effects.
func (b *builder) modes(s int, t traits) {
	var own []mi.Choice
	if t.Color {
		own = append(own, mi.Choice{Value: mi.Int(1), Label: "Color"})
	}
	own = append(own, mi.Choice{Value: mi.Int(2), Label: "Day"})
	i := b.prop(s, mi.Property{PIID: 5, Name: "mode", Text: "Mode", Format: mi.FormatInt, List: own})
	p := &b.spec.Props[i]
	p.List = append(slices.Clone(p.List), mi.Choice{Value: mi.Int(numberFlow), Label: "Flow"})
	for n, e := range effects() {
		if e.needs <= t.skill() {
			p.List = append(p.List, mi.Choice{Value: mi.Int(numberFirst + int64(n)), Label: e.label})
		}
	}
}

// service returns the index of a service by its name, added when missing.
func (b *builder) service(siid int, name, text string) int {
	for i := range b.spec.Services {
		if b.spec.Services[i].Name == name {
			return i
		}
	}
	for slices.ContainsFunc(b.spec.Services, func(s mi.Service) bool { return s.IID == siid }) {
		siid += 60 // Xiaomi's spec has another service there
	}
	b.spec.Services = append(b.spec.Services, mi.Service{IID: siid, Name: name, Key: name, Text: text})
	return len(b.spec.Services) - 1
}

func (b *builder) find(s int, name string) int {
	return slices.IndexFunc(b.spec.Props, func(p mi.Property) bool { return p.Service == s && p.Name == name })
}

// prop returns the index of a property by its name, added when missing.
func (b *builder) prop(s int, p mi.Property) int {
	if i := b.find(s, p.Name); i >= 0 {
		return i
	}
	p.Service, p.SIID = s, b.spec.Services[s].IID
	p.Key = mi.Key(b.spec.Services[s].Key + "/" + p.Name)
	for b.spec.Prop(p.SIID, p.PIID) >= 0 {
		p.PIID += 60
	}
	b.spec.Props = append(b.spec.Props, p)
	return len(b.spec.Props) - 1
}

// action adds an action unless there is one of that name.
func (b *builder) action(s, aiid int, name, text string, vendor bool) {
	if slices.ContainsFunc(b.spec.Actions, func(a mi.Action) bool { return a.Service == s && a.Name == name }) {
		return
	}
	a := mi.Action{Service: s, SIID: b.spec.Services[s].IID, AIID: aiid, Name: name, Text: text, Vendor: vendor}
	a.Key = mi.Key(b.spec.Services[s].Key + "/" + name)
	for b.spec.Action(a.SIID, a.AIID) >= 0 {
		a.AIID += 60
	}
	b.spec.Actions = append(b.spec.Actions, a)
}

// partOf says which light a service is.
func (b *builder) partOf(s int) (part, bool) {
	switch b.spec.Services[s].Name {
	case "light", "switch":
		return mainPart, b.spec.Services[s].Key == b.spec.Services[s].Name
	case "ambient-light":
		return ground, b.traits.Ground
	}
	return "", false
}

func (b *builder) slot(p *mi.Property) slot {
	of, ok := b.partOf(p.Service)
	if !ok {
		return slot{}
	}
	roles := map[string]role{
		"on": power, "brightness": bright, "color-temperature": temperature, "color": colour, "mode": mode,
		"night-light-mode": night, "delay-off": delay, "off-delay-time": delay, "flow-text": flow,
	}
	return slot{of, roles[p.Name]}
}

func (b *builder) method(a *mi.Action) string {
	of, ok := b.partOf(a.Service)
	if !ok {
		return ""
	}
	switch a.Name {
	case "toggle":
		return string(of) + "toggle"
	case "set-default":
		return string(of) + "set_default"
	}
	return ""
}

// look is what a mode looks like.
type look uint8

const (
	noLook look = iota
	inColor
	inWhite
	inNight
)

// lookOf understands the label of a mode.
func lookOf(label string) look {
	switch strings.ToLower(label) {
	case "color", "colour", "rgb":
		return inColor
	case "day", "daylight", "white", "sunlight":
		return inWhite
	case "night", "moonlight":
		return inNight
	}
	return noLook
}

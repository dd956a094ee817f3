package multimode

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// catalog makes kinds of the tables' entries; kinds are shared by pointer.
type catalog struct {
	sheets map[string]*sheet
	facets map[string]facet

	mu    sync.Mutex // guards made
	made  map[*sheet]*kind
	specs map[*mi.Spec]*kind // of vendor's specs
}

func newCatalog() *catalog {
	return &catalog{
		sheets: sheets(zigbeeTable, meshTable, gatewayTable), facets: facets(),
		made: map[*sheet]*kind{}, specs: map[*mi.Spec]*kind{},
	}
}

// find returns the kind of a model of the tables, nil for others. The model of
// one that has none but a product number is that number.
func (c *catalog) find(model string) *kind {
	s := c.sheets[strings.TrimPrefix(model, meshPrefix)]
	if s == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made[s] == nil {
		c.made[s] = c.build(s)
	}
	return c.made[s]
}

const meshPrefix = "xiaomi.mesh." // of the model of a product number

// vendor returns the kind that a vendor's spec describes: everything stays as it is.
func (c *catalog) vendor(spec *mi.Spec) *kind {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.specs[spec]; k != nil {
		return k
	}
	k := &kind{spec: spec, motion: -1}
	for i := range spec.Props {
		p := &spec.Props[i]
		pl := place{kind: 'p', siid: p.SIID, iid: p.PIID}
		k.wires = append(k.wires, wire{i, pl, pass{format: p.Format}})
		k.battery = k.battery || p.Name == "battery-level"
	}
	for i := range spec.Events {
		e := &spec.Events[i]
		pl := place{kind: 'e', siid: e.SIID, iid: e.EIID}
		k.presses = append(k.presses, press{place: pl, any: i, args: e.Args})
		for _, a := range e.Args {
			arg := pl
			arg.arg = spec.Props[a].PIID
			k.wires = append(k.wires, wire{a, arg, pass{format: spec.Props[a].Format}})
		}
	}
	for i := range spec.Actions {
		k.runs = append(k.runs, run{place: place{kind: 'a', siid: spec.Actions[i].SIID, iid: spec.Actions[i].AIID}})
	}
	c.specs[spec] = k
	return k
}

// builder makes a kind of a sheet.
type builder struct {
	c     *catalog
	sheet *sheet
	kind  *kind
	props map[string]int // by attribute
}

func (c *catalog) build(s *sheet) *kind {
	model := s.model
	if !strings.Contains(model, ".") {
		model = meshPrefix + model
	}
	k := &kind{spec: &mi.Spec{Model: model, Text: s.text}, motion: -1, pack: map[int]byte{}}
	b := &builder{c: c, sheet: s, kind: k, props: map[string]int{}}
	for i := range s.traits {
		b.add(&s.traits[i])
	}
	k.spec.Type = b.deviceType()
	if !k.battery {
		b.awake()
	}
	return k
}

// awake lets everything be read that a device can be asked for.
func (b *builder) awake() {
	for _, w := range b.kind.wires {
		if _, constant := w.codec.(always); w.place.kind != 'e' && !constant {
			if p := &b.kind.spec.Props[w.prop]; p.Access&mi.Notify != 0 {
				p.Access |= mi.Read
			}
		}
	}
}

func (b *builder) add(t *trait) {
	switch name, _ := t.setting(); {
	case t.attr == "action" && name != "plain":
		b.acted(t)
	case t.attr == "action":
	case name == "button":
		b.pressed(t)
	case name == "vibration":
		b.vibrated(t)
	case name == "tilt":
		b.tilted(t)
	case name == "lock":
		b.locked(t)
	case t.platform == "button":
		b.runner(t)
	case name == "climate":
		b.kind.packed = t.place
	default:
		b.property(t)
	}
}

// property adds a property, or another place of one that is there, and returns its
// index.
func (b *builder) property(t *trait) int {
	k := b.kind
	f, text := b.c.facetOf(t)
	at, there := b.props[t.attr]
	if !there {
		at = b.declare(t, &f, text)
		b.props[t.attr] = at
	}
	p := &k.spec.Props[at]
	k.wires = append(k.wires, wire{at, t.place, b.shape(t, &f, p)})
	switch {
	case t.attr == "motion":
		k.motion = at
	case t.attr == "battery":
		k.battery = true
	case t.attr == "position" && t.codec == "plain":
		b.aim(t, at)
	case k.packed.kind != 0 && packing()[t.attr] != 0:
		p.Access |= mi.Write
		k.pack[at] = packing()[t.attr]
	}
	return at
}

// packing names the parts of an air conditioner's state.
func packing() map[string]byte {
	return map[string]byte{"hvac_mode": 'm', "fan_mode": 'f', "target_temp": 't'}
}

// declare adds the property itself.
func (b *builder) declare(t *trait, f *facet, text string) int {
	siid, piid := f.siid, f.piid
	if t.place.kind != 'r' {
		siid, piid = t.place.siid, t.place.iid
		if t.place.kind == 'e' {
			piid = 1000*piid + t.place.arg
		}
		for b.kind.spec.Prop(siid, piid) >= 0 {
			piid += 10000
		}
	}
	at := b.service(siid, f.service)
	access := mi.Notify
	if writable(t) {
		access |= mi.Write
	}
	spec := b.kind.spec
	spec.Props = append(spec.Props, mi.Property{
		Service: at, SIID: siid, PIID: piid, Name: f.name, Text: text, Unit: unitOf(t, f),
		Key: b.unique(spec.Services[at].Key + "/" + f.name), Access: access,
	})
	return len(spec.Props) - 1
}

// unique makes a key that no other property has.
func (b *builder) unique(key string) mi.Key {
	out := mi.Key(key)
	taken := func(p mi.Property) bool { return p.Key == out }
	for n := 2; slices.ContainsFunc(b.kind.spec.Props, taken); n++ {
		out = mi.Key(key + "-" + strconv.Itoa(n))
	}
	return out
}

// aim lets a position be written, too, where nothing else says so.
func (b *builder) aim(t *trait, position int) {
	for _, other := range b.sheet.traits {
		if other.attr == "target_position" {
			return
		}
	}
	spec := b.kind.spec
	p := spec.Props[position]
	p.Name, p.PIID, p.Text, p.Access = "target-position", p.PIID+10000, "Target position", mi.Write
	p.Key = mi.Key(spec.Services[p.Service].Key + "/target-position")
	p.Range = &mi.Range{Min: 0, Max: 100, Step: 1}
	spec.Props = append(spec.Props, p)
	b.kind.wires = append(b.kind.wires, wire{len(spec.Props) - 1, t.place, pass{format: mi.FormatInt, max: 100}})
}

// writable reports whether an attribute can be set.
func writable(t *trait) bool {
	switch t.platform {
	case "switch", "select", "number", "text", "light", "cover", "climate", "alarm_control_panel":
		return t.place.kind != 'e'
	}
	switch t.attr {
	case "brightness", "color_temp", "rgb_color", "target_position", "target_temp", "hvac_mode", "fan_mode", "mode", "pair":
		return t.place.kind == 'p' || t.attr != "hvac_mode" && t.attr != "fan_mode" && t.attr != "target_temp"
	}
	return false
}

// service returns the place of a service, made when it is missing. Its name is
// that of the first attribute that has one in MIoT.
func (b *builder) service(siid int, name string) int {
	spec := b.kind.spec
	for i := range spec.Services {
		if spec.Services[i].IID != siid {
			continue
		}
		if s := &spec.Services[i]; s.Name == "settings" && name != "settings" {
			b.rename(i, name)
		}
		return i
	}
	spec.Services = append(spec.Services, mi.Service{IID: siid})
	at := len(spec.Services) - 1
	b.rename(at, name)
	return at
}

// rename names a service and the properties that it has already.
func (b *builder) rename(at int, name string) {
	spec := b.kind.spec
	key, n := name, 1
	for slices.ContainsFunc(spec.Services, func(s mi.Service) bool { return s.Key == key }) {
		n++
		key = name + "-" + strconv.Itoa(n)
	}
	s := &spec.Services[at]
	s.Name, s.Key, s.Text, s.Vendor = name, key, label(name), name == "settings"
	for i := range spec.Props {
		if p := &spec.Props[i]; p.Service == at {
			p.Key = b.unique(key + "/" + p.Name)
		}
	}
}

// event adds an event, or returns the one that is there. eiid 0 is the next.
func (b *builder) event(siid int, service, text, name string, eiid int, args ...int) int {
	spec := b.kind.spec
	at := b.service(siid, service)
	spec.Services[at].Text = text
	key := mi.Key(spec.Services[at].Key + "/" + name)
	if i := slices.IndexFunc(spec.Events, func(e mi.Event) bool { return e.Key == key }); i >= 0 {
		return i
	}
	if eiid == 0 {
		for eiid = 1; spec.Event(siid, eiid) >= 0; eiid++ {
		}
	}
	spec.Events = append(spec.Events, mi.Event{
		Service: at, SIID: siid, EIID: eiid, Key: key, Name: name, Text: label(name), Args: args,
	})
	return len(spec.Events) - 1
}

// runner adds an action.
func (b *builder) runner(t *trait) {
	spec := b.kind.spec
	r := run{place: t.place}
	if name, setting := t.setting(); name == "map" && t.place.kind == 'p' {
		if list := words(setting); len(list) > 0 {
			r.raw = list[0].Value
		}
	}
	at := b.service(t.place.siid, "settings")
	aiid := t.place.iid
	for spec.Action(t.place.siid, aiid) >= 0 {
		aiid += 1000
	}
	name := dashed(t.attr)
	spec.Actions = append(spec.Actions, mi.Action{
		Service: at, SIID: t.place.siid, AIID: aiid, Name: name, Text: label(name),
		Key: mi.Key(spec.Services[at].Key + "/" + name),
	})
	b.kind.runs = append(b.kind.runs, r)
}

// deviceType is the type of the first service that says one.
func (b *builder) deviceType() string {
	if strings.HasPrefix(b.sheet.model, "lumi.gateway.") {
		return "gateway"
	}
	for name := range strings.FieldsSeq(
		"light curtain thermostat lock motion-sensor occupancy-sensor magnet-sensor submersion-sensor smoke-sensor gas-sensor " +
			"vibration-sensor switch temperature-humidity-sensor illumination-sensor switch-sensor") {
		for _, s := range b.kind.spec.Services {
			if s.Name == name {
				return b.refined(name)
			}
		}
	}
	return "device"
}

func (b *builder) refined(name string) string {
	_, plug := b.props["plug"]
	_, outlet := b.props["outlet"]
	switch {
	case name == "switch" && (plug || outlet):
		return "outlet"
	case name == "switch-sensor":
		return "remote-control"
	}
	return name
}

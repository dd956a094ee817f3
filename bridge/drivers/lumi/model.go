package lumi

import (
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// model is what a kind of device has: the spec, and the field behind each of its
// parts.
type model struct {
	spec    *mi.Spec
	role    role
	mains   bool
	wires   []wiring  // in the order in which fields are read
	buttons []button  // fields that tell events
	motion  int       // the property that the driver clears by itself; -1 for none
	lamp    lampProps // of a gateway
}

type role uint8

const (
	child role = iota
	gateway
)

// wiring joins a property with its fields. fields has the names of version 1 and
// 2 of the protocol; one name stands for both.
type wiring struct {
	prop   int
	fields []string
	codec  codec
	shy    bool // not believed in a heartbeat or a read
}

// button joins a field with the events that its words mean.
type button struct {
	fields []string
	events map[string]int            // word → event; nil when every text is the event other
	other  int                       // event of a field that is no word
	args   func(mi.Value) []mi.Value // of other; nil result: no event
}

// lampProps are the properties that share the field rgb.
type lampProps struct{ on, brightness, color int }

// builder makes a model.
type builder struct {
	model
	names map[string]int // services so far, by name
}

func newModel(name, kind, text string) *builder {
	b := &builder{names: map[string]int{}}
	b.spec = &mi.Spec{Model: "lumi." + name, Type: kind, Text: text}
	b.motion = -1
	b.lamp = lampProps{-1, -1, -1}
	return b
}

// service adds a service; siid is its identity for ever.
func (b *builder) service(siid int, name, text string) *builder {
	b.names[name]++
	key := name
	if n := b.names[name]; n > 1 {
		key += "-" + strconv.Itoa(n)
	}
	b.spec.Services = append(b.spec.Services, mi.Service{IID: siid, Name: name, Key: key, Text: text})
	return b
}

// last returns the service that parts are added to.
func (b *builder) last() (index int, s *mi.Service) {
	index = len(b.spec.Services) - 1
	return index, &b.spec.Services[index]
}

// prop adds a property to the last service. fields are separated by blanks.
func (b *builder) prop(piid int, name string, format mi.Format, access mi.Access, fields string, c codec) *mi.Property {
	i, s := b.last()
	b.spec.Props = append(b.spec.Props, mi.Property{
		Service: i, SIID: s.IID, PIID: piid, Key: mi.Key(s.Key + "/" + name), Name: name,
		Text: sentence(name), Format: format, Access: access,
	})
	if fields != "" {
		b.also(fields, c)
	}
	return &b.spec.Props[len(b.spec.Props)-1]
}

// also adds further fields to the property that was added last.
func (b *builder) also(fields string, c codec) {
	b.wires = append(b.wires, wiring{prop: b.index(), fields: strings.Fields(fields), codec: c})
}

// event adds an event to the last service and returns its index.
func (b *builder) event(eiid int, name string, args ...int) int {
	i, s := b.last()
	b.spec.Events = append(b.spec.Events, mi.Event{
		Service: i, SIID: s.IID, EIID: eiid, Key: mi.Key(s.Key + "/" + name), Name: name, Text: sentence(name), Args: args,
	})
	return len(b.spec.Events) - 1
}

// action adds an action to the last service.
func (b *builder) action(aiid int, name string, in ...int) {
	i, s := b.last()
	b.spec.Actions = append(b.spec.Actions, mi.Action{
		Service: i, SIID: s.IID, AIID: aiid, Key: mi.Key(s.Key + "/" + name), Name: name, Text: sentence(name), In: in,
	})
}

// index returns the place of the property that was added last.
func (b *builder) index() int { return len(b.spec.Props) - 1 }

func sentence(name string) string {
	text := strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// state adds a two-state fact that the device reports.
func (b *builder) state(piid int, name, fields string, c codec) *builder {
	b.prop(piid, name, mi.FormatBool, mi.Notify, fields, c)
	return b
}

// measure adds a measurement that the device reports.
func (b *builder) measure(piid int, name, unit, fields string, n number) *builder {
	format := mi.FormatFloat
	if n.whole {
		format = mi.FormatInt
	}
	p := b.prop(piid, name, format, mi.Notify, fields, n)
	p.Unit = unit
	return b
}

// presses adds an event for every word of a field, numbered in their order.
// words has pairs "word=event" separated by blanks.
func (b *builder) presses(fields, pairs string) *builder {
	press := button{fields: strings.Fields(fields), events: map[string]int{}, other: -1}
	known := map[string]int{}
	for pair := range strings.FieldsSeq(pairs) {
		word, name, ok := strings.Cut(pair, "=")
		if !ok {
			name = strings.ReplaceAll(word, "_", "-")
		}
		e, ok := known[name]
		if !ok {
			e = b.event(len(known)+1, name)
			known[name] = e
		}
		press.events[word] = e
	}
	b.buttons = append(b.buttons, press)
	return b
}

// battery adds the service that all battery devices have.
func (b *builder) battery() *builder {
	b.service(10, "battery", "Battery")
	p := b.prop(1, "battery-level", mi.FormatInt, mi.Notify, "voltage battery_voltage", percent{})
	p.Unit, p.Range = "percentage", &mi.Range{Min: 0, Max: 100, Step: 1}
	return b
}

// relay adds one switched channel.
func (b *builder) relay(siid int, service, text, fields string) *builder {
	b.service(siid, service, text)
	b.prop(1, "on", mi.FormatBool, mi.Notify|mi.Write, fields, onOff{})
	b.mains = true
	return b
}

// power adds what sockets measure.
func (b *builder) power() *builder {
	b.service(9, "power-consumption", "Power consumption")
	b.measure(1, "electric-power", "watt", "load_power", number{max: 1e5})
	return b.measure(2, "power-consumption", "kWh", "power_consumed energy_consumed", number{scale: 0.001, max: 1e9})
}

// done returns the model.
func (b *builder) done() *model { return &b.model }

package entity

import (
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// occurrence is what one event means to one entity.
type occurrence struct {
	entity int
	word   string   // event type; or the state of a latch
	latch  bool     // the state stays
	image  bool     // the first argument is a picture
	args   []string // names of the arguments, in order
}

// at returns the occurrence with its entity's new index.
func (o occurrence) at(place []int) occurrence {
	o.entity = place[o.entity]
	return o
}

func (o *occurrence) render(h mi.Happening, into []EventPayload) []EventPayload {
	if o.latch {
		return append(into, EventPayload{o.entity, Payload{Role: "state", Text: o.word}})
	}
	if o.image {
		return o.picture(h, into)
	}
	out := append(make([]byte, 0, 96), `{"event_type":`...)
	out = mi.Text(o.word).AppendJSON(out)
	for i := range h.Args {
		if i >= len(o.args) || !h.Args[i].Known() {
			continue
		}
		out = append(mi.Text(o.args[i]).AppendJSON(append(out, ',')), ':')
		out = h.Args[i].AppendJSON(out)
	}
	return append(into,
		EventPayload{o.entity, Payload{Role: "event", Text: string(append(out, '}')), Momentary: true}},
		EventPayload{o.entity, Payload{Role: "trigger", Text: o.word, Momentary: true}})
}

// picture shows what an event brought; the bytes themselves travel.
func (o *occurrence) picture(h mi.Happening, into []EventPayload) []EventPayload {
	if len(h.Args) == 0 {
		return into
	}
	raw, err := base64.StdEncoding.DecodeString(h.Args[0].String())
	if err != nil || len(raw) == 0 {
		return into
	}
	return append(into, EventPayload{o.entity, Payload{Role: "image", Text: string(raw), Momentary: true}})
}

// eventEntities makes one event entity for each service that has events, the
// images that events bring, and the binary sensors that events switch.
func (b *builder) eventEntities() {
	for s := range b.spec.Services {
		var events []int
		for i := range b.spec.Events {
			if b.spec.Events[i].Service == s {
				events = append(events, i)
			}
		}
		pictures, others := b.pictures(s, events)
		for _, i := range pictures {
			b.imageEntity(s, i)
		}
		if events = others; len(events) > 0 {
			b.eventEntity(s, events)
			b.latches(s, events)
		}
	}
}

// pictures takes the events that bring a picture out of a service's events.
func (b *builder) pictures(s int, events []int) (pictures, others []int) {
	for _, i := range events {
		rule := b.eventRule(s, i)
		if rule != nil && rule.Picture {
			pictures = append(pictures, i)
		} else {
			others = append(others, i)
		}
	}
	return pictures, others
}

func (b *builder) eventRule(s, event int) *eventRule {
	return b.rules.events.find(b.spec.Services[s].Name, b.spec.Events[event].Name, func(*eventRule) bool { return true })
}

func (b *builder) imageEntity(s, i int) {
	event, rule := &b.spec.Events[i], b.eventRule(s, i)
	b.events[i] = append(b.events[i], occurrence{entity: len(b.entities), image: true})
	b.add(Entity{
		ID: event.ID(), Component: "image", Name: sentence(event.Name), Rule: "events/" + event.Name,
		Enabled: !event.Vendor && (rule.Enabled == nil || *rule.Enabled),
		Binds:   []Bind{{Role: "image", State: true, Events: []int{i}}},
	}, detail{service: s})
}

func (b *builder) eventEntity(s int, events []int) {
	service := &b.spec.Services[s]
	types := b.eventTypes(events)
	e := Entity{
		ID: "event_" + strconv.Itoa(service.IID), Component: "event", Name: b.serviceName(s) + " event",
		Rule: "events/" + service.Name, Enabled: !service.Vendor,
	}
	wanted := false
	for i, ev := range events {
		event := &b.spec.Events[ev]
		b.events[ev] = append(b.events[ev], occurrence{entity: len(b.entities), word: types[i], args: b.argNames(event)})
		rule := b.eventRule(s, ev)
		if rule != nil && e.DeviceClass == "" {
			e.DeviceClass = rule.Class
		}
		wanted = wanted || !event.Vendor && (rule == nil || rule.Enabled == nil || *rule.Enabled)
	}
	e.Enabled = e.Enabled && wanted
	e.Binds = []Bind{
		{Role: "event", State: true, Options: types, Events: events},
		{Role: "trigger", State: true, Options: types, Events: events},
	}
	b.add(e, detail{service: s})
}

// eventTypes are the events' names; a repeated one gets its number.
func (b *builder) eventTypes(events []int) []string {
	out := make([]string, len(events))
	for i, ev := range events {
		out[i] = b.spec.Events[ev].Name
		if out[i] == "" {
			out[i] = b.spec.Events[ev].ID()
		}
		if slices.Contains(out[:i], out[i]) {
			out[i] += "-" + strconv.Itoa(b.spec.Events[ev].EIID)
		}
	}
	return out
}

func (b *builder) argNames(e *mi.Event) []string {
	out := make([]string, len(e.Args))
	for i, p := range e.Args {
		out[i] = b.spec.Props[p].Name
		if slices.Contains(out[:i], out[i]) || out[i] == "event_type" {
			out[i] += "-" + b.spec.Props[p].ID()
		}
	}
	return out
}

// latches makes the binary sensors that the service's events switch.
func (b *builder) latches(s int, events []int) {
	service := &b.spec.Services[s]
	for i := range b.rules.latches {
		rule := &b.rules.latches[i]
		on, off := b.event(events, rule.On), b.event(events, rule.Off)
		if on < 0 || !anyMatch(rule.Services, service.Name) || rule.Below == nil && off < 0 {
			continue
		}
		id := rule.Rule + "_" + strconv.Itoa(service.IID)
		bound := Bind{Role: "state", State: true, Events: actions(on, off), conv: &latched{}}
		if rule.Below != nil {
			if p := b.own(s, rule.Below.Property); p >= 0 {
				f := b.field(p)
				bound.conv, bound.Props = &limit{f: *f, at: rule.Below.Limit}, []int{p}
			}
		}
		b.events[on] = append(b.events[on], occurrence{entity: len(b.entities), word: "ON", latch: true})
		if off >= 0 {
			b.events[off] = append(b.events[off], occurrence{entity: len(b.entities), word: "OFF", latch: true})
		}
		b.add(Entity{
			ID: id, Component: "binary_sensor", Name: rule.Name, DeviceClass: rule.Class, Category: rule.Category,
			Enabled: !service.Vendor, Rule: "latches/" + rule.Rule, Binds: []Bind{bound},
		}, detail{service: s})
	}
}

// event finds an event by name; -1 when it is not there.
func (b *builder) event(events []int, name string) int {
	for _, i := range events {
		if name != "" && b.spec.Events[i].Name == name {
			return i
		}
	}
	return -1
}

// own finds a readable property of a service by name; -1 when there is none.
func (b *builder) own(s int, name string) int {
	return slices.IndexFunc(b.spec.Props, func(p mi.Property) bool {
		return p.Service == s && p.Name == name && p.Access&(mi.Read|mi.Notify) != 0
	})
}

// latched is a state that only events change, so there is nothing to render.
type latched struct{ readOnly }

func (latched) render([]mi.Value) (string, bool) { return "", true }

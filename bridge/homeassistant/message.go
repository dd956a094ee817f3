// Package homeassistant turns a device and its entities into MQTT discovery
// messages, as Home Assistant 2026.11, openHAB and Domoticz read them. It is
// pure: the same device always gives the same bytes, sorted and without
// templates, so that only what changed is published.
package homeassistant

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// Form is a form of discovery.
type Form string

// The forms of discovery.
const (
	// DeviceForm is one message per device: Home Assistant and openHAB from 5.2.
	DeviceForm Form = "device"
	// SingleForm is one message per entity, in the dialect that Domoticz and
	// every openHAB understand: no kelvin, no fans without speeds.
	SingleForm Form = "single"
)

// Message is one retained discovery message. An empty payload removes what the
// topic announced.
type Message struct {
	Topic   string
	Payload []byte
}

// Options are what all messages of a bridge share.
type Options struct {
	Layout     topic.Layout
	Version    string              // of the bridge
	SupportURL string              // where to ask for help; "" leaves it out
	Areas      bool                // suggest the device's room as its area
	Account    bool                // announce how the Xiaomi accounts are
	Translate  func(string) string // names of our own entities; nil leaves them English
}

func (o Options) say(english string) string {
	if o.Translate == nil {
		return english
	}
	return o.Translate(english)
}

const product = "mihome2mqtt"

// Messages returns the messages that announce d with the entities of m below
// prefix, sorted by topic. Without a model (the spec is not there yet) only the
// diagnostics are announced.
func Messages(form Form, prefix string, d Device, m *entity.Model, opt Options) []Message {
	entities := 0
	if m != nil {
		entities = len(m.Entities)
	}
	w := newWriter(form, d, entities, opt)
	w.shared = availability(opt.Layout.BridgeAvailability(), opt.Layout.Availability(d.ID))
	if m != nil {
		for i := range m.Entities {
			w.entity(&m.Entities[i], d.name())
		}
	}
	w.diagnostics(d, m == nil)
	return w.messages(prefix)
}

// availability is the value of the key of the same name. The device's own topic
// comes last, because Domoticz obeys only the last one.
func availability(topics ...string) string {
	b := append(make([]byte, 0, 64*len(topics)+2), '[')
	for i, t := range topics {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(append(b, `{"topic":`...), t), '}')
	}
	return string(append(b, ']'))
}

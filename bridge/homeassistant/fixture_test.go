package homeassistant

import (
	"encoding/json"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// opt is what every test announces with.
var opt = Options{
	Layout:     topic.Layout{Base: "mihome2mqtt"},
	Version:    "1.0.0",
	SupportURL: "https://example.org/mihome2mqtt",
	Areas:      true,
}

func both(role entity.Role, options ...string) entity.Bind {
	return entity.Bind{Role: role, State: true, Command: true, Options: options}
}

func state(role entity.Role, options ...string) entity.Bind {
	return entity.Bind{Role: role, State: true, Options: options}
}

func command(role entity.Role, options ...string) entity.Bind {
	return entity.Bind{Role: role, Command: true, Options: options}
}

func limits(b entity.Bind, low, high, step float64) entity.Bind {
	b.Min, b.Max, b.Step = low, high, step
	return b
}

// one is an entity as the rules make it: enabled, with a name.
func one(component, id, name string, binds ...entity.Bind) entity.Entity {
	return entity.Entity{ID: id, Component: component, Name: name, Enabled: true, Binds: binds}
}

// fading makes a light take the time of a change.
func fading(e entity.Entity) entity.Entity {
	e.Fades = true
	return e
}

func lamp() entity.Entity {
	e := one("light", "light_2", "", both("json"), both("json_mired"), both("state"), limits(both("brightness"), 0, 255, 1),
		limits(both("color_temp"), 2700, 6500, 1), both("rgb"), both("hs"), both("effect", "Day", "Night"))
	e.Main = true
	return e
}

func model(entities ...entity.Entity) *entity.Model { return &entity.Model{Entities: entities} }

// object is a decoded discovery payload.
type object map[string]any

func decode(t *testing.T, payload []byte) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(payload, &o); err != nil {
		t.Fatalf("payload is not JSON: %v\n%s", err, payload)
	}
	return o
}

// components announces entities in the device form and returns the components.
func components(t *testing.T, entities ...entity.Entity) map[string]object {
	t.Helper()
	d := Device{ID: "42", Name: "Thing"}
	messages := Messages(DeviceForm, "homeassistant", d, model(entities...), opt)
	if len(messages) != 1 {
		t.Fatalf("got %d messages, want 1", len(messages))
	}
	out := map[string]object{}
	for id, c := range decode(t, messages[0].Payload)["components"].(map[string]any) {
		out[id] = c.(map[string]any)
	}
	return out
}

// singles announces entities in the single form and returns the payloads by
// topic.
func singles(t *testing.T, entities ...entity.Entity) map[string]object {
	t.Helper()
	out := map[string]object{}
	for _, m := range Messages(SingleForm, "domoticz", Device{ID: "42", Name: "Thing"}, model(entities...), opt) {
		out[m.Topic] = decode(t, m.Payload)
	}
	return out
}

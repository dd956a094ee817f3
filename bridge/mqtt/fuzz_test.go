package mqtt

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// still is a bridge that is not connected.
func still(f testing.TB) *Home {
	h, err := New(Options{World: testWorld(), Log: zerolog.Nop(), Rules: &entity.Rules{}, Raw: true, Targets: []Target{{"homeassistant", homeassistant.DeviceForm}}})
	if err != nil {
		f.Fatal(err)
	}
	h.build = lampModel
	devices := device.New(device.Options{World: h.opt.World, View: h, Known: []mi.Info{{DID: "d1", Model: "acme.light.one", Token: "1"}}})
	h.devices = devices
	h.Opened(devices.Device("d1"), sharedLamp)
	h.out.began, h.out.open, h.lock.up = true, true, true
	return h
}

func FuzzArrival(f *testing.F) {
	for _, topic := range []string{
		"mihome2mqtt/d1/p2_1/state/set", "mihome2mqtt/d1/command/play_er/say", "mihome2mqtt/bridge/request/rename", "mihome2mqtt/bridge/request/set",
		"homeassistant/status", "homeassistant/device/mihome2mqtt_d1/config", "mihome2mqtt/bridge/instance", "mihome2mqtt/bridge/availability",
	} {
		f.Add(topic, []byte(`{"id":"d1","name":"x","key":"p2_2","value":[1]}`), false)
		f.Add(topic, []byte("ON"), true)
	}
	h := still(f)
	f.Fuzz(func(t *testing.T, topic string, payload []byte, retained bool) {
		h.arrived(arrival{topic: topic, payload: payload, retained: retained, sure: true})
		h.out.mu.Lock()
		defer h.out.mu.Unlock()
		for _, m := range h.out.momentary {
			if len(m.topic) > 100 || !utf8.ValidString(m.topic) || m.retained && m.topic != h.lock.topic {
				t.Errorf("publishes on %q, retained %v", m.topic, m.retained)
			}
		}
		h.out.momentary = nil
	})
}

func FuzzRequest(f *testing.F) {
	f.Add("rename", []byte(`{"id":"d1","name":"x","transaction":{"a":1}}`))
	f.Add("get", []byte(`d1`))
	f.Add("set", []byte(`{"id":"d1","key":"light/level","value":1e400}`))
	f.Add("action", []byte(`{"id":"d1","action":"a3_1","args":[null]}`))
	h := still(f)
	f.Fuzz(func(t *testing.T, verb string, payload []byte) {
		h.request(verb, arrival{topic: h.topics.Request(verb), payload: payload})
		h.out.mu.Lock()
		defer h.out.mu.Unlock()
		for _, m := range h.out.momentary {
			if !json.Valid([]byte(m.payload)) {
				t.Errorf("answer is no JSON: %q", m.payload)
			}
		}
		h.out.momentary = nil
	})
}

func FuzzURL(f *testing.F) {
	f.Add("mqtts://pi4:8883")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseURL(text)
		if err != nil {
			return
		}
		if again, err := parseURL(a.String()); err != nil || again.host != a.host || again.tls != a.tls {
			t.Errorf("parseURL(%q) = %v, and that reads as %v, %v", text, a, again, err)
		}
	})
}

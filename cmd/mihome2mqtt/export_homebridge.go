package main

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
)

// accessory is one of homebridge-mqttthing:
// https://github.com/arachnetech/homebridge-mqttthing/blob/master/docs/Accessories.md
type accessory struct {
	Accessory string         `json:"accessory"`
	Type      string         `json:"type"`
	Name      string         `json:"name"`
	URL       string         `json:"url"`
	On        string         `json:"onValue,omitempty"`
	Off       string         `json:"offValue,omitempty"`
	Online    string         `json:"onlineValue"`
	Offline   string         `json:"offlineValue"`
	Topics    map[string]any `json:"topics"`
	Presses   []string       `json:"switchValues,omitempty"`
}

// applied is a topic whose value is another one to HomeKit.
type applied struct {
	Topic string `json:"topic"`
	Apply string `json:"apply"`
}

// homebridge writes accessories for the list in Homebridge's config.json. What
// HomeKit knows nothing of is left out.
func homebridge(d *exported) string {
	byEntity, all := map[string]*accessory{}, []*accessory{}
	for i := range d.parts {
		t := &d.parts[i]
		entity := strings.TrimSuffix(t.id, "_"+t.role)
		if byEntity[entity] == nil {
			byEntity[entity] = newAccessory(d, t)
			all = append(all, byEntity[entity])
		}
		byEntity[entity].take(t)
	}
	all = slices.DeleteFunc(all, func(a *accessory) bool { return a.Type == "" })
	unlike(all)
	return indented(all)
}

func newAccessory(d *exported, t *part) *accessory {
	return &accessory{
		Accessory: "mqttthing", Name: strings.TrimSpace(d.name + " " + t.entity), URL: "mqtt://" + net.JoinHostPort(d.host, d.port),
		Online: "online", Offline: "offline", Topics: map[string]any{"getOnline": d.availability},
	}
}

// unlike numbers accessories of the same name: Homebridge takes each name once.
func unlike(all []*accessory) {
	seen := map[string]int{}
	for _, a := range all {
		seen[a.Name]++
		if n := seen[a.Name]; n > 1 {
			a.Name += fmt.Sprintf(" %d", n)
		}
	}
}

// indented writes JSON for people.
func indented(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil { // there is nothing in it that JSON does not know
		panic(err)
	}
	return b.String()
}

// sensors are the types and topics for classes of sensors.
var sensors = map[string][2]string{
	"motion": {"motionSensor", "getMotionDetected"}, "occupancy": {"occupancySensor", "getOccupancyDetected"}, "presence": {"occupancySensor", "getOccupancyDetected"},
	"door": {"contactSensor", "getContactSensorState"}, "window": {"contactSensor", "getContactSensorState"}, "opening": {"contactSensor", "getContactSensorState"},
	"moisture": {"leakSensor", "getLeakDetected"}, "smoke": {"smokeSensor", "getSmokeDetected"},
	"temperature": {"temperatureSensor", "getCurrentTemperature"}, "humidity": {"humiditySensor", "getCurrentRelativeHumidity"},
	"illuminance": {"lightSensor", "getCurrentAmbientLightLevel"},
}

// take adds a topic to an accessory, if HomeKit has a use for it.
func (a *accessory) take(t *part) {
	sensor, isSensor := sensors[t.class]
	switch {
	case isSensor && t.state && !t.command && t.role == "state":
		a.Type = sensor[0]
		a.Topics[sensor[1]] = t.topic
	case t.kind == onOff && t.command && (t.role == "state" || t.role == "power"):
		a.Type = map[string]string{"light": "lightbulb", "fan": "fan"}[t.component]
		if a.Type == "" {
			a.Type = "switch"
		}
		a.pair("On", t, "", "")
	case t.kind == trigger:
		a.Type, a.Presses = "statelessProgrammableSwitch", t.options[:min(3, len(t.options))]
		a.Topics["getSwitch"] = t.topic
	default:
		a.tune(t)
		return
	}
	if t.kind == onOff {
		a.On, a.Off = "ON", "OFF"
	}
}

// tune adds what a light, fan or curtain has besides being on.
func (a *accessory) tune(t *part) {
	switch t.component + " " + t.role {
	case "light brightness":
		a.percent("Brightness", t)
	case "light color_temp": // HomeKit counts in mired
		a.pair("ColorTemperature", t, "return Math.round(1000000 / message)", "return Math.round(1000000 / message)")
	case "fan percentage":
		a.percent("RotationSpeed", t)
	case "cover position":
		a.Type = "windowCovering"
		a.Topics["getCurrentPosition"], a.Topics["getTargetPosition"], a.Topics["setTargetPosition"] = t.topic, t.topic, t.set()
	}
}

// percent adds what HomeKit counts from 0 to 100.
func (a *accessory) percent(name string, t *part) {
	if t.max == 100 || t.max <= t.min {
		a.pair(name, t, "", "")
		return
	}
	a.pair(name, t, fmt.Sprintf("return Math.round(message * 100 / %s)", short(t.max)), fmt.Sprintf("return Math.round(message * %s / 100)", short(t.max)))
}

// pair adds the two topics of what can be read and set, with what makes HomeKit's
// value of ours and ours of HomeKit's.
func (a *accessory) pair(name string, t *part, in, out string) {
	a.Topics["get"+name], a.Topics["set"+name] = any(t.topic), any(t.set())
	if in != "" {
		a.Topics["get"+name], a.Topics["set"+name] = applied{t.topic, in}, applied{t.set(), out}
	}
}

package bridge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Devices implements web.Bridge.
func (p *pages) Devices() []web.Device {
	all := p.b.home.All()
	out := make([]web.Device, len(all))
	for i, d := range all {
		out[i] = p.brief(d)
	}
	return out
}

// Brief implements web.Bridge.
func (p *pages) Brief(id string) (web.Device, bool) {
	d := p.b.home.Device(id)
	if d == nil {
		return web.Device{}, false
	}
	return p.brief(d), true
}

func (p *pages) brief(d *device.Device) web.Device {
	info, how := d.Info(), p.watch.Standing(d)
	out := web.Device{
		ID: d.ID(), DID: info.DID, Name: mqtt.CleanName(d.Name()), Room: mqtt.CleanName(info.Room), Model: info.Model, Icon: "device", Address: mi.Host(info.Addr),
		State: how.State, Route: how.Route, LastSeen: how.LastSeen, Trouble: how.Trouble, Hidden: how.Hidden,
	}
	if spec := d.Spec(); spec != nil {
		out.Kind, out.Icon = spec.Text, iconOf(spec.Type)
	}
	return out
}

// iconsByType are the pictures for types of devices; the first part found counts.
var iconsByType = []struct{ part, icon string }{
	{"purifier", "air"}, {"fresh-air", "air"}, {"light", "lamp"}, {"lamp", "lamp"}, {"outlet", "plug"}, {"plug", "plug"}, {"switch", "plug"},
	{"television", "tv"}, {"tv", "tv"}, {"cook", "cooker"}, {"kettle", "cooker"}, {"oven", "cooker"}, {"pot", "cooker"}, {"fryer", "cooker"},
	{"motion", "motion"}, {"occupancy", "motion"}, {"vacuum", "vacuum"}, {"curtain", "curtain"}, {"camera", "camera"}, {"router", "router"},
	{"gateway", "gateway"}, {"fan", "fan"}, {"speaker", "speaker"}, {"air-condition", "climate"}, {"heater", "climate"}, {"thermostat", "climate"},
	{"humidifier", "water"}, {"valve", "water"}, {"leak", "water"}, {"lock", "lock"}, {"health", "user"},
}

func iconOf(kind string) string {
	for _, i := range iconsByType {
		if strings.Contains(kind, i.part) {
			return i.icon
		}
	}
	return "device"
}

// telling are device classes by how much they say about a device.
var telling = []string{"pm25", "carbon_dioxide", "temperature", "motion", "occupancy", "door", "moisture", "smoke", "power", "illuminance", "humidity", "battery"}

// Main implements web.Bridge: the device's own entity, else its most telling sensor,
// else its first state.
func (p *pages) Main(id string) string {
	look, ok := p.b.topics.Look(id)
	if !ok {
		return ""
	}
	best, rank := "", 1<<20
	for i := range look.Model.Entities {
		e := &look.Model.Entities[i]
		if !e.Enabled {
			continue
		}
		if r := importance(e); r < rank {
			if text := p.mainText(look, i); text != "" {
				best, rank = text, r
			}
		}
	}
	return best
}

func importance(e *entity.Entity) int {
	class := slices.Index(telling, e.DeviceClass)
	switch {
	case class == 0 || class == 1: // air quality says more than that the fan is on
		return class
	case e.Main:
		return 2
	case class >= 0:
		return 3 + class
	case e.Component == "switch" || e.Component == "light":
		return 20
	case e.Category != "":
		return 40
	}
	return 30
}

func (p *pages) mainText(look mqtt.Look, i int) string {
	e := &look.Model.Entities[i]
	for _, role := range []entity.Role{"state", "activity", "mode", "power"} {
		b := bindOf(e, role)
		if b == nil || !b.State || e.Component == "vacuum" && role == "state" {
			continue
		}
		r := p.reading(look, i, b)
		if r.Value == nil || *r.Value == "None" {
			continue
		}
		if e.Main || e.Name == "" {
			return r.Text
		}
		return e.Name + " " + r.Text
	}
	return ""
}

func bindOf(e *entity.Entity, role entity.Role) *entity.Bind {
	for i := range e.Binds {
		if e.Binds[i].Role == role {
			return &e.Binds[i]
		}
	}
	return nil
}

// Readings implements web.Bridge.
func (p *pages) Readings(id string, entities []string) (out []web.Reading) {
	look, ok := p.b.topics.Look(id)
	if !ok {
		return nil
	}
	for i := range look.Model.Entities {
		e := &look.Model.Entities[i]
		if !slices.Contains(entities, e.ID) {
			continue
		}
		for k := range e.Binds {
			if e.Binds[k].State {
				out = append(out, p.reading(look, i, &e.Binds[k]))
			}
		}
	}
	return out
}

// reading is what stands on a role's topic, and the same for people.
func (p *pages) reading(look mqtt.Look, i int, b *entity.Bind) web.Reading {
	e := &look.Model.Entities[i]
	r := web.Reading{Entity: e.ID, Role: string(b.Role), Unit: unitOf(e, b.Role), Text: "–"}
	text, known := look.Text(i, b.Role)
	if !known {
		return r
	}
	r.Value = &text
	if text == "None" || text == "" {
		return r
	}
	r.Text = human(e, b, text)
	if r.Unit != "" {
		r.Text += " " + r.Unit
	}
	return r
}

func unitOf(e *entity.Entity, role entity.Role) string {
	switch role {
	case "state":
		return e.Unit
	case "percentage", "position", "current_humidity", "target_humidity":
		return "%"
	case "temperature", "current_temperature":
		return "°C"
	case "color_temp":
		return "K"
	}
	return ""
}

// human writes what stands on a topic as people say it.
func human(e *entity.Entity, b *entity.Bind, text string) string {
	switch {
	case text == "ON" && e.Component == "binary_sensor":
		return cmp.Or(yes[e.DeviceClass], "Yes")
	case text == "OFF" && e.Component == "binary_sensor":
		return cmp.Or(no[e.DeviceClass], "No")
	case b.Role == "brightness":
		return percent(text, b)
	case len(b.Options) > 0 || !plainWord(text):
		return text
	}
	words := strings.ReplaceAll(strings.ToLower(text), "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

var yes = map[string]string{"door": "Open", "window": "Open", "opening": "Open", "motion": "Motion", "occupancy": "Somebody", "moisture": "Wet", "battery": "Low", "problem": "Problem", "connectivity": "Connected", "smoke": "Smoke", "gas": "Gas"}

var no = map[string]string{"door": "Closed", "window": "Closed", "opening": "Closed", "motion": "Still", "occupancy": "Nobody", "moisture": "Dry", "battery": "Good", "problem": "None", "connectivity": "Away", "smoke": "None", "gas": "None"}

// plainWord reports whether text is one word of a platform, such as ON or cleaning.
func plainWord(text string) bool {
	letter := false
	for _, c := range text {
		letter = letter || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return letter && (strings.ToLower(text) == text || strings.ToUpper(text) == text)
}

// percent writes a level of a range in percent.
func percent(text string, b *entity.Bind) string {
	level, ok := mi.Text(text).Float()
	if !ok || b.Max <= b.Min {
		return text
	}
	return fmt.Sprintf("%.0f %%", 100*(level-b.Min)/(b.Max-b.Min))
}

// Device implements web.Bridge.
func (p *pages) Device(id string) *web.Detail {
	d := p.b.home.Device(id)
	if d == nil {
		return nil
	}
	info, chosen := d.Info(), d.Choice()
	layout := topic.Layout{Base: p.b.opt.Config.BaseTopic}
	out := &web.Detail{
		Device: p.brief(d), Firmware: info.Firmware, Hardware: info.Hardware, MAC: info.MAC, Topic: layout.Base + "/" + d.ID(),
		Entities: []web.Entity{}, Properties: []web.Property{}, Actions: []web.Action{}, Events: []web.Event{}, Ways: ways(d), Snippets: []web.Snippet{},
		Reach: cmp.Or(chosen.Reach, device.ReachAny), Level: cmp.Or(chosen.Detail, device.Details()[0]), Asleep: chosen.Asleep,
	}
	if parent := p.b.home.Device(info.Parent); info.Parent != "" && parent != nil {
		out.Parent = parent.ID()
	}
	p.mu.Lock()
	out.Events = append(out.Events, p.events[d.ID()]...)
	if last := p.orders[d.ID()]; last != nil {
		order := *last
		out.LastOrder = &order
	}
	p.mu.Unlock()
	if look, ok := p.b.topics.Look(d.ID()); ok {
		out.Entities, out.Snippets = p.entities(look, d.ID(), layout), p.snippets(d, look)
	}
	if spec := d.Spec(); spec != nil {
		out.Spec = spec.URN
		describe(out, spec, d.Values(nil))
	}
	return out
}

func (p *pages) entities(look mqtt.Look, id string, layout topic.Layout) []web.Entity {
	out := make([]web.Entity, 0, len(look.Model.Entities))
	for i := range look.Model.Entities {
		e := &look.Model.Entities[i]
		one := web.Entity{
			ID: e.ID, Component: e.Component, Name: e.Name, Main: e.Main, Class: e.DeviceClass, Category: e.Category, Enabled: e.Enabled,
			Danger: e.Danger, Rule: e.Rule, Roles: []web.Role{},
		}
		for k := range e.Binds {
			b := &e.Binds[k]
			one.Roles = append(one.Roles, web.Role{
				Reading: p.reading(look, i, b), State: b.State, Command: b.Command, Options: b.Options, Min: b.Min, Max: b.Max, Step: b.Step,
				Topic: layout.State(id, e.ID, string(b.Role)), Uses: b.Uses(look.Model.Spec),
			})
		}
		out = append(out, one)
	}
	return out
}

// ways are the routes to a device as it stands.
func ways(d *device.Device) []web.Way {
	online := d.Status().Online
	out := []web.Way{}
	for _, w := range d.Ways() {
		one := web.Way{Route: w.Route, State: "ready"}
		if w.Route == web.LAN || w.Route == web.Gateway {
			one.Text = mi.Host(w.Addr)
		}
		switch {
		case w.Off:
			one.State = "off"
		case w.Down:
			one.State = "failing"
		case w.Used && online:
			one.State = "in_use"
		}
		if w.Err != nil {
			one.Text = strings.TrimPrefix(one.Text+" · "+w.Err.Error(), " · ")
		}
		out = append(out, one)
	}
	return out
}

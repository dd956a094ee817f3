package pages

import (
	"cmp"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Devices implements web.Bridge.
func (p *Pages) Devices() []web.Device {
	all := p.opt.Home().All()
	out := make([]web.Device, len(all))
	for i, d := range all {
		out[i] = p.brief(d)
	}
	return out
}

// Brief implements web.Bridge.
func (p *Pages) Brief(id string) (web.Device, bool) {
	d := p.opt.Home().Device(id)
	if d == nil {
		return web.Device{}, false
	}
	return p.brief(d), true
}

func (p *Pages) brief(d *device.Device) web.Device {
	info, how := d.Info(), p.opt.Diagnosis.Standing(d)
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

// Device implements web.Bridge.
func (p *Pages) Device(id string) *web.Detail {
	d := p.opt.Home().Device(id)
	if d == nil {
		return nil
	}
	info, chosen := d.Info(), d.Choice()
	layout := topic.Layout{Base: p.opt.Config.BaseTopic}
	out := &web.Detail{
		Device: p.brief(d), Firmware: info.Firmware, Hardware: info.Hardware, MAC: info.MAC, Topic: layout.Base + "/" + d.ID(),
		Entities: []web.Entity{}, Properties: []web.Property{}, Actions: []web.Action{}, Events: []web.Event{}, Ways: ways(d), Snippets: []web.Snippet{},
		Reach: cmp.Or(chosen.Reach, device.ReachAny), Level: cmp.Or(chosen.Detail, device.Details()[0]), Asleep: chosen.Asleep,
	}
	if parent := p.opt.Home().Device(info.Parent); info.Parent != "" && parent != nil {
		out.Parent = parent.ID()
	}
	events, last := p.diary.read(d.ID())
	out.Events, out.LastOrder = append(out.Events, events...), last
	if look, ok := p.opt.Topics.Look(d.ID()); ok {
		out.Entities, out.Snippets = p.entities(look, d.ID(), layout), p.snippets(d, look)
	}
	if spec := d.Spec(); spec != nil {
		out.Spec = spec.URN
		describe(out, spec, d.Values(nil))
	}
	return out
}

func (p *Pages) entities(look mqtt.Look, id string, layout topic.Layout) []web.Entity {
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

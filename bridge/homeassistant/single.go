package homeassistant

import (
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

// RoleMired is the role of a light whose JSON has its colour temperature in
// mired. Only the single form announces it, so that a bridge without one need
// not publish it.
const RoleMired entity.Role = "json_mired"

// singleNeeds are the roles without whose command Domoticz drops a component.
var singleNeeds = map[string][]entity.Role{"fan": {"percentage"}, "climate": {"temperature"}}

// singleLight announces a light for Domoticz: it sends brightness as a bare number to
// the command topic of any light that is not JSON, so only a light that merely
// switches is announced as plain.
func singleLight(e *entity.Entity) platform {
	p := platforms["light"]
	if find(e, "brightness") == nil && find(e, "effect") == nil && colorModes(e)[0] == "onoff" {
		return platform{roles: map[entity.Role]keys{"state": twoWay}, optimistic: true}
	}
	if find(e, RoleMired) != nil {
		p.roles = map[entity.Role]keys{RoleMired: twoWay}
	}
	return p
}

// parts announces a composite that its platform would refuse as the switches,
// selects and numbers it consists of. The first keeps the id and the name.
func (w *writer) parts(e *entity.Entity, deviceName string) {
	for n, b := range orders(e) {
		part := entity.Entity{
			ID: e.ID, Component: partComponent(b), Name: e.Name, Main: e.Main, Icon: e.Icon,
			Category: e.Category, Enabled: e.Enabled, Assumed: e.Assumed,
		}
		if n > 0 {
			part.ID += "_" + string(b.Role)
			part.Main = false
			part.Name = capital(strings.TrimSpace(e.Name + " " + strings.ReplaceAll(string(b.Role), "_", " ")))
		}
		p := platforms[part.Component]
		w.begin(part.Component, part.ID)
		w.describe(&part, p, shownName(&part, deviceName))
		w.role(e, b, p.roles["state"])
		w.finish()
	}
}

// orders returns the roles of e that can stand alone, the switch first. Readings
// are left out: they are sensors of their own already.
func orders(e *entity.Entity) []*entity.Bind {
	var alone []*entity.Bind
	for i := range e.Binds {
		b := &e.Binds[i]
		switch {
		case !b.Command || partComponent(b) == "":
		case b.Role == "state" || b.Role == "power":
			alone = slices.Insert(alone, 0, b)
		default:
			alone = append(alone, b)
		}
	}
	return alone
}

// partComponent says what one role becomes when it stands alone; "" is nothing.
func partComponent(b *entity.Bind) string {
	switch {
	case b.Role == "state" || b.Role == "power" || b.Role == "oscillation":
		return "switch"
	case len(b.Options) > 0:
		return "select"
	case b.Min < b.Max:
		return "number"
	}
	return ""
}

// survivor is the object id under which Domoticz keeps a component: it throws
// away some names, whatever they belong to.
func survivor(platform, id string) string {
	if !dropped(platform, id) {
		return id
	}
	if safe := id + "_value"; !dropped(platform, safe) {
		return safe
	}
	return strings.ReplaceAll(id, "_", "-") + "-value"
}

func dropped(platform, id string) bool {
	if slices.Contains(droppedIDs, id) || containsAny(id, "_address", "_ssid", "_signal_sensor") {
		return true
	}
	if platform != "sensor" {
		return false
	}
	return strings.HasSuffix(id, "_min") || strings.HasSuffix(id, "_max") || strings.HasPrefix(id, "min_") ||
		strings.HasPrefix(id, "max_") || containsAny(id, "_sensitivity", "_alarm", "_calibration")
}

// droppedIDs are the object ids that Domoticz ignores.
var droppedIDs = []string{
	"update_available", "update_state", "power_on_behavior", "power_outage_memory", "over-load_status", "linkquality",
	"last_seen", "sensitivity", "color_temp_startup", "requested_brightness_level", "requested_brightness_percent",
	"hardware_status", "connection_state", "log_level", "restart",
}

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
}

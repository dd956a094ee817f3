package entity

import (
	"slices"
	"strings"
)

// The classes of Entity.Danger. They are code and no mapping, so that no
// mapping file can make a thing harmless that is not.
const (
	DangerStop    = "stop"    // breaks off what runs
	DangerUnlock  = "unlock"  // opens a door or a lock
	DangerErase   = "erase"   // loses data or settings
	DangerRestart = "restart" // reboots the device
	DangerUpdate  = "update"  // changes its firmware or maps
	DangerCook    = "cook"    // heats unattended
	DangerGas     = "gas"     // opens a gas valve
	DangerGate    = "gate"    // moves a gate or garage door
	DangerAlarm   = "alarm"   // arms and disarms
)

// Dangers lists the classes of Entity.Danger.
func Dangers() []string {
	return []string{
		DangerStop, DangerUnlock, DangerErase, DangerRestart, DangerUpdate, DangerCook, DangerGas, DangerGate, DangerAlarm,
	}
}

// unasked reports a class that is never shown without the user asking for it.
func unasked(danger string) bool {
	switch danger {
	case DangerStop, DangerUnlock, DangerErase, DangerRestart, DangerUpdate:
		return true
	}
	return false
}

// danger judges an action, or a property that is written, by its name.
func danger(service, name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == ' ' || r == '.' })
	whole := strings.Join(words, "")
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(whole, p) })
	}
	word := func(any ...string) bool {
		return slices.ContainsFunc(any, func(w string) bool { return slices.Contains(words, w) })
	}
	switch {
	case has("unlock", "opendoor", "openlock", "dooropen"):
		return DangerUnlock
	case has("erase", "delete", "reset", "factory", "remove", "unbind", "popup"), word("format", "clear", "del", "restore", "eject", "clean-data"):
		return DangerErase
	case has("reboot", "restart"):
		return DangerRestart
	case has("upgrade", "update", "firmware"), word("ota"):
		return DangerUpdate
	case strings.HasPrefix(whole, "stop"), strings.HasPrefix(whole, "cancel"), whole == "alloff":
		return DangerStop
	case has("startcook", "startrecipe"), cooks(service) && strings.HasPrefix(whole, "start"):
		return DangerCook
	case has("garage"), word("gate"), strings.Contains(service, "garage"):
		return DangerGate
	case strings.Contains(service, "gas") && has("valve"):
		return DangerGas
	case has("disarm", "armingmode"):
		return DangerAlarm
	}
	return ""
}

func cooks(service string) bool {
	for _, part := range []string{"cook", "oven", "fryer", "stove", "juicer", "pot"} {
		if strings.Contains(service, part) {
			return true
		}
	}
	return false
}

// danger judges what a composite is for.
func (c *composite) danger() string {
	service := c.spec.Services[c.service].Name
	switch c.entity.Component {
	case "lock":
		return DangerUnlock
	case "alarm_control_panel":
		return DangerAlarm
	case "valve":
		if c.entity.DeviceClass == "gas" || strings.Contains(service, "gas") {
			return DangerGas
		}
	case "cover":
		if c.entity.DeviceClass == "garage" || c.entity.DeviceClass == "gate" {
			return DangerGate
		}
	}
	return danger(service, "")
}

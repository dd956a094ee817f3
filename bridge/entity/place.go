package entity

import (
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// tracker is the composite of what knows where it is, or whether it is at home.
func (c *composite) tracker() bool {
	if f := c.prop("connected"); f != nil && f.readable() {
		at := c.newOnoff(f)
		at.no, at.yes = "not_home", "home"
		b := bind("state", at, f)
		b.Command = false
		c.bind(b)
		return true
	}
	lat, long := c.prop("latitude"), c.prop("longitude")
	if lat == nil || long == nil || !lat.readable() || !long.readable() {
		return false
	}
	t := &location{latitude: *lat, longitude: *long}
	b := bind("attributes", t, lat, long)
	b.Command = false
	c.bind(b)
	return true
}

// location is the JSON of a device tracker.
type location struct {
	readOnly
	latitude, longitude field
}

func (c *location) render(values []mi.Value) (string, bool) {
	lat, okLat := c.latitude.value(values).Float()
	long, okLong := c.longitude.value(values).Float()
	if !okLat || !okLong || lat < -90 || lat > 90 || long < -180 || long > 180 {
		return "{}", !okLat || !okLong
	}
	out := append(append(make([]byte, 0, 64), `{"latitude":`...), plain(lat)...)
	out = append(append(out, `,"longitude":`...), plain(long)...)
	return string(append(out, '}')), true
}

// alarm is the composite of an alarm panel. Its states are Home Assistant's
// (armed_away), its commands as well (ARM_AWAY).
func (c *composite) alarm() bool {
	f := c.prop("state")
	if f == nil {
		return false
	}
	list := c.newChoice(f)
	if list == nil {
		return false
	}
	a := &panel{choice: list, states: make([]string, len(list.words))}
	b := bind("state", a, f)
	for i, label := range list.words {
		a.states[i] = c.word("state", label)
		if word := armCommand(a.states[i]); word != "" {
			b.Options = append(b.Options, word)
		}
	}
	if len(b.Options) == 0 {
		return false
	}
	c.bind(b)
	return true
}

// armCommand is the command that leads to a state; "" when none does.
func armCommand(state string) string {
	switch state {
	case "disarmed":
		return "DISARM"
	case "armed_away", "armed_home", "armed_night", "armed_vacation", "armed_custom_bypass":
		return "ARM_" + strings.ToUpper(strings.TrimPrefix(state, "armed_"))
	}
	return ""
}

// panel is the arming mode of an alarm.
type panel struct {
	*choice
	states []string
}

func (c *panel) render(values []mi.Value) (string, bool) {
	if at := c.at(values); at >= 0 && c.states[at] != "" {
		return c.states[at], true
	}
	return none, !c.f.value(values).Known()
}

func (c *panel) order(payload string, _ []mi.Value, o *mi.Order) error {
	word := strings.ToUpper(strings.TrimSpace(payload))
	var known []string
	for i := range c.states {
		command := armCommand(c.states[i])
		if command == "" {
			continue
		}
		if command == word {
			return c.f.set(c.values[i], o)
		}
		known = append(known, command)
	}
	return invalid("%q is not a command; send one of: %s", cut(payload, 40), strings.Join(known, ", "))
}

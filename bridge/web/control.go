package web

import (
	"slices"
	"strconv"
	"strings"
)

// control is one thing on a device's page that can be set.
type control struct {
	Key    string // "fan_2/preset_mode"
	HTMLID string
	Label  string
	Widget string // switch, select, range, buttons, text, colour
	Role   Role
	Now    string // its value as on the topic; "" when unknown
	On     bool   // of a switch
	Known  bool
	Words  []option
	Danger string
}

// option is one word that a control takes.
type option struct {
	Value, Word string
	Chosen      bool
}

// reading is one value on a device's page.
type reading struct {
	Reading
	Label string
	Topic string
}

// skipped are roles whose facts another role shows better.
var skipped = []string{"json", "hs", "event", "trigger", "attributes", "image", "send_command", "json_mired"}

// pressed are components whose orders are no state: the words are buttons.
var pressed = []string{"cover", "valve", "lock", "alarm_control_panel", "lawn_mower"}

// switched are components whose state is on or off.
var switched = []string{"switch", "light", "fan", "humidifier", "siren", "climate", "water_heater"}

// panel sorts the roles of a device into what can be set and what can be read.
// Entities that are off from the start are left to the list of properties.
func (p *page) panel(d *Detail) (controls []control, readings []reading) {
	for i := range d.Entities {
		e := &d.Entities[i]
		if !e.Enabled || e.Component == "command" {
			continue
		}
		for k := range e.Roles {
			r := &e.Roles[k]
			switch {
			case slices.Contains(skipped, r.Role):
			case r.Command:
				controls = append(controls, p.control(d, e, r))
			case r.State && !(e.Component == "vacuum" && r.Role == "state"):
				readings = append(readings, reading{r.Reading, p.label(e, r), r.Topic})
			}
			if r.Command && r.State && slices.Contains(pressed, e.Component) && r.Role == "state" {
				readings = append(readings, reading{r.Reading, p.label(e, r), r.Topic})
			}
		}
	}
	return controls, readings
}

// label names a role: by its entity when that says it all.
func (p *page) label(e *Entity, r *Role) string {
	word, ok := roleWords[r.Role]
	if !ok {
		word = sentence(strings.ReplaceAll(r.Role, "_", " "))
	}
	main := r.Role == "state" || r.Role == "press" || r.Role == "message"
	switch {
	case main && e.Name != "":
		return e.Name
	case main:
		return p.T(word)
	case e.Name != "" && !composite(e):
		return e.Name + ": " + p.T(word)
	}
	return p.T(word)
}

// composite reports whether the entity stands for the device itself.
func composite(e *Entity) bool { return e.Main }

var roleWords = map[string]string{
	"state": "Power", "press": "Press", "percentage": "Speed", "preset_mode": "Mode", "oscillation": "Swing", "brightness": "Brightness",
	"color_temp": "Colour temperature", "rgb": "Colour", "effect": "Effect", "mode": "Mode", "power": "Power", "temperature": "Wanted temperature",
	"current_temperature": "Temperature", "current_humidity": "Humidity", "target_humidity": "Wanted humidity", "fan_mode": "Fan",
	"fan_speed": "Suction", "swing_mode": "Swing", "swing_horizontal_mode": "Swing sideways", "position": "Position", "activity": "Activity",
	"command": "Command", "message": "Message", "action": "Does now", "direction": "Direction",
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func (p *page) control(d *Detail, e *Entity, r *Role) control {
	c := control{
		Key: e.ID + "/" + r.Role, HTMLID: "c-" + e.ID + "-" + r.Role, Label: p.label(e, r), Role: *r, Danger: e.Danger, Known: r.Value != nil,
	}
	if r.Value != nil {
		c.Now = *r.Value
	}
	c.Widget = widget(e, r)
	switch c.Widget {
	case "switch":
		c.On = strings.EqualFold(c.Now, "ON")
		c.Known = c.On || strings.EqualFold(c.Now, "OFF")
	case "select", "buttons":
		for _, word := range r.Options {
			c.Words = append(c.Words, option{word, p.option(e, word), word == c.Now})
		}
		if r.Role == "press" {
			c.Words = []option{{"PRESS", e.Name, false}}
		}
	case "colour":
		c.Now = hexColour(c.Now)
	}
	return c
}

// widget chooses how a role is set.
func widget(e *Entity, r *Role) string {
	switch {
	case r.Role == "press":
		return "buttons"
	case r.Role == "rgb":
		return "colour"
	case len(r.Options) == 2 && strings.EqualFold(r.Options[0], "off") && strings.EqualFold(r.Options[1], "on"):
		return "switch"
	case len(r.Options) > 0 && (!r.State || slices.Contains(pressed, e.Component)):
		return "buttons"
	case len(r.Options) > 0:
		return "select"
	case r.Max > r.Min && r.Role != "state" || r.Max > r.Min && e.Component == "number":
		return "range"
	case e.Component == "number":
		return "number"
	case slices.Contains([]string{"state", "power", "oscillation"}, r.Role) && slices.Contains(switched, e.Component):
		return "switch"
	}
	return "text"
}

// option writes a word of a platform as people read it.
func (p *page) option(e *Entity, word string) string {
	if strings.ToUpper(word) != word && strings.ToLower(word) != word {
		return word // an English label of the spec
	}
	text := sentence(strings.ReplaceAll(strings.ToLower(word), "_", " "))
	if e.Component == "select" && strings.ToUpper(word) == word {
		return word
	}
	return p.T(text)
}

// hexColour turns "r,g,b" into #rrggbb; black when it is something else.
func hexColour(text string) string {
	out := []byte("#000000")
	for i, part := range strings.SplitN(text, ",", 3) {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 8)
		if err != nil {
			return "#000000"
		}
		const digits = "0123456789abcdef"
		out[1+2*i], out[2+2*i] = digits[n>>4], digits[n&15]
	}
	return string(out)
}

// rgb turns #rrggbb into "r,g,b"; anything else stays as it is.
func rgb(text string) string {
	hex, ok := strings.CutPrefix(text, "#")
	n, err := strconv.ParseUint(hex, 16, 32)
	if !ok || err != nil || len(hex) != 6 {
		return text
	}
	return strconv.FormatUint(n>>16, 10) + "," + strconv.FormatUint(n>>8&255, 10) + "," + strconv.FormatUint(n&255, 10)
}

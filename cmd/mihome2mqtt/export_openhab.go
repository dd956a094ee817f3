package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// openhab writes a generic MQTT thing and its items, as openHAB's text files hold
// them: https://www.openhab.org/addons/bindings/mqtt.generic/
func openhab(d *exported) string {
	var things, items strings.Builder
	id := identifier(d.id)
	fmt.Fprintf(&things, "// things/%s.things: \"broker\" is the id of your MQTT broker thing\n", id)
	fmt.Fprintf(&things, "Thing mqtt:topic:broker:%s %s (mqtt:broker:broker) [ availabilityTopic=%s, payloadAvailable=\"online\", payloadNotAvailable=\"offline\" ] {\n  Channels:\n",
		id, inQuotes(d.name), inQuotes(d.availability))
	fmt.Fprintf(&items, "\n// items/%s.items\n", id)
	for i := range d.parts {
		t := &d.parts[i]
		channel, item := openhabTypes(t)
		fmt.Fprintf(&things, "    Type %s : %s %s [ %s ]\n", channel, t.id, inQuotes(t.label), strings.Join(openhabOptions(t, channel), ", "))
		if item != "" {
			fmt.Fprintf(&items, "%s mihome_%s_%s %s { channel=\"mqtt:topic:broker:%s:%s\" }\n", item, id, t.id, inQuotes(t.label), id, t.id)
		}
	}
	return things.String() + "}\n" + items.String()
}

// openhabTypes are the type of a channel and of its item; a trigger has no item.
func openhabTypes(t *part) (channel, item string) {
	switch {
	case t.kind == trigger:
		return "trigger", ""
	case t.kind == onOff && slices.Contains([]string{"door", "window", "opening", "garage_door"}, t.class):
		return "contact", "Contact"
	case t.kind == onOff:
		return "switch", "Switch"
	case t.kind == colour:
		return "colorRGB", "Color"
	case t.kind == number && slices.Contains([]string{"brightness", "percentage", "position"}, t.role):
		return "dimmer", "Dimmer"
	case t.kind == number:
		return "number", "Number"
	}
	return "string", "String"
}

func openhabOptions(t *part, channel string) (out []string) {
	add := func(name, value string) { out = append(out, name+"="+value) }
	if t.state {
		add("stateTopic", inQuotes(t.topic))
	}
	if t.command {
		add("commandTopic", inQuotes(t.set()))
	}
	switch {
	case t.kind == onOff:
		add("on", `"ON"`)
		add("off", `"OFF"`)
	case t.kind == press:
		add("allowedStates", `"PRESS"`)
	case t.kind == choice && !slices.ContainsFunc(t.options, func(o string) bool { return strings.Contains(o, ",") }):
		add("allowedStates", inQuotes(strings.Join(t.options, ",")))
	case t.kind == number && t.command && t.max > t.min:
		add("min", short(t.min))
		add("max", short(t.max))
		add("step", short(t.step))
	}
	if t.kind == number && t.unit != "" && channel == "number" {
		add("unit", inQuotes(t.unit))
	}
	return out
}

func inQuotes(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(inOneLine(text)) + `"`
}

// inOneLine leaves out what would end a line.
func inOneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, text)
}

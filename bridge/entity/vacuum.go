package entity

import (
	"encoding/json"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// robot is what the roles of a vacuum or mower share.
type robot struct {
	status *choice
	states []string // of the status entries
	speed  *choice
	orders map[string]int // command → action
	start  *onoff         // switches it, when no action does
}

// vacuum is the composite of a robot that cleans floors.
func (c *composite) vacuum() bool {
	v := c.robot([]string{"start", "pause", "stop", "return_to_base", "locate", "clean_spot"})
	var fields []*field
	if v.status != nil {
		fields = append(fields, &v.status.f)
	}
	if f := c.prop("fan_speed"); f != nil {
		if v.speed = c.newChoice(f); v.speed != nil {
			fields = append(fields, f)
		} else {
			c.release(f)
		}
	}
	if len(v.orders) == 0 && v.start == nil && v.status == nil {
		return false
	}
	b := bind("state", &vacuumState{v}, fields...)
	b.Command = false
	c.bind(b)
	c.activityBind(v)
	c.robotCommands(v)
	if v.speed != nil {
		c.bind(v.speed.listed(bind("fan_speed", v.speed, &v.speed.f)))
	}
	if len(c.spec.Actions) > 0 {
		c.bind(Bind{Role: "send_command", Command: true, conv: &anyAction{c.spec}})
	}
	c.entity.Assumed = v.status == nil
	return true
}

// robot collects status and commands.
func (c *composite) robot(commands []string) *robot {
	v := &robot{orders: map[string]int{}}
	if f := c.prop("status"); f != nil && len(f.spec.List) > 0 {
		v.status = c.newChoice(f)
		v.states = make([]string, len(v.status.words))
		for i, label := range v.status.words {
			v.states[i] = c.word("status", label)
		}
		c.moves = append(c.moves, v)
	}
	for _, word := range commands {
		if a := c.action(word); a >= 0 {
			v.orders[word] = a
		}
	}
	if _, ok := v.orders["start"]; !ok {
		if f := c.prop("start"); f != nil {
			v.start = c.newOnoff(f)
		}
	}
	return v
}

func (c *composite) activityBind(v *robot) {
	if v.status == nil {
		return
	}
	b := bind("activity", &robotActivity{robot: v}, &v.status.f)
	b.Command = false
	c.bind(b)
}

// robotCommands adds the role that takes every command word.
func (c *composite) robotCommands(v *robot) {
	b := Bind{Role: "command", Command: true, conv: &robotCommand{v}}
	for _, word := range []string{"start", "pause", "stop", "return_to_base", "locate", "clean_spot"} {
		a, ok := v.orders[word]
		if ok {
			b.Actions = append(b.Actions, a)
		}
		if ok || v.start != nil && (word == "start" || word == "stop") {
			b.Options = append(b.Options, word)
		}
	}
	if v.start != nil {
		b.Props = []int{v.start.f.prop}
	}
	if len(b.Options) > 0 {
		c.bind(b)
	}
}

// moving implements mover.
func (v *robot) moving(values []mi.Value) bool {
	switch v.word(values) {
	case "cleaning", "returning", "mowing":
		return true
	}
	return false
}

// word is the activity; "" when it is not known.
func (v *robot) word(values []mi.Value) string {
	if v.status == nil {
		return ""
	}
	if at := v.status.at(values); at >= 0 {
		if v.states[at] == "" {
			return "idle"
		}
		return v.states[at]
	}
	return ""
}

type vacuumState struct{ *robot }

func (c *vacuumState) render(values []mi.Value) (string, bool) {
	out := append(make([]byte, 0, 64), `{"state":`...)
	word := c.word(values)
	if word == "" {
		out = append(out, "null"...)
	} else {
		out = append(append(append(out, '"'), word...), '"')
	}
	if c.speed != nil {
		if at := c.speed.at(values); at >= 0 {
			out = mi.Text(c.speed.words[at]).AppendJSON(append(out, `,"fan_speed":`...))
		}
	}
	known := c.status == nil || word != "" || !c.status.f.value(values).Known()
	return string(append(out, '}')), known
}

func (c *vacuumState) order(string, []mi.Value, *mi.Order) error {
	return invalid("the state can only be read; send start, pause, stop or return_to_base to the role command")
}

type robotActivity struct {
	readOnly
	*robot
}

func (c *robotActivity) render(values []mi.Value) (string, bool) {
	if word := c.word(values); word != "" {
		return word, true
	}
	return none, !c.status.f.value(values).Known()
}

func (c *robotActivity) order(payload string, values []mi.Value, o *mi.Order) error {
	return c.readOnly.order(payload, values, o)
}

type robotCommand struct{ *robot }

func (c *robotCommand) render([]mi.Value) (string, bool) { return "", true }

func (c *robotCommand) order(payload string, values []mi.Value, o *mi.Order) error {
	word := strings.ToLower(strings.TrimSpace(payload))
	if a, ok := c.orders[word]; ok {
		run(a, o)
		return nil
	}
	if c.start != nil && (word == "start" || word == "stop") {
		return c.start.set(word == "start", o)
	}
	known := sorted(c.orders)
	if c.start != nil {
		known = append(known, "start", "stop")
	}
	return invalid("%q is not a command; send one of: %s", cut(payload, 40), strings.Join(known, ", "))
}

// anyAction runs any action of the device by its key or id, with arguments.
type anyAction struct{ spec *mi.Spec }

func (c *anyAction) render([]mi.Value) (string, bool) { return "", true }

func (c *anyAction) order(payload string, _ []mi.Value, o *mi.Order) error {
	name, args := strings.TrimSpace(payload), "[]"
	if strings.HasPrefix(name, "{") {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(name), &fields); err != nil {
			return invalid("%q is no JSON object with a command", cut(payload, 60))
		}
		var command string
		if json.Unmarshal(fields["command"], &command) != nil {
			return invalid("the JSON object lacks a command, such as {\"command\":\"vacuum/start-sweep\"}")
		}
		delete(fields, "command")
		rest, err := json.Marshal(fields)
		if err != nil {
			return invalid("%q is no JSON object with a command", cut(payload, 60))
		}
		name, args = command, string(rest)
		if list, ok := fields["args"]; ok && len(fields) == 1 {
			args = string(list)
		}
		if args == "{}" {
			args = "[]"
		}
	}
	for i := range c.spec.Actions {
		if a := &c.spec.Actions[i]; a.ID() == name || string(a.Key) == name || a.Name == name {
			return (&arguments{spec: c.spec, action: i}).order(args, nil, o)
		}
	}
	return invalid("%q is no action of this device; see its spec for their names", cut(name, 60))
}

// mower is the composite of a robot that mows.
func (c *composite) mower() bool {
	v := c.robot([]string{"start_mowing", "pause", "dock", "stop"})
	if len(v.orders) == 0 {
		return false
	}
	c.activityBind(v)
	for _, word := range sorted(v.orders) {
		a := v.orders[word]
		c.bind(Bind{Role: Role(word), Command: true, Actions: []int{a}, conv: &press{action: a}})
	}
	return true
}

package entity

import (
	"encoding/json"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// commands makes an entity of every action that no composite took, and gives
// those that one did a button all the same when a rule asks for it.
func (b *builder) commands() {
	for i := range b.spec.Actions {
		if !b.used[i] {
			b.command(i)
		}
	}
}

// inputs says what an action wants to be told.
func (b *builder) inputs(a *mi.Action) string {
	if len(a.In) == 0 {
		return "none"
	}
	if len(a.In) > 1 {
		return "many"
	}
	switch p := &b.spec.Props[a.In[0]]; b.rules.shape(p) {
	case "bool":
		return "bool"
	case "pair", "list":
		return "list"
	case "text":
		return "text"
	case "range":
		return "number"
	}
	return "many"
}

func (b *builder) command(i int) {
	a := &b.spec.Actions[i]
	service := &b.spec.Services[a.Service]
	inputs := b.inputs(a)
	rule := b.rules.actions.find(service.Name, a.Name, func(r *actionRule) bool { return r.Inputs == "" || r.Inputs == inputs })
	e := Entity{ID: a.ID(), Danger: danger(service.Name, a.Name), Rule: "actions/" + inputs, Assumed: true, Enabled: inputs == "none" && !a.Vendor && !service.Vendor}
	d := detail{service: a.Service, generic: generic(a.Name)}
	if rule != nil {
		e.Component, e.Name, e.DeviceClass, e.Category, e.Icon = rule.Component, rule.Name, rule.Class, rule.Category, rule.Icon
		if rule.Rule != "" {
			e.Rule = "actions/" + rule.Rule
		}
		if rule.Enabled != nil {
			e.Enabled = *rule.Enabled
		}
		if rule.Given {
			e.Name = cut(strings.TrimSpace(a.Text), 80)
		}
	}
	if e.Name == "" {
		e.Name = b.title(a.Name, a.Text, a.Vendor)
	}
	e.Binds = []Bind{b.callBind(&e, i, inputs)}
	if e.Component == "command" {
		e.Enabled, e.Category, e.DeviceClass = false, "", ""
	}
	switch e.Component {
	case "button", "scene", "notify", "command": // have no state
		e.Assumed = false
	}
	b.add(e, d)
}

// callBind makes the bind of an action and settles the component by its input.
func (b *builder) callBind(e *Entity, i int, inputs string) Bind {
	a := &b.spec.Actions[i]
	wanted := e.Component
	out := Bind{Role: "state", Command: true, Actions: []int{i}}
	var f *field
	if len(a.In) == 1 {
		f = &field{prop: a.In[0], spec: &b.spec.Props[a.In[0]]}
	}
	switch inputs {
	case "none":
		e.Component, out.Role, out.conv = "button", "press", &press{action: i}
		if wanted == "scene" {
			e.Component = wanted
		}
		return out
	case "text":
		e.Component, out.conv = "text", &argument{action: i, to: &text{*f}}
		if wanted == "notify" {
			e.Component, out.Role = "notify", "message"
		}
		return out
	case "list", "bool":
		if c := b.newChoice(f); c != nil {
			e.Component, out.conv = "select", &argument{action: i, to: c}
			return c.listed(out)
		}
	case "number":
		c := b.newNumber(f)
		c.sane()
		e.Component, out.conv = "number", &argument{action: i, to: c}
		return c.limited(out)
	}
	e.Component, out.Role, out.conv = "command", "command", &arguments{spec: b.spec, action: i}
	return out
}

// press runs an action without input. Nothing is what a live subscriber gets when a
// retained message is cleared, and a switch that is bound to a button says OFF when
// it is let go: neither presses.
type press struct {
	writeOnly
	action int
}

func (c *press) order(payload string, _ []mi.Value, o *mi.Order) error {
	word := strings.TrimSpace(payload)
	if on, ok := truth(word); word == "" || ok && !on {
		return invalid("%q presses nothing; send PRESS", word)
	}
	run(c.action, o)
	return nil
}

// argument runs an action with one input, which a converter reads.
type argument struct {
	writeOnly
	action int
	to     converter
}

func (c *argument) order(payload string, values []mi.Value, o *mi.Order) error {
	var input mi.Order
	if err := c.to.order(payload, values, &input); err != nil {
		return err
	}
	o.Calls = append(o.Calls, mi.Call{Action: c.action, Args: []mi.Value{input.Set[0].Value}})
	return nil
}

// arguments runs an action with inputs given as a JSON list, or as a JSON object
// by the inputs' names.
type arguments struct {
	writeOnly
	spec   *mi.Spec
	action int
}

func (c *arguments) order(payload string, _ []mi.Value, o *mi.Order) error {
	a := &c.spec.Actions[c.action]
	raw, err := c.split(a, strings.TrimSpace(payload))
	if err != nil {
		return err
	}
	args := make([]mi.Value, len(raw))
	for i := range raw {
		p := &c.spec.Props[a.In[i]]
		v, err := mi.ParseJSON(raw[i])
		if err != nil || !v.Known() {
			return invalid("argument %s of %s is missing or no JSON value", p.Name, a.Key)
		}
		if v, err = Accept(p, v); err != nil {
			return err
		}
		args[i] = v
	}
	o.Calls = append(o.Calls, mi.Call{Action: c.action, Args: args})
	return nil
}

// split reads the payload into one JSON value per input.
func (c *arguments) split(a *mi.Action, payload string) ([]json.RawMessage, error) {
	var list []json.RawMessage
	switch {
	case len(a.In) == 0:
		return nil, nil
	case strings.HasPrefix(payload, "{"):
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(payload), &object) != nil {
			return nil, invalid("the payload is no JSON object; send %s", c.example())
		}
		return c.byName(a, object)
	case len(a.In) == 1 && !strings.HasPrefix(payload, "["):
		if !json.Valid([]byte(payload)) {
			quoted := mi.Text(payload).AppendJSON(nil)
			return []json.RawMessage{quoted}, nil
		}
		return []json.RawMessage{json.RawMessage(payload)}, nil
	}
	if json.Unmarshal([]byte(payload), &list) != nil || len(list) != len(a.In) {
		return nil, invalid("%s takes %d arguments; send %s", a.Key, len(a.In), c.example())
	}
	return list, nil
}

func (c *arguments) byName(a *mi.Action, object map[string]json.RawMessage) ([]json.RawMessage, error) {
	list := make([]json.RawMessage, len(a.In))
	names := c.names(a)
	for i, name := range names {
		if list[i] = object[name]; list[i] == nil {
			return nil, invalid("%s lacks the argument %s; send %s", a.Key, name, c.example())
		}
		delete(object, name)
	}
	if len(object) > 0 {
		return nil, invalid("%s has no argument %q; send %s", a.Key, cut(sorted(object)[0], 40), c.example())
	}
	return list, nil
}

// names are the inputs' names; a repeated one gets its piid.
func (c *arguments) names(a *mi.Action) []string {
	out := make([]string, len(a.In))
	seen := map[string]bool{}
	for i, p := range a.In {
		out[i] = c.spec.Props[p].Name
		if seen[out[i]] {
			out[i] += "-" + c.spec.Props[p].ID()
		}
		seen[out[i]] = true
	}
	return out
}

// example shows what could be sent.
func (c *arguments) example() string {
	a := &c.spec.Actions[c.action]
	out := []byte{'['}
	for i, p := range a.In {
		if i > 0 {
			out = append(out, ',')
		}
		out = plausible(&c.spec.Props[p]).AppendJSON(out)
	}
	return string(append(out, ']')) + ", which stands for [" + strings.Join(c.names(a), ", ") + "]"
}

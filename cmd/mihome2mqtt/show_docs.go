package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// chapter is what the documentation says of one kind of device.
type chapter struct {
	name    string // of the file; "" for a single model
	title   string
	models  []string
	profile string // file below mappings/profiles; "" for a published spec
	topics  []docTopic
	inputs  []docInput
}

// docTopic is a topic with the models that have it.
type docTopic struct {
	part
	on []string
}

// docInput is an action that is run with inputs, by a topic of its own.
type docInput struct {
	name, topic string
	takes       []string
}

// placeholder stands for the did in topics.
const placeholder = "DID"

var docLayout = topic.Layout{Base: "mihome2mqtt"}

func chapterOf(models ...*entity.Model) *chapter {
	c := &chapter{title: cmp.Or(models[0].Spec.Text, models[0].Spec.Model)}
	for _, m := range models {
		c.models = append(c.models, m.Spec.Model)
		c.add(m)
	}
	return c
}

// add takes in the topics of one model.
func (c *chapter) add(m *entity.Model) {
	for _, t := range newExported(pictured(m, c.title), true).parts {
		at := slices.IndexFunc(c.topics, func(known docTopic) bool { return known.id == t.id })
		if at < 0 {
			at, c.topics = len(c.topics), append(c.topics, docTopic{part: t})
		}
		c.topics[at].on = append(c.topics[at].on, m.Spec.Model)
	}
	for i := range m.Entities {
		if e := &m.Entities[i]; e.Component == "command" {
			c.input(m, e)
		}
	}
}

func (c *chapter) input(m *entity.Model, e *entity.Entity) {
	for _, b := range e.Binds {
		for _, i := range b.Actions {
			a := &m.Spec.Actions[i]
			in := docInput{name: e.Name, topic: docLayout.Command(placeholder, string(a.Key))}
			for _, p := range a.In {
				in.takes = append(in.takes, string(m.Spec.Props[p].Key))
			}
			if !slices.ContainsFunc(c.inputs, func(known docInput) bool { return known.topic == in.topic }) {
				c.inputs = append(c.inputs, in)
			}
		}
	}
}

// pictured is a device of a model as the bridge would tell of it.
func pictured(m *entity.Model, name string) *web.Detail {
	d := &web.Detail{Device: web.Device{ID: placeholder, Name: name}, Topic: docLayout.Base + "/" + placeholder}
	for i := range m.Entities {
		e := &m.Entities[i]
		one := web.Entity{ID: e.ID, Component: e.Component, Name: e.Name, Class: e.DeviceClass, Enabled: e.Enabled}
		for _, b := range e.Binds {
			r := web.Role{State: b.State, Command: b.Command, Options: b.Options, Min: b.Min, Max: b.Max, Step: b.Step}
			r.Role, r.Topic = string(b.Role), docLayout.State(placeholder, e.ID, string(b.Role))
			if b.Role == "state" {
				r.Unit = e.Unit
			}
			one.Roles = append(one.Roles, r)
		}
		d.Entities = append(d.Entities, one)
	}
	return d
}

// page writes the chapter as Markdown. notes are what people added to the page.
func (c *chapter) page(notes string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", c.title)
	fmt.Fprintf(&b, "Models: `%s`.\n\n%s\n\n", strings.Join(c.models, "`, `"), c.reached())
	b.WriteString("## Topics\n\nAll begin with `mihome2mqtt/DID/`, where DID is the did of the device. In bold: there from the start in Home Assistant; the others are disabled there until you enable them.\n\n")
	b.WriteString("| entity | topic | values | orders to |\n|---|---|---|---|\n")
	for i := range c.topics {
		b.WriteString(c.row(&c.topics[i]))
	}
	for _, in := range c.inputs {
		fmt.Fprintf(&b, "| %s (command) | | a JSON list: %s | `%s` |\n", cell(in.name), cell(strings.Join(in.takes, ", ")), below(in.topic))
	}
	b.WriteString(c.example())
	fmt.Fprintf(&b, "\n%s\n%s%s\n", notesFrom, notes, notesTo)
	return b.String()
}

// Marks around what people write into a page; it is kept when the page is made anew.
const (
	notesFrom = "<!-- notes by hand -->"
	notesTo   = "<!-- end of notes -->"
)

func (c *chapter) reached() string {
	if c.profile == "" {
		return "Reached on the local network with its token where it has Wi-Fi, else by its gateway, by Bluetooth or by the Xiaomi account. It is described by its published spec and [the rules](../rules)."
	}
	return fmt.Sprintf("Reached on the local network (miIO) with its token; it needs no internet. It does not report by itself: it is read every 30 s, and every 2 s after an order.\n"+
		"Described by [profiles/%s](../profiles/%s). Is something wrong? Mend that file.", c.profile, c.profile)
}

func (c *chapter) row(t *docTopic) string {
	name := cell(t.label)
	if t.enabled {
		name = "**" + name + "**"
	}
	if missing := len(c.models) - len(t.on); missing > 0 {
		name += fmt.Sprintf(" (%d of %d models)", len(t.on), len(c.models))
	}
	state, set := "", ""
	if t.state {
		state = "`" + below(t.topic) + "`"
	}
	if t.command {
		set = "`" + below(t.set()) + "`"
	}
	return fmt.Sprintf("| %s (%s) | %s | %s | %s |\n", name, t.component, state, cell(t.values()), set)
}

// below takes off what all topics begin with.
func below(topic string) string {
	return strings.TrimPrefix(topic, docLayout.Base+"/"+placeholder+"/")
}

// cell writes text into a table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(text)
}

// values says what stands on the topic, or may be sent.
func (t *part) values() string {
	switch {
	case t.kind == onOff:
		return "ON, OFF"
	case t.kind == press:
		return "PRESS"
	case t.kind == colour:
		return "red,green,blue from 0 to 255"
	case len(t.options) > 0:
		return strings.Join(t.options, ", ")
	case t.kind == number && t.max > t.min:
		return strings.TrimSpace(fmt.Sprintf("%s to %s %s", short(t.min), short(t.max), t.unit))
	case t.unit != "":
		return "a number, " + t.unit
	}
	return "text or a number"
}

// example shows how to listen, how to order, and an automation.
func (c *chapter) example() string {
	t := c.telling()
	if t == nil {
		return ""
	}
	text := fmt.Sprintf("\n## Try it\n\n```sh\nmosquitto_sub -v -t '%s/%s/#'\n", docLayout.Base, placeholder)
	if told := slices.IndexFunc(c.topics, func(t docTopic) bool { return t.enabled && t.command }); told >= 0 {
		o := &c.topics[told].part
		text += fmt.Sprintf("mosquitto_pub -t %s -m '%s'\n", o.set(), example(o))
	}
	when := ""
	if t.kind == onOff || t.kind == trigger {
		when = fmt.Sprintf("        payload: %q\n", example(t))
	}
	return text + fmt.Sprintf("```\n\nAn automation for Home Assistant; on the device's page there you can also make it by hand:\n\n"+
		"```yaml\nautomation:\n  - alias: %q\n    triggers:\n      - trigger: mqtt\n        topic: %s\n%s    actions:\n      - action: persistent_notification.create\n        data:\n          message: %q\n```\n",
		"Tell about "+t.label, t.topic, when, t.label+": {{ trigger.payload }}")
}

// telling is the topic that an automation most likely waits for: what happens, else
// what is there from the start; nil when nothing is.
func (c *chapter) telling() (best *part) {
	for i := range c.topics {
		t := &c.topics[i].part
		switch {
		case t.enabled && t.kind == trigger:
			return t
		case t.enabled && t.state && best == nil:
			best = t
		}
	}
	return best
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

type exportCmd struct {
	Platform string `arg:"" enum:"openhab,fhem,homebridge,node-red" help:"openhab, fhem, homebridge or node-red."`
	Device   string `arg:"" help:"Did, host, model or a part of the name."`
	All      bool   `help:"Also what is switched off in Home Assistant from the start."`
}

// platforms write the text that a platform wants to know a device by.
var platforms = map[string]func(*exported) string{
	"openhab": openhab, "fhem": fhem, "homebridge": homebridge, "node-red": nodeRed,
}

// Run prints the set-up of a device for a platform that reads plain topics.
func (c *exportCmd) Run(p *process) error {
	r, err := p.running(p.ctx)
	if errors.Is(err, errNone) {
		return &failure{exitAway, fmt.Errorf("%w. Start it first: the text holds the topics of the running bridge", err)}
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.ctx, helloWithin)
	defer cancel()
	dev, err := r.visit(ctx, c.Device)
	if err != nil {
		return err
	}
	settings, err := p.settings(nil)
	if err != nil {
		return err
	}
	out := newExported(&dev.d, c.All)
	if out.host, out.port, err = brokerOf(settings); err != nil {
		return err
	}
	if len(out.parts) == 0 {
		return notFound(fmt.Errorf("%s has no topics yet", dev.d.Name))
	}
	_, err = fmt.Fprint(p.out, platforms[c.Platform](out))
	return err
}

// brokerOf returns host and port of the broker that platforms connect to.
func brokerOf(c *config.Config) (host, port string, err error) {
	if c.MQTT.URL == "" {
		return net.SplitHostPort(c.Broker.Listen)
	}
	u, err := url.Parse(c.MQTT.URL)
	if err != nil {
		return "", "", err
	}
	usual := map[string]string{"mqtts": "8883", "ssl": "8883", "ws": "80", "wss": "443"}
	return u.Hostname(), cmp.Or(u.Port(), usual[u.Scheme], "1883"), nil
}

// exported is a device as platforms are told of it.
type exported struct {
	host, port   string // of the broker
	id           string // in topics
	name         string
	availability string // topic
	parts        []part
}

// kind is what a platform can do with a topic.
type kind int

const (
	plainText kind = iota
	onOff          // ON and OFF
	number
	choice  // one of options
	colour  // r,g,b
	press   // takes PRESS, tells nothing
	trigger // one of options, when it happens
)

// part is one topic of a device with what stands on it.
type part struct {
	id        string // unique in the device: entity and role
	entity    string // its name; "" for the one that stands for the device
	label     string
	kind      kind
	component string // of its entity
	class     string
	role      string
	unit      string
	options   []string
	min, max  float64 // equal for no limits
	step      float64
	topic     string
	state     bool
	command   bool
	enabled   bool // from the start
}

// set is the topic that takes orders.
func (t *part) set() string { return t.topic + "/set" }

// newExported takes what is on plain topics from what the bridge tells of a device.
func newExported(d *web.Detail, all bool) *exported {
	out := &exported{id: d.ID, name: d.Name, availability: d.Topic + "/availability"}
	for i := range d.Entities {
		e := &d.Entities[i]
		if e.Component == "command" || !e.Enabled && !all {
			continue
		}
		for k := range e.Roles {
			r := &e.Roles[k]
			if what, ok := kindOf(e, r); ok {
				out.parts = append(out.parts, part{
					id: e.ID + "_" + r.Role, entity: e.Name, label: labelOf(d.Name, e.Name, r.Role), kind: what, component: e.Component, class: e.Class, role: r.Role,
					unit: r.Unit, options: r.Options, min: r.Min, max: r.Max, step: cmp.Or(r.Step, 1), topic: r.Topic, state: r.State, command: r.Command, enabled: e.Enabled,
				})
			}
		}
	}
	return out
}

// structured are roles whose value is no plain word: others say the same plainly.
var structured = []string{"json", "event", "attributes", "image", "hs", "send_command"}

func kindOf(e *web.Entity, r *web.Role) (what kind, ok bool) {
	twoStates := []string{"switch", "binary_sensor", "light", "fan", "humidifier", "siren"}
	switch {
	case slices.Contains(structured, r.Role), e.Component == "vacuum" && r.Role == "state":
		return 0, false
	case r.Role == "trigger":
		return trigger, true
	case e.Component == "button":
		return press, true
	case r.Role == "rgb":
		return colour, true
	case len(r.Options) > 0:
		return choice, true
	case r.Role == "power", r.Role == "oscillation", r.Role == "state" && slices.Contains(twoStates, e.Component):
		return onOff, true
	case r.Max > r.Min || r.Unit != "" || isNumber(r.Value):
		return number, true
	}
	return plainText, true
}

func isNumber(value *string) bool {
	if value == nil {
		return false
	}
	_, err := strconv.ParseFloat(*value, 64)
	return err == nil
}

// labelOf names a topic for people.
func labelOf(device, entity, role string) string {
	label := cmp.Or(entity, device)
	if !slices.Contains([]string{"state", "press", "trigger", "json"}, role) {
		label += " " + strings.ReplaceAll(role, "_", " ")
	}
	return label
}

// identifier writes text so that every platform takes it as a name.
func identifier(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
				return '_'
			}
		}
		return r
	}, text)
}

// short writes a number without needless digits.
func short(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

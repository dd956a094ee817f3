package homeassistant

import (
	"fmt"
	"io"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// DefaultPrefix is where Home Assistant looks for discovery messages.
const DefaultPrefix = "homeassistant"

// Show prints what the bridge would publish about d on an empty broker: its
// discovery messages and one plausible message per state topic, each a line
// {"topic":…,"payload":…} as mosquitto_sub -F %j prints it. What it shares with
// all devices is printed by ShowBridge, once and before.
func Show(out io.Writer, form Form, d Device, m *entity.Model) error {
	opt := Options{Layout: topic.Layout{Base: product}}
	for _, msg := range Messages(form, DefaultPrefix, d, m, opt) {
		if err := showLine(out, msg.Topic, raw("payload", string(msg.Payload))); err != nil {
			return err
		}
	}
	for _, s := range samples(d, m, opt.Layout) {
		if err := showLine(out, s.topic, text("payload", s.payload)); err != nil {
			return err
		}
	}
	return nil
}

// ShowBridge prints the bridge's own device in the same way.
func ShowBridge(out io.Writer, form Form) error {
	opt := Options{Layout: topic.Layout{Base: product}}
	for _, msg := range BridgeMessages(form, DefaultPrefix, "", opt) {
		if err := showLine(out, msg.Topic, raw("payload", string(msg.Payload))); err != nil {
			return err
		}
	}
	l := opt.Layout
	for _, s := range []sample{
		{l.BridgeAvailability(), "online"}, {l.Bridge("device_count"), "12"},
		{l.Bridge("problem_count"), "0"}, {l.Bridge("problems"), `{"problems":[]}`},
		{l.Bridge("log_level"), "info"}, {l.Bridge("version"), "1.0.0"},
	} {
		if err := showLine(out, s.topic, text("payload", s.payload)); err != nil {
			return err
		}
	}
	return nil
}

func showLine(out io.Writer, topic string, payload field) error {
	line := append(appendObject(nil, []field{text("topic", topic), payload}), '\n')
	if _, err := out.Write(line); err != nil {
		return fmt.Errorf("homeassistant: show %s: %w", topic, err)
	}
	return nil
}

type sample struct{ topic, payload string }

// samples makes one message for every state topic of d.
func samples(d Device, m *entity.Model, l topic.Layout) []sample {
	out := []sample{
		{l.Availability(d.ID), "online"}, {l.Connection(d.ID), Routes[0]},
		{l.LastError(d.ID), StateText("")}, {l.LastSeen(d.ID), "2026-01-02T03:04:05Z"},
	}
	if m == nil {
		return out
	}
	values := sampleValues(m.Spec)
	var payloads []entity.Payload
	for i := range m.Entities {
		e := &m.Entities[i]
		payloads = m.Render(i, values, payloads[:0])
		for j := range e.Binds {
			if b := &e.Binds[j]; b.State {
				out = append(out, sample{l.State(d.ID, e.ID, string(b.Role)), samplePayload(b, payloads)})
			}
		}
	}
	return out
}

// samplePayload is what was rendered for b, else what an event would say, else
// unknown.
func samplePayload(b *entity.Bind, rendered []entity.Payload) string {
	for _, p := range rendered {
		if p.Role == b.Role {
			return p.Text
		}
	}
	switch {
	case b.Role == "event" && len(b.Options) > 0:
		return string(appendObject(nil, []field{text("event_type", b.Options[0])}))
	case b.Role == "trigger" && len(b.Options) > 0:
		return b.Options[0]
	}
	return "None"
}

// sampleValues gives every property a value that its spec allows.
func sampleValues(spec *mi.Spec) []mi.Value {
	if spec == nil {
		return nil
	}
	values := make([]mi.Value, len(spec.Props))
	for i := range spec.Props {
		values[i] = sampleValue(&spec.Props[i])
	}
	return values
}

func sampleValue(p *mi.Property) mi.Value {
	switch {
	case len(p.List) > 0:
		return p.List[len(p.List)-1].Value
	case p.Format == mi.FormatBool:
		return mi.Bool(true)
	case p.Format == mi.FormatText:
		return mi.Text("text")
	case p.Range == nil:
		return mi.Int(1)
	case p.Format == mi.FormatInt:
		return mi.Int(int64(p.Range.Max))
	}
	return mi.Float(p.Range.Max)
}

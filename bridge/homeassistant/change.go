package homeassistant

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Diff returns what must be published before new takes the place of old, the
// messages last announced for the same device below the same prefix: old topics
// that new lacks are emptied, and a component that vanishes from a device
// message, or changes its platform, is first reduced to its platform alone,
// since Home Assistant keeps whatever is merely left out. Publish new two
// seconds later; old messages that cannot be read are replaced without steps.
func Diff(old, new []Message) []Message {
	var steps []Message
	for _, was := range old {
		i := slices.IndexFunc(new, func(m Message) bool { return m.Topic == was.Topic })
		if i < 0 {
			steps = append(steps, Message{Topic: was.Topic})
			continue
		}
		if reduced, ok := reduce(was.Payload, new[i].Payload); ok {
			steps = append(steps, Message{Topic: was.Topic, Payload: reduced})
		}
	}
	return steps
}

// reduce returns the device message new with every component of old that it
// lacks, or has under another platform, reduced to old's platform.
func reduce(old, new []byte) ([]byte, bool) {
	if bytes.Equal(old, new) {
		return nil, false
	}
	was, now := parts(old), parts(new)
	gone := make(map[string]json.RawMessage)
	for id, c := range was {
		if p := platformOf(c); p != "" && p != platformOf(now[id]) {
			gone[id] = appendObject(nil, []field{text("platform", p)})
		}
	}
	if len(gone) == 0 {
		return nil, false
	}
	for id, c := range now {
		if _, ok := gone[id]; !ok {
			gone[id] = c
		}
	}
	return replaceParts(new, gone)
}

func parts(payload []byte) map[string]json.RawMessage {
	var message struct {
		Components map[string]json.RawMessage `json:"components"`
	}
	if json.Unmarshal(payload, &message) != nil {
		return nil
	}
	return message.Components
}

func platformOf(component json.RawMessage) string {
	var c struct {
		Platform string `json:"platform"`
	}
	if json.Unmarshal(component, &c) != nil {
		return ""
	}
	return c.Platform
}

func replaceParts(payload []byte, components map[string]json.RawMessage) ([]byte, bool) {
	var message map[string]json.RawMessage
	if json.Unmarshal(payload, &message) != nil {
		return nil, false
	}
	all, err := marshal(components)
	if err != nil {
		return nil, false
	}
	message["components"] = all
	out, err := marshal(message)
	return out, err == nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Removal returns the messages that take back what was announced on topics.
func Removal(topics ...string) []Message {
	out := make([]Message, len(topics))
	for i, t := range topics {
		out[i] = Message{Topic: t}
	}
	return out
}

// Migration returns what must be published before the messages of another form
// below the same prefix, so that entities keep their history and settings. When
// those are out, publish Removal of the same topics.
func Migration(topics ...string) []Message {
	out := make([]Message, len(topics))
	for i, t := range topics {
		out[i] = Message{Topic: t, Payload: []byte(`{"migrate_discovery":true}`)}
	}
	return out
}

// Filters are the subscriptions that bring in every message of ours below
// prefix, and those of others; Owner tells them apart.
func Filters(prefix string) []string {
	return []string{prefix + "/device/+/config", prefix + "/+/+/+/config"}
}

// Owner returns the device ("bridge" for the bridge itself) and form that a
// discovery topic below prefix belongs to; ok is false when it is not ours.
func Owner(prefix, topic string) (device string, form Form, ok bool) {
	rest, below := strings.CutPrefix(topic, prefix+"/")
	rest, config := strings.CutSuffix(rest, "/config")
	if !below || !config {
		return "", "", false
	}
	levels := strings.Split(rest, "/")
	device, ours := "", false
	if len(levels) > 1 {
		device, ours = strings.CutPrefix(levels[1], product+"_")
	}
	switch {
	case !ours || device == "":
		return "", "", false
	case len(levels) == 2 && levels[0] == "device":
		return device, DeviceForm, true
	case len(levels) == 3 && levels[2] != "":
		return device, SingleForm, true
	}
	return "", "", false
}

// StatusTopic is where home platforms say that they have started; it is answered by
// publishing again.
func StatusTopic(prefix string) string { return prefix + "/status" }

package homeassistant

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Diff returns what must be published around new when it takes the place of
// old, the messages last announced for the same device below the same prefix.
//
// Before: topics that are no longer used are emptied, and a component that
// vanishes from a device message, or changes its platform, is first reduced to
// its platform alone, since Home Assistant keeps whatever is merely left out.
// When the form changed, old topics are first told to let go of their entities,
// so that these keep their history and settings, and are emptied after (Home
// Assistant logs a warning for each, which means no harm).
//
// Publish before, two seconds later new, two seconds later after. Old messages
// that cannot be read are replaced without steps.
func Diff(old, new []Message) (before, after []Message) {
	have := announced(new)
	for _, was := range old {
		i := slices.IndexFunc(new, func(m Message) bool { return m.Topic == was.Topic })
		switch {
		case i >= 0:
			before = append(before, reduction(was, new[i].Payload, have)...)
		case len(new) > 0 && isDevice(was.Topic) != isDevice(new[0].Topic) && keeps(was, have):
			before = append(before, reduction(was, was.Payload, have)...)
			before = append(before, Message{Topic: was.Topic, Payload: []byte(`{"migrate_discovery":true}`)})
			after = append(after, Message{Topic: was.Topic})
		default:
			before = append(before, Message{Topic: was.Topic})
		}
	}
	return before, after
}

// identity is what Home Assistant knows a component of a device by, in either
// form.
type identity struct{ platform, id string }

// announced lists what messages announce, in either form.
func announced(messages []Message) map[identity]bool {
	out := make(map[identity]bool)
	for _, m := range messages {
		if one, single := singleIdentity(m.Topic); single {
			out[one] = true
			continue
		}
		for id, c := range componentsOf(m.Payload) {
			out[identity{platformOf(c), id}] = true
		}
	}
	return out
}

// keeps reports whether anything that m announces is in have.
func keeps(m Message, have map[identity]bool) bool {
	for one := range announced([]Message{m}) {
		if have[one] {
			return true
		}
	}
	return false
}

// reduction is the step that takes from the device message was all that is not
// in have, and leaves the components of the device message now; none when there
// is nothing to take.
func reduction(was Message, now []byte, have map[identity]bool) []Message {
	if !isDevice(was.Topic) {
		return nil
	}
	left := componentsOf(now)
	taken := false
	for id, c := range componentsOf(was.Payload) {
		if p := platformOf(c); p != "" && !have[identity{p, id}] {
			left[id] = appendObject(nil, []field{text("platform", p)})
			taken = true
		}
	}
	if !taken {
		return nil
	}
	payload, ok := withComponents(now, left)
	if !ok {
		return nil
	}
	return []Message{{Topic: was.Topic, Payload: payload}}
}

func componentsOf(payload []byte) map[string]json.RawMessage {
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

func withComponents(payload []byte, components map[string]json.RawMessage) ([]byte, bool) {
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

// marshal writes v as the messages are written: sorted, without HTML escapes.
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

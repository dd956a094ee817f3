package homeassistant

import (
	"slices"
	"strings"
)

// messages renders what was collected, sorted by topic or component id.
func (w *writer) messages(prefix string) []Message {
	if w.form == DeviceForm {
		return []Message{{Topic: deviceTopic(prefix, w.device), Payload: w.whole()}}
	}
	out := make([]Message, len(w.pending))
	for i, c := range w.pending {
		out[i] = Message{
			Topic:   singleTopic(prefix, w.device, c),
			Payload: appendObject(make([]byte, 0, 1024), w.fields[c.from:c.to]),
		}
	}
	slices.SortFunc(out, func(a, b Message) int { return strings.Compare(a.Topic, b.Topic) })
	return out
}

// whole is the message of the device form. Keys at its top other than these
// make Home Assistant refuse it.
func (w *writer) whole() []byte {
	slices.SortFunc(w.pending, func(a, b component) int { return strings.Compare(a.id, b.id) })
	b := make([]byte, 0, 512+384*len(w.pending))
	b = append(append(b, `{"availability":`...), w.shared...)
	b = append(b, `,"availability_mode":"all","components":{`...)
	for i, c := range w.pending {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, c.id), ':')
		b = appendObject(b, w.fields[c.from:c.to])
	}
	b = append(append(b, `},"device":`...), w.block...)
	b = append(append(b, `,"origin":`...), w.origin...)
	return append(b, '}')
}

// origin is the value of the key of the same name.
func (o Options) origin() string {
	fields := append(make([]field, 0, 3), text("name", product))
	if o.SupportURL != "" {
		fields = append(fields, text("support_url", o.SupportURL))
	}
	if o.Version != "" {
		fields = append(fields, text("sw_version", o.Version))
	}
	return string(appendObject(make([]byte, 0, 128), fields))
}

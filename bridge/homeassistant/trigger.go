package homeassistant

import (
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

// triggers announces the events of e as device triggers: all of them in the
// single form, where nothing else carries an event; in the device form those of
// buttons, which people look for in a device's list of triggers.
func (w *writer) triggers(e *entity.Entity) {
	wanted := w.form == SingleForm || e.DeviceClass == "button" || e.DeviceClass == "doorbell"
	b := find(e, "event")
	if e.Component != "event" || !wanted || b == nil || find(e, "trigger") == nil {
		return
	}
	subtype := e.Name
	if subtype == "" {
		subtype = e.ID
	}
	ids := map[string]bool{}
	for i, word := range b.Options {
		id := slug(word)
		if id == "" || ids[id] {
			id += strconv.Itoa(i + 1)
		}
		ids[id] = true
		w.begin("device_automation", e.ID+"_"+id)
		w.add(text("automation_type", "trigger"), text("type", triggerType(word)), text("subtype", subtype),
			text("topic", w.opt.Layout.State(w.device, e.ID, "trigger")), text("payload", word))
		w.end()
	}
}

// triggerType is the platform's own word for what a button does, which it shows
// in the user's language; other happenings keep theirs.
func triggerType(word string) string {
	switch slug(word) {
	case "click", "single", "single_click", "single_press", "press":
		return "button_short_press"
	case "double", "double_click", "double_press":
		return "button_double_press"
	case "triple", "triple_click", "triple_press":
		return "button_triple_press"
	case "long", "long_click", "long_press", "hold":
		return "button_long_press"
	case "release", "long_release":
		return "button_long_release"
	}
	return word
}

// slug writes words as an id: lower case, "_" between them.
func slug(words string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(words), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "_")
}

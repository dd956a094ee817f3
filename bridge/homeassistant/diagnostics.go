package homeassistant

import "strings"

// Routes are the values of a device's connection topic.
var Routes = []string{"lan", "gateway", "bluetooth", "cloud"}

const maxState = 255 // characters that Home Assistant takes as a state

// StateText writes words, such as an error, as the state of a sensor: "None"
// for none, cut where Home Assistant would refuse it.
func StateText(words string) string {
	words = strings.ToValidUTF8(strings.TrimSpace(words), "\ufffd")
	if words == "" {
		return "None"
	}
	if letters := []rune(words); len(letters) > maxState {
		return string(letters[:maxState-1]) + "…"
	}
	return words
}

// diagnostics announces what people may know of the device's connection. These
// stay available while the device is away: they say why. The last error is the
// only place where people learn why an order did nothing, so it is enabled; the
// others are, when the device has nothing else to show (alone).
func (w *writer) diagnostics(d Device, alone bool) {
	w.diagnostic("connection", "Connection", w.opt.Layout.Connection(d.ID), alone,
		text("device_class", "enum"), list("options", Routes), text("icon", "mdi:transit-connection-variant"))
	w.diagnostic("last_error", "Last error", w.opt.Layout.LastError(d.ID), true, text("icon", "mdi:alert-circle-outline"))
	w.diagnostic("last_seen", "Last seen", w.opt.Layout.LastSeen(d.ID), alone, text("device_class", "timestamp"))
}

func (w *writer) diagnostic(id, name, topic string, enabled bool, more ...field) {
	w.begin("sensor", id)
	w.identity(id)
	w.add(text("name", w.opt.say(name)), text("state_topic", topic), text("entity_category", "diagnostic"))
	w.add(raw("availability", availability(w.opt.Layout.BridgeAvailability())))
	if !enabled {
		w.add(flag("enabled_by_default", false))
	}
	w.add(more...)
	w.finish()
}

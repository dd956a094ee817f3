package homeassistant

import (
	"math"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

// lightJSON announces what the light can do; its topics carry Home Assistant's
// own JSON. Temperatures are in kelvin, in the single form in mired.
func (w *writer) lightJSON(e *entity.Entity) {
	w.add(text("schema", "json"), flag("flash", e.Fades), flag("transition", e.Fades))
	if find(e, "brightness") != nil {
		w.add(flag("brightness", true))
	}
	w.add(list("supported_color_modes", colorModes(e)))
	if b := find(e, "color_temp"); b != nil {
		w.colorTemperature(b)
	}
	if b := find(e, "effect"); b != nil && len(b.Options) > 0 {
		w.add(flag("effect", true), list("effect_list", b.Options))
	}
}

func (w *writer) colorTemperature(b *entity.Bind) {
	limits := b.Min > 0 && b.Min < b.Max
	switch {
	case w.form == DeviceForm:
		w.add(flag("color_temp_kelvin", true))
		if limits {
			w.add(number("min_kelvin", b.Min), number("max_kelvin", b.Max))
		}
	case limits:
		w.add(number("min_mireds", math.Floor(1e6/b.Max)), number("max_mireds", math.Ceil(1e6/b.Min)))
	}
}

var (
	modesWhiteColor = []string{"color_temp", "rgb"}
	modesWhite      = modesWhiteColor[:1]
	modesColor      = modesWhiteColor[1:]
	modesDim        = []string{"brightness"}
	modesPlain      = []string{"onoff"}
)

// colorModes lists the modes of a light; brightness and onoff only stand alone.
func colorModes(e *entity.Entity) []string {
	white, color := find(e, "color_temp") != nil, find(e, "rgb") != nil || find(e, "hs") != nil
	switch {
	case white && color:
		return modesWhiteColor
	case white:
		return modesWhite
	case color:
		return modesColor
	case find(e, "brightness") != nil:
		return modesDim
	}
	return modesPlain
}

// fanSpeeds announces levels that are no percentages, and the words of
// oscillation.
func (w *writer) fanSpeeds(e *entity.Entity) {
	if b := find(e, "percentage"); b != nil && b.Max > max(b.Min, 1) && b.Max != 100 {
		w.add(number("speed_range_min", max(b.Min, 1)), number("speed_range_max", b.Max))
	}
	if find(e, "oscillation") != nil {
		w.add(text("payload_oscillation_on", "ON"), text("payload_oscillation_off", "OFF"))
	}
}

// degrees announces the unit of a climate or water heater, the digits that it
// shows, and that it has no modes where it has none: the platform would invent
// some.
func (w *writer) degrees(e *entity.Entity) {
	w.add(text("temperature_unit", "C"), number("precision", precision(e)))
	if b := find(e, "mode"); b == nil || !b.Command || len(b.Options) == 0 {
		w.add(list("modes", nil))
	}
}

// precision is one of the three that the platform takes. A reading keeps its
// tenths.
func precision(e *entity.Entity) float64 {
	if find(e, "current_temperature") != nil {
		return 0.1
	}
	b := find(e, "temperature")
	switch {
	case b == nil || b.Step >= 1 || b.Step == 0:
		return 1
	case b.Step >= 0.5:
		return 0.5
	}
	return 0.1
}

// coverWords takes away the buttons of a cover that cannot stop.
func (w *writer) coverWords(e *entity.Entity) {
	b := find(e, "state")
	if b == nil || !b.Command || len(b.Options) == 0 {
		return
	}
	for _, word := range [...]struct{ payload, key string }{{"OPEN", "payload_open"}, {"CLOSE", "payload_close"}, {"STOP", "payload_stop"}} {
		if !slices.Contains(b.Options, word.payload) {
			w.add(null(word.key))
		}
	}
}

// enumOptions lists the words of a sensor that shows one of a list.
func (w *writer) enumOptions(e *entity.Entity) {
	if b := find(e, "state"); b != nil && e.DeviceClass == "enum" && len(b.Options) > 0 {
		w.add(list("options", b.Options))
	}
}

// openRange gives a number without limits the widest ones, since the platform
// would take 0…100. Domoticz wants the topic of a state even when none is told.
func (w *writer) openRange(e *entity.Entity) {
	b := find(e, "state")
	if b == nil {
		return
	}
	if w.form == SingleForm && !b.State {
		w.add(text("state_topic", w.opt.Layout.State(w.device, e.ID, "state")))
	}
	if b.Min >= b.Max {
		w.add(number("min", math.MinInt32), number("max", math.MaxInt32), text("mode", "box"))
	}
}

// textLength announces the longest text that the device takes; 255 is all that
// the platform can show.
func (w *writer) textLength(e *entity.Entity) {
	if b := find(e, "state"); b != nil && b.Max > 0 && b.Max < 255 {
		w.add(number("max", math.Floor(b.Max)))
	}
}

// source tells a tracker that is home or away, which a router knows, from one
// that has a position.
func (w *writer) source(e *entity.Entity) {
	if find(e, "state") != nil {
		w.add(text("source_type", "router"))
		return
	}
	w.add(text("source_type", "gps"))
}

// install gives an update that can be started its button.
func (w *writer) install(e *entity.Entity) {
	if b := find(e, "state"); b != nil && b.Command {
		w.add(text("payload_install", "install"))
	}
}

// vacuumFeatures lists the buttons of a vacuum.
func (w *writer) vacuumFeatures(e *entity.Entity) {
	features := make([]string, 0, 8)
	if b := find(e, "command"); b != nil {
		for _, word := range b.Options {
			features = append(features, strings.Replace(word, "return_to_base", "return_home", 1))
		}
	}
	for _, role := range []entity.Role{"fan_speed", "send_command"} {
		if b := find(e, role); b != nil && b.Command {
			features = append(features, string(role))
		}
	}
	w.add(list("supported_features", features))
}

// armingModes lists the buttons of an alarm panel, whichever of the three
// spellings its words have: ARM_HOME, arm_home, armed_home.
func (w *writer) armingModes(e *entity.Entity) {
	features := make([]string, 0, 6)
	if b := find(e, "state"); b != nil {
		for _, word := range b.Options {
			word = strings.Replace(strings.ToLower(word), "armed_", "arm_", 1)
			known := word == "trigger" || strings.HasPrefix(word, "arm_")
			if known && !slices.Contains(features, word) {
				features = append(features, word)
			}
		}
	}
	w.add(list("supported_features", features))
}

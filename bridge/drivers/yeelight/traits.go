package yeelight

import (
	"slices"
	"strings"
)

// traits is what one lamp can do. It is comparable: lamps with the same traits
// share one spec.
type traits struct {
	Plug   bool // nothing but on and off
	White  bool // has a colour temperature
	Color  bool
	Night  bool // has a night light
	Ground bool // has a background light of its own
	Low    int  // kelvin
	High   int
}

// usualLow and usualHigh are the colour temperatures, in kelvin, of lamps that no
// table names.
const (
	usualLow  = 2700
	wideLow   = 1700 // of colour lamps
	usualHigh = 6500
)

// known returns what is known of a model by its short name.
func known(model string) (t traits, ok bool) {
	t = traits{White: true, Low: usualLow, High: usualHigh}
	switch model {
	case "mono", "mono1", "mono4", "mono5", "mono6", "monob", "lamp3":
		return traits{}, true
	case "color", "color1", "color2", "color3", "color4", "color5", "stripe", "strip1", "bslamp", "bslamp1":
		t.Color, t.Low = true, wideLow
	case "bslamp2", "bslamp3":
		t.Color, t.Night, t.Low = true, true, wideLow
	case "colorc", "strip2", "strip4", "strip6":
		t.Color = true
	case "ct_bulb", "ct2":
	case "lamp1":
		t.High = 5000
	case "lamp4":
		t.Low, t.High = 2600, 5000
	case "lamp15":
		t.Ground = true
	case "ceilc", "ceiling4", "ceiling10", "ceiling19", "ceiling20":
		t.Night, t.Ground = true, true
	case "ceil26", "ceila", "ceiling1", "ceiling2", "ceiling3", "ceiling6", "ceiling13", "ceiling15", "ceiling18", "ceiling24":
		t.Night = true
	case "ceild":
		t.Night, t.Low = true, 3000
	case "ceiling5":
		t.Night, t.High = true, 5700
	case "ceiling17":
		t.Low, t.High = 3000, 5700
	default:
		return traits{}, false
	}
	return t, true
}

// traitsOf judges a lamp: by its model where that is known, else by the methods
// that it advertises, else by the values that it tells.
func traitsOf(model, support string, now state) traits {
	if t, ok := known(model); ok {
		return t
	}
	t := traits{Low: usualLow, High: usualHigh, Night: now["active_mode"] != "" || now["nl_br"] != ""}
	if methods := strings.Fields(support); len(methods) > 0 {
		t.Plug = !slices.Contains(methods, "set_bright")
		t.White = slices.Contains(methods, "set_ct_abx")
		t.Color = slices.Contains(methods, "set_rgb")
		t.Ground = slices.Contains(methods, "bg_set_power")
	} else {
		t.Plug = now["bright"] == ""
		t.White = now["ct"] != ""
		t.Color = now["rgb"] != ""
		t.Ground = now["bg_power"] != ""
	}
	if t.Color {
		t.Low = wideLow
	}
	if !t.White {
		t.Low, t.High = 0, 0
	}
	return t
}

// skill is the most that a lamp can do in a flow.
func (t traits) skill() skill {
	switch {
	case t.Color:
		return colors
	case t.White:
		return whitens
	}
	return dims
}

// shortModel takes the last part of a model name: "strip6" of "yeelink.light.strip6".
func shortModel(model string) string {
	return model[strings.LastIndexByte(model, '.')+1:]
}

// fullModel returns the Xiaomi name of a short one. Family names stand for
// several models: for those certain is false, and the name is the first of them.
func fullModel(short string) (model string, certain bool) {
	switch short {
	case "":
		return "", false
	case "color", "mono", "ceiling", "bslamp":
		return "yeelink.light." + short + "1", false
	case "stripe":
		return "yeelink.light.strip1", false
	case "ct_bulb":
		return "yeelink.light.ct2", false
	case "desklamp":
		return "yeelink.light.lamp1", false
	}
	return "yeelink.light." + short, true
}

package yeelight

import (
	"cmp"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// names are the properties that a lamp is asked for; every known firmware takes
// that many at once. extras are those of lamps with a background light.
func names() []any {
	return []any{
		"power", "bright", "ct", "rgb", "hue", "sat", "color_mode", "flowing", "delayoff", "music_on", "name",
		"bg_power", "bg_flowing", "bg_ct", "bg_bright", "bg_hue", "bg_sat", "bg_rgb", "nl_br", "active_mode",
	}
}

func extras() []any { return []any{"bg_lmode", "main_power"} }

// state is what a lamp told of itself, by wire name; "" is what it does not have.
type state map[string]string

func (s state) num(name string) (int64, bool) {
	n, err := strconv.ParseInt(s[name], 10, 64)
	return n, err == nil
}

// on reports whether a light burns; known is false before the lamp told.
func (s state) on(p part) (on, known bool) {
	text := s[string(p)+"power"]
	if p == mainPart { // of lamps with a background, power is on when either burns
		text = cmp.Or(s["main_power"], text)
	}
	return text == "on", text != ""
}

// look returns in which way a light burns, or burnt.
func (s state) look(p part) look {
	if p == mainPart && s["active_mode"] == "1" {
		return inNight
	}
	name := "color_mode"
	if p == ground {
		name = "bg_lmode"
	}
	switch s[name] {
	case "1", "3":
		return inColor
	case "2":
		return inWhite
	}
	return noLook
}

// brightness returns percent; the night light has its own.
func (s state) brightness(p part) (int64, bool) {
	if s.look(p) == inNight {
		if n, ok := s.num("nl_br"); ok && n > 0 {
			return n, true
		}
	}
	return s.num(string(p) + "bright")
}

// rgb returns the colour; in the mode by hue the lamp's rgb is of another time.
func (s state) rgb(p part) (int64, bool) {
	name := "color_mode"
	if p == ground {
		name = "bg_lmode"
	}
	if s[name] == "3" {
		h, ok := s.num(string(p) + "hue")
		sat, ok2 := s.num(string(p) + "sat")
		if ok && ok2 {
			return int64(hsv(float64(h)/360, float64(sat)/100)), true
		}
	}
	return s.num(string(p) + "rgb")
}

// value returns what a property is; unknown when the lamp does not say.
func (m *meaning) value(i int, s state, playing map[part]int64) mi.Value {
	at := m.slots[i]
	number := func(n int64, ok bool) mi.Value {
		if !ok {
			return mi.Value{}
		}
		return mi.Int(n)
	}
	switch at.role {
	case power:
		if on, ok := s.on(at.part); ok {
			return mi.Bool(on)
		}
	case bright:
		return number(s.brightness(at.part))
	case temperature:
		return number(s.num(string(at.part) + "ct"))
	case colour:
		return number(s.rgb(at.part))
	case mode:
		return m.mode(&m.spec.Props[i], at.part, s, playing)
	case night:
		if text := s["active_mode"]; text != "" {
			return mi.Bool(text == "1")
		}
	case delay:
		return number(s.num("delayoff"))
	}
	return mi.Value{}
}

func (m *meaning) mode(p *mi.Property, of part, s state, playing map[part]int64) mi.Value {
	if playing[of] == numberStop {
		return mi.Int(numberStop)
	}
	if s[string(of)+"flowing"] == "1" {
		if n := playing[of]; n != 0 {
			return mi.Int(n)
		}
		return mi.Int(numberFlow)
	}
	for _, c := range p.List {
		if is := lookOf(c.Label); is != noLook && is == s.look(of) {
			return c.Value
		}
	}
	return mi.Value{}
}

package ble

import (
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The ways to press a button.
const (
	once   = "press"
	twice  = "double_press"
	longer = "long_press"
)

func clickKind(iid int) string { return []string{once, twice, longer}[iid-1012] }

// clickObjects are the events of MIoT's switch sensors: 12 is a click, 13 a double
// and 14 a long one.
func clickObjects() map[uint16]object {
	t := map[uint16]object{
		0x4A13: byte1(func(v byte, _ *product, r *reading) {
			if v == 1 {
				r.press("button", once)
			}
		}),
	}
	for _, base := range []uint16{0x4A0C, 0x4E0C, 0x560C} {
		for i, kind := range []string{once, twice, longer} {
			t[base+uint16(i)] = object{sizes: []int{0, 1}, read: func(b []byte, p *product, r *reading) { click(p, kind, b, r) }}
		}
	}
	return t
}

// click tells which of a model's buttons was pressed.
func click(p *product, kind string, b []byte, r *reading) {
	if len(b) == 0 {
		r.press("button", kind)
		return
	}
	v := b[0]
	switch p.model {
	case "XMWS01XS":
		pick(r, kind, v, "left", "right")
	case "XMWXKG01YL":
		switch v {
		case 1, 2:
			pick(r, kind, v-1, "left", "right")
		case 3:
			pick(r, kind, 0, "left")
			pick(r, kind, 0, "right")
		}
	case "KS1", "KS1BP":
		pick(r, kind, v-1, "left", "mid_left", "mid_right", "right")
	case "K9BB-1BTN":
		if k, ok := map[byte]string{1: once, 8: longer, 15: twice}[v]; ok {
			r.press("button", k)
		}
	case "KS2BB", "AFWXKG220000", "XMWXKG01LM", "PTX_YK1_QMIMB":
		r.press("button", kind)
	default:
		clicked(kind, b, r)
	}
}

// clicked tells of a numbered button; 0 and nothing are the only one.
func clicked(kind string, b []byte, r *reading) {
	if len(b) == 0 || b[0] == 0 {
		r.press("button", kind)
		return
	}
	if b[0] <= maxButtons {
		r.press("button_"+digits(b[0]), kind)
	}
}

const maxButtons = 24

func digits(v byte) string { return mi.Int(int64(v)).String() }

func pick(r *reading, kind string, at byte, names ...string) {
	if int(at) < len(names) {
		r.press("button_"+names[at], kind)
	}
}

// button reads the object 0x1001: which button, a value, and how.
func button(b []byte, p *product, r *reading) {
	at, value, how := b[0], b[1], b[2]
	switch p.model {
	case "XMMF01JQD":
		if at <= 1 {
			r.press("cube", []string{"rotate_right", "rotate_left"}[at])
		}
	case "YLKG07YL/YLKG08YL":
		dimmer(at, value, how, r)
	case "K9B-1BTN", "K9B-2BTN", "K9B-3BTN":
		k9b(p.model, at, how, r)
	case "YLYK01YL", "YLYK01YL-FANCL", "YLYK01YL-VENFAN", "YLYB01YL-BHFRC":
		remote(p.model, at, how, r)
	default:
		if kind := pressKind(how); kind != "" {
			r.press("button", kind)
		}
	}
}

// remoteButtons are the names of a remote control's buttons, in their order.
func remoteButtons(model string) string {
	switch model {
	case "YLYK01YL":
		return "on off brightness plus M min"
	case "YLYK01YL-FANCL":
		return "fan light wind_speed color_temperature wind_mode brightness"
	case "YLYK01YL-VENFAN":
		return "swing power timer_60_minutes increase_wind_speed timer_30_minutes decrease_wind_speed"
	case "YLYB01YL-BHFRC":
		return "stop air_exchange fan increase_speed decrease_speed dry light swing heat"
	}
	return ""
}

func remote(model string, at, how byte, r *reading) {
	kind := pressKind(how)
	if kind == "" {
		return
	}
	pick(r, kind, at, strings.Fields(remoteButtons(model))...)
	if model == "YLYK01YL" && at <= 1 {
		r.flag("power", at == 0)
	}
}

// pressKind is how a button was pressed, by the third byte of the object.
func pressKind(how byte) string {
	switch how {
	case 0, 5:
		return once
	case 1:
		return twice
	case 2, 6:
		return longer
	}
	return ""
}

// k9b reads which of up to three buttons were pressed at once. Long and double
// are the other way round than anywhere else.
func k9b(model string, at, how byte, r *reading) {
	if how > 2 {
		return
	}
	kind := []string{once, longer, twice}[how]
	if model == "K9B-1BTN" {
		r.press("button", kind)
		return
	}
	sets := []string{"left", "right", "left right"}
	if model == "K9B-3BTN" {
		sets = []string{"left", "middle", "right", "left middle", "middle right", "left right", "left middle right"}
	}
	if int(at) >= len(sets) {
		return
	}
	for name := range strings.FieldsSeq(sets[at]) {
		r.press("button_"+name, kind)
	}
}

// dimmer reads the turning knob, which counts presses, seconds and steps.
func dimmer(at, value, how byte, r *reading) {
	kind, n := pressKind(how), byte(0)
	switch how {
	case 3:
		kind, n = map[byte]string{0: once, 1: longer}[at], value
	case 4:
		turned(at, value, r)
		return
	}
	switch kind {
	case once:
		r.press("dimmer", kind, fact{key: "number_of_presses", value: mi.Int(int64(n))})
	case longer:
		r.press("dimmer", kind, fact{key: "duration", value: mi.Int(int64(n))})
	case twice:
		r.press("dimmer", kind)
	}
}

func turned(at, value byte, r *reading) {
	kind, steps := "", byte(0)
	switch {
	case at == 0 && value <= 127:
		kind, steps = "rotate_right", value
	case at == 0:
		kind, steps = "rotate_left", -value
	case at <= 127:
		kind, steps = "rotate_right_pressed", at
	default:
		kind, steps = "rotate_left_pressed", -at
	}
	r.press("dimmer", kind, fact{key: "steps", value: mi.Int(int64(steps))})
}

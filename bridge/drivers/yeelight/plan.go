package yeelight

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const maxDelay = 60 // minutes

// The last param of set_power: in which way the lamp comes on.
const (
	asWhite = 1
	asColor = 2
	asNight = 5
)

// wish is what is ordered of one of the two lights.
type wish struct {
	on                  *bool
	bright, kelvin, rgb int64 // 0 is nothing ordered
	look                look
	effect              int64 // its number; 0 is none
	delay               *int64
	flow                []any // params of start_cf
	how                 mi.Manner
}

// plan turns changes into commands, in the order in which they are to be sent.
func (m *meaning) plan(changes []mi.Change, how mi.Manner, now state, r *rand.Rand) ([]planned, error) {
	wishes := map[part]*wish{mainPart: {how: how}, ground: {how: how}}
	for _, c := range changes {
		if c.Prop < 0 || c.Prop >= len(m.slots) || m.slots[c.Prop].role == noRole {
			return nil, fmt.Errorf("property %d is not to be had this way: %w", c.Prop, mi.ErrUnsupported)
		}
		p := &m.spec.Props[c.Prop]
		at := m.slots[c.Prop]
		if leave, ok := c.Value.Bool(); at.role == night && ok && !leave {
			if on, _ := now.on(at.part); !on {
				continue // the night light of a lamp that is off is off
			}
		}
		if err := wishes[at.part].take(p, at.role, c.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Key, err)
		}
	}
	var out []planned
	for _, of := range []part{mainPart, ground} {
		for _, c := range wishes[of].commands(of, now, r) {
			c.method = string(of) + c.method
			out = append(out, planned{c, of, wishes[of].begins()})
		}
		if d := wishes[of].delay; d != nil {
			out = append(out, planned{timer(*d), of, 0})
		}
	}
	return out, nil
}

// planned is a command for one of the lights, and the effect that it begins.
type planned struct {
	command
	part   part
	effect int64
}

// begins is the effect that flows when the wish is granted; 0 is none.
func (w *wish) begins() int64 {
	switch {
	case w.on != nil && !*w.on:
		return 0
	case w.flow != nil:
		return numberFlow
	}
	return w.effect
}

// take adds one change to the wish.
func (w *wish) take(p *mi.Property, r role, v mi.Value) error {
	n, isNumber := v.Int()
	b, isTruth := v.Bool()
	bad := fmt.Errorf("%.40q is no value of it: %w", v, mi.ErrInvalid)
	switch {
	case r == flow:
		return w.takeFlow(v.String())
	case (r == power || r == night) && !isTruth, r != power && r != night && !isNumber:
		return bad
	case r == mode:
		return w.takeMode(p, n)
	case p.Range != nil && (r == bright || r == temperature):
		n = min(max(n, int64(p.Range.Min), 1), int64(p.Range.Max))
	case r == colour && (n < 0 || n > 0xffffff), r == delay && (n < 0 || n > maxDelay):
		return bad
	}
	switch r {
	case power:
		w.on = &b
	case bright:
		w.bright = n
	case temperature:
		w.kelvin, w.rgb = n, 0
	case colour:
		w.rgb, w.kelvin = max(n, 1), 0 // firmware refuses black
	case night:
		if w.look = inWhite; b {
			w.look = inNight
		}
	case delay:
		w.delay = &n
	}
	return nil
}

func (w *wish) takeMode(p *mi.Property, n int64) error {
	i := slices.IndexFunc(p.List, func(c mi.Choice) bool { return c.Value == mi.Int(n) })
	switch {
	case i < 0:
		return fmt.Errorf("there is no mode %d: %w", n, mi.ErrInvalid)
	case n >= numberFirst:
		w.effect = n
		return nil
	case n == numberFlow:
		return fmt.Errorf("the choice Flow only tells that a flow of your own is running; start one by its text, in the entity Colour flow: %w", mi.ErrInvalid)
	}
	if w.look = lookOf(p.List[i].Label); w.look == noLook {
		return fmt.Errorf("mode %q is not to be had this way: %w", p.List[i].Label, mi.ErrUnsupported)
	}
	return nil
}

// takeFlow reads "count, action, ms, kind, value, brightness, …".
func (w *wish) takeFlow(text string) error {
	var n []int
	for field := range strings.SplitSeq(strings.Trim(text, "[] "), ",") {
		i, err := strconv.Atoi(strings.Trim(field, `" `))
		if err != nil {
			n = nil
			break
		}
		n = append(n, i)
	}
	if len(n) < 6 || len(n)%4 != 2 || len(n) > 2+4*32 || n[0] < 0 || n[1] < flowBack || n[1] > flowOff {
		return fmt.Errorf("%.80q is no flow; send count, what follows (0 back, 1 stay, 2 off), then for each step milliseconds, kind (1 colour, 2 white, 7 rest), value, brightness: %w", text, mi.ErrInvalid)
	}
	var steps []step
	for s := range slices.Chunk(n[2:], 4) {
		if s[0] < 50 || !slices.Contains([]int{1, 2, 7}, s[1]) {
			return fmt.Errorf("flow step %v: at least 50 milliseconds, and kind 1, 2 or 7: %w", s, mi.ErrInvalid)
		}
		steps = append(steps, step(s))
	}
	w.flow = []any{n[0], n[1], expression(steps)}
	return nil
}

// commands says how the wish is granted. A lamp that is off, or of which nothing
// is known, gets one set_scene, so that its old colour never shows.
func (w *wish) commands(of part, now state, r *rand.Rand) []command {
	on, sure := now.on(of)
	switch {
	case w.how.Flash > 0 && w.asks():
		return []command{w.flash(of, now, on && sure)}
	case w.on != nil && !*w.on:
		return []command{w.smooth("set_power", "off")}
	case w.flow != nil:
		return w.start(w.flow, on && sure)
	case w.effect != 0 && effects()[w.effect-numberFirst].flow == nil:
		return []command{{method: "stop_cf"}}
	case w.effect != 0:
		e := effects()[w.effect-numberFirst]
		return w.start(e.params(r), on && sure)
	case on && sure:
		return w.change()
	}
	if c, ok := w.scene(of, now); ok {
		return []command{w.risen(c)}
	}
	out := w.wake()
	if w.bright != 0 { // a lamp without colours takes no scene
		out = append(out, w.smooth("set_bright", w.bright))
	}
	return out
}

func (w *wish) start(params []any, on bool) []command {
	if on {
		return []command{{"start_cf", params}}
	}
	return []command{{"set_scene", append([]any{"cf"}, params...)}}
}

// change is for a lamp that is on.
func (w *wish) change() (out []command) {
	switch {
	case w.rgb != 0:
		out = append(out, w.smooth("set_rgb", w.rgb))
	case w.kelvin != 0:
		out = append(out, w.smooth("set_ct_abx", w.kelvin))
	case w.look != noLook:
		out = append(out, w.wake()...)
	}
	if w.bright != 0 {
		out = append(out, w.smooth("set_bright", w.bright))
	}
	if len(out) == 0 && w.on != nil {
		out = w.wake()
	}
	return out
}

// scene is for a lamp that is off.
func (w *wish) scene(of part, now state) (command, bool) {
	level := w.bright
	if level == 0 {
		was, _ := now.num(string(of) + "bright")
		level = cmp.Or(was, 100)
	}
	kelvin, _ := now.num(string(of) + "ct")
	rgb, _ := now.rgb(of)
	switch {
	case w.rgb != 0:
		return command{"set_scene", []any{"color", w.rgb, level}}, true
	case w.kelvin != 0:
		return command{"set_scene", []any{"ct", w.kelvin, level}}, true
	case w.bright == 0:
		return command{}, false
	case w.look == inNight || w.look == noLook && now.look(of) == inNight:
		return command{"set_scene", []any{"nightlight", level}}, true
	case rgb > 0 && (w.look == inColor || w.look == noLook && now.look(of) == inColor):
		return command{"set_scene", []any{"color", rgb, level}}, true
	case kelvin > 0:
		return command{"set_scene", []any{"ct", kelvin, level}}, true
	}
	return command{}, false
}

// wake switches on, in a certain way where one is wished.
func (w *wish) wake() []command {
	if w.on == nil && w.look == noLook && w.bright == 0 {
		return nil
	}
	c := w.smooth("set_power", "on")
	switch w.look {
	case inWhite:
		c.params = append(c.params, asWhite)
	case inColor:
		c.params = append(c.params, asColor)
	case inNight:
		c.params = append(c.params, asNight)
	}
	return []command{c}
}

// timer sets the minutes until the lamp goes off; 0 forgets it.
func timer(minutes int64) command {
	if minutes == 0 {
		return command{"cron_del", []any{0}}
	}
	return command{"cron_add", []any{0, minutes}}
}

package yeelight

import "time"

const (
	usualFade = 300 // milliseconds of a smooth change
	leastFade = 30  // that a lamp takes
	leastStep = 50  // of a flow
	slowFade  = 500 // from which a lamp that is off is seen to rise
	blink     = 500 // milliseconds of each half of a flash
)

// fade is the milliseconds of a change.
func (w *wish) fade() int {
	if !w.how.Fades {
		return usualFade
	}
	return int(w.how.Fade / time.Millisecond)
}

// smooth makes a command that lasts as long as is wished.
func (w *wish) smooth(method string, value any) command {
	ms := w.fade()
	if ms < leastFade {
		return command{method, []any{value, "sudden", 0}}
	}
	return command{method, []any{value, "smooth", ms}}
}

// asks reports whether the wish is about this light at all.
func (w *wish) asks() bool {
	return w.on != nil || w.bright != 0 || w.kelvin != 0 || w.rgb != 0 || w.look != noLook || w.effect != 0
}

// risen makes a scene for a lamp that is off come up slowly, when that is wished:
// in its own colour from the first moment.
func (w *wish) risen(c command) command {
	if !w.how.Fades || w.fade() < slowFade || len(c.params) != 3 {
		return c
	}
	value, ok := c.params[1].(int64)
	level, ok2 := c.params[2].(int64)
	kind := map[any]int{"color": 1, "ct": 2}[c.params[0]]
	if !ok || !ok2 || kind == 0 {
		return c
	}
	steps := []step{{leastStep, kind, int(value), 1}, {w.fade(), kind, int(value), int(level)}}
	return command{c.method, []any{"cf", len(steps), flowStay, expression(steps)}}
}

// flash blinks in the colour that is wished, or else as the light is, and leaves it
// as it was.
func (w *wish) flash(of part, now state, on bool) command {
	kind, value := 2, int64(4000)
	if kelvin, ok := now.num(string(of) + "ct"); ok && kelvin > 0 {
		value = kelvin
	}
	rgb, _ := now.rgb(of)
	switch {
	case w.rgb != 0:
		kind, value = 1, w.rgb
	case w.kelvin != 0:
		value = w.kelvin
	case rgb > 0 && now.look(of) == inColor:
		kind, value = 1, rgb
	}
	steps := []step{{blink, kind, int(value), 100}, {blink, kind, int(value), 1}}
	times := max(1, int(w.how.Flash/(2*blink*time.Millisecond)))
	end := flowBack
	if !on {
		end = flowOff
	}
	params := []any{times * len(steps), end, expression(steps)}
	return w.start(params, on)[0]
}

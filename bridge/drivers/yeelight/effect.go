package yeelight

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// What a lamp does after the last step of a flow.
const (
	flowBack = iota // to the state before
	flowStay
	flowOff
)

// Numbers of choices of the property mode beside those of the spec. They never
// change: they are part of what automations may use.
const (
	numberFlow  = 100 // somebody's own flow is running; cannot be chosen
	numberFirst = 101 // of the effects, in the order of the table
	numberStop  = 117 // the one that ends all others
)

// skill is what a lamp must be able to do for an effect.
type skill uint8

const (
	dims skill = iota
	whitens
	colors
)

// effect is a colour flow with a name. The flows are those which owners know from
// Home Assistant.
type effect struct {
	label string
	needs skill
	times int // 0 is for ever
	end   int
	flow  func(r *rand.Rand) []step // nil stops whatever flows
	drawn bool                      // other colours every time
}

// step is one change of a flow: milliseconds, kind (1 colour, 2 white, 7 rest),
// value, brightness.
type step [4]int

func color(rgb, ms, bright int) step    { return step{ms, 1, rgb, bright} }
func white(kelvin, ms, bright int) step { return step{ms, 2, kelvin, bright} }
func rest(ms int) step                  { return step{ms, 7, 1, 2} }

// hue is a colour by hue 0…359 and saturation 0…100. The flows' hues divide the
// circle by 359.
func hue(h, s, ms, bright int) step {
	return color(hsv(float64(min(h, 359))/359, float64(s)/100), ms, bright)
}

// hsv returns 0xRRGGBB of hue and saturation, each 0…1, at full brightness.
func hsv(h, s float64) int {
	part := func(n float64) int {
		k := math.Mod(n+h*6, 6)
		return int(math.Round(255 * (1 - s*max(0, min(k, 4-k, 1)))))
	}
	return part(5)<<16 | part(3)<<8 | part(1)
}

func fixed(steps ...step) func(*rand.Rand) []step {
	return func(*rand.Rand) []step { return steps }
}

// pulse shows one colour twice.
func pulse(label string, rgb int) effect {
	return effect{label: label, times: 2, flow: fixed(color(rgb, 250, 100), color(rgb, 250, 1))}
}

// loop shows n colours drawn by lot; the i-th takes ms(i).
func loop(n int, ms func(i int) int) func(*rand.Rand) []step {
	return func(r *rand.Rand) []step {
		out := make([]step, n)
		for i := range out {
			out[i] = hue(r.IntN(360), 100, ms(i), 100)
		}
		return out
	}
}

func always(ms int) func(int) int { return func(int) int { return ms } }

// effects lists all of them; the position makes the number.
func effects() []effect {
	const red, blue = 0xff0000, 0x0000ff
	return []effect{
		{label: "Disco", flow: fixed(hue(0, 100, 500, 100), hue(0, 100, 500, 1), hue(90, 100, 500, 100), hue(90, 100, 500, 1),
			hue(180, 100, 500, 100), hue(180, 100, 500, 1), hue(270, 100, 500, 100), hue(270, 100, 500, 1))},
		{label: "Slow Temp", needs: whitens, flow: fixed(white(1700, 40000, 100), white(6500, 40000, 100))},
		{label: "Strobe epilepsy!", flow: fixed(hue(0, 0, 50, 100), hue(0, 0, 50, 1))},
		{label: "Strobe color", needs: colors, flow: fixed(hue(240, 100, 50, 100), hue(60, 100, 50, 100), hue(330, 100, 50, 100),
			hue(0, 100, 50, 100), hue(173, 100, 50, 100), hue(30, 100, 50, 100))},
		{label: "Alarm", flow: fixed(hue(0, 100, 250, 100), hue(0, 100, 250, 60))},
		{label: "Police", needs: colors, flow: fixed(color(red, 300, 100), color(blue, 300, 100))},
		{label: "Police2", flow: fixed(color(red, 250, 100), color(red, 250, 1), color(red, 250, 100), rest(250),
			color(blue, 250, 100), color(blue, 250, 1), color(blue, 250, 100), rest(250))},
		{label: "Christmas", needs: colors, flow: fixed(hue(0, 100, 250, 100), rest(3000), hue(120, 100, 250, 100), rest(3000))},
		{label: "RGB", needs: colors, flow: fixed(hue(0, 100, 250, 100), rest(3000), hue(120, 100, 250, 100), rest(3000),
			hue(240, 100, 250, 100), rest(3000))},
		{label: "Random Loop", needs: colors, drawn: true, flow: loop(9, always(750))},
		{label: "Fast Random Loop", needs: colors, drawn: true, flow: loop(9, always(250))},
		{label: "LSD", needs: colors, flow: fixed(hue(3, 85, 3000, 100), hue(20, 90, 3000, 100), hue(55, 95, 3000, 100),
			hue(93, 50, 3000, 100), hue(198, 97, 3000, 100))},
		{label: "Slowdown", needs: colors, drawn: true, flow: loop(8, func(i int) int { return 2000 * (i + 1) })},
		pulse("WhatsApp", 0x25d366),
		pulse("Facebook", 0x3b5998),
		pulse("Twitter", 0x00aced),
		{label: "Stop"},
		{label: "Home", flow: fixed(white(3200, 500, 80))},
		{label: "Night Mode", needs: colors, flow: fixed(color(0xff9900, 500, 1))},
		{label: "Date Night", needs: colors, flow: fixed(color(0xff6600, 500, 50))},
		{label: "Movie", needs: colors, flow: fixed(color(0x141432, 500, 50))},
		{label: "Sunrise", needs: colors, times: 1, end: flowStay, flow: fixed(color(0xff4d00, 50, 1), white(1700, 360000, 10), white(2700, 540000, 100))},
		{label: "Sunset", needs: colors, times: 1, end: flowOff, flow: fixed(white(2700, 50, 10), white(1700, 180000, 5), color(0xff4c00, 420000, 1))},
		{label: "Romance", needs: colors, end: flowStay, flow: fixed(color(0x59156d, 4000, 1), color(0x66142a, 4000, 1))},
		{label: "Happy Birthday", needs: colors, end: flowStay, flow: fixed(color(0xdc5019, 1996, 80), color(0xdc781e, 1996, 80), color(0xaa3214, 1996, 80))},
		{label: "Candle Flicker", flow: fixed(white(2700, 800, 50), white(2700, 800, 30), white(2700, 1200, 80), white(2700, 800, 60),
			white(2700, 1200, 90), white(2700, 2400, 50), white(2700, 1200, 80), white(2700, 800, 60), white(2700, 400, 70))},
		{label: "Tea Time", flow: fixed(white(3000, 500, 50))},
	}
}

// params returns count, action and expression of start_cf.
func (e *effect) params(r *rand.Rand) []any {
	steps := e.flow(r)
	return []any{e.times * len(steps), e.end, expression(steps)}
}

func expression(steps []step) string {
	var out []string
	for _, s := range steps {
		for _, n := range s {
			out = append(out, strconv.Itoa(n))
		}
	}
	return strings.Join(out, ", ")
}

// running finds the effect to which the expression of a running flow belongs; 0
// is none. Lamps leave out the blanks, and some put count and action before it.
func running(flow string) int64 {
	flow = strings.ReplaceAll(flow, " ", "")
	for i, e := range effects() {
		if e.flow == nil || e.drawn {
			continue
		}
		want := strings.ReplaceAll(expression(e.flow(nil)), " ", "")
		if flow == want || strings.HasSuffix(flow, ","+want) {
			return numberFirst + int64(i)
		}
	}
	return 0
}

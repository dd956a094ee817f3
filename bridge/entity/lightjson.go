package entity

import (
	"math"
	"strconv"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// lightJSON is Home Assistant's own JSON of a light, both ways.
type lightJSON struct {
	*lamp
	mired bool
}

func (c *lightJSON) render(values []mi.Value) (string, bool) {
	on, known := c.on(values)
	if !known {
		return `{"state":null}`, true
	}
	out := append(make([]byte, 0, 160), `{"state":"OFF"`...)
	if on {
		out = append(out[:0], `{"state":"ON"`...)
	}
	if b, ok := c.brightness(values); ok {
		out = strconv.AppendInt(append(out, `,"brightness":`...), b, 10)
	}
	out = c.appendColor(out, values)
	if c.effect != nil {
		if at := c.effect.at(values); at >= 0 {
			out = mi.Text(c.effect.words[at]).AppendJSON(append(out, `,"effect":`...))
		}
	}
	return string(append(out, '}')), true
}

func (c *lightJSON) appendColor(out []byte, values []mi.Value) []byte {
	kelvin, white := c.temperature(values)
	r, g, b, color := c.rgb(values)
	switch {
	case color && c.colored(values):
		out = strconv.AppendInt(append(out, `,"color_mode":"rgb","color":{"r":`...), r, 10)
		out = strconv.AppendInt(append(out, `,"g":`...), g, 10)
		return append(strconv.AppendInt(append(out, `,"b":`...), b, 10), '}')
	case white && c.mired:
		return strconv.AppendInt(append(out, `,"color_mode":"color_temp","color_temp":`...), int64(math.Round(1e6/float64(max(kelvin, 1)))), 10)
	case white:
		return strconv.AppendInt(append(out, `,"color_mode":"color_temp","color_temp":`...), kelvin, 10)
	case c.white != nil || c.color != nil:
		return out
	case c.level != nil:
		return append(out, `,"color_mode":"brightness"`...)
	}
	return append(out, `,"color_mode":"onoff"`...)
}

// command is what the JSON of a command may hold. Transition and flash are seconds;
// what a device makes of them is its own.
type command struct {
	State      *string  `json:"state"`
	Brightness *float64 `json:"brightness"`
	Kelvin     *float64 `json:"color_temp"`
	ColorMode  *string  `json:"color_mode"`
	Color      *struct {
		R *float64 `json:"r"`
		G *float64 `json:"g"`
		B *float64 `json:"b"`
		H *float64 `json:"h"`
		S *float64 `json:"s"`
	} `json:"color"`
	Effect     *string  `json:"effect"`
	Transition *float64 `json:"transition"`
	Flash      *any     `json:"flash"` // or "short" or "long"
}

func (c *lightJSON) order(payload string, values []mi.Value, o *mi.Order) error {
	var cmd command
	if err := object(payload, &cmd, "state (ON or OFF), brightness (0 to 255), color_temp, color (r, g, b), effect"); err != nil {
		if _, ok := truth(payload); ok || payload == "TOGGLE" {
			return (&lightState{c.lamp}).order(payload, values, o)
		}
		return err
	}
	on, err := c.wanted(&cmd, values)
	if err == nil {
		o.Manner, err = cmd.manner()
	}
	switch {
	case err != nil:
		return err
	case !on:
		return c.turn(false, o)
	case c.power != nil || cmd.Brightness == nil:
		if err := c.turn(true, o); err != nil {
			return err
		}
	}
	return c.apply(&cmd, o)
}

// wanted is the state that the command asks for; a brightness or colour alone
// asks for light.
func (c *lightJSON) wanted(cmd *command, values []mi.Value) (bool, error) {
	if cmd.Brightness != nil && *cmd.Brightness == 0 {
		return false, nil
	}
	if cmd.State == nil {
		if cmd.Brightness == nil && cmd.Kelvin == nil && cmd.Color == nil && cmd.Effect == nil {
			return false, invalid("the command asks for nothing; send at least a state, such as {\"state\":\"ON\"}")
		}
		return true, nil
	}
	if on, ok := truth(*cmd.State); ok {
		return on, nil
	}
	if on, known := c.on(values); *cmd.State == "TOGGLE" && known {
		return !on, nil
	}
	return false, invalid("state %q is neither ON nor OFF", cut(*cmd.State, 40))
}

// manner reads how the light is to change.
func (cmd *command) manner() (how mi.Manner, err error) {
	const longest = 3600 // seconds
	if t := cmd.Transition; t != nil {
		if *t < 0 || *t > longest {
			return how, invalid("transition %s is out of range; send 0 to %d seconds", plain(*t), longest)
		}
		how.Fades, how.Fade = true, seconds(*t)
	}
	if cmd.Flash == nil {
		return how, nil
	}
	switch f := (*cmd.Flash).(type) {
	case float64:
		if f <= 0 || f > longest {
			return how, invalid("flash %s is out of range; send up to %d seconds", plain(f), longest)
		}
		how.Flash = seconds(f)
	case string:
		how.Flash = map[string]time.Duration{"short": 2 * time.Second, "long": 10 * time.Second}[f]
	}
	if how.Flash == 0 {
		return how, invalid("flash is a number of seconds, short or long")
	}
	return how, nil
}

func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

func (c *lightJSON) apply(cmd *command, o *mi.Order) error {
	if cmd.Brightness != nil {
		if err := c.dim(*cmd.Brightness, o); err != nil {
			return err
		}
	}
	if cmd.Kelvin != nil {
		kelvin := *cmd.Kelvin
		if c.mired {
			kelvin = 1e6 / max(kelvin, 1)
		}
		if err := c.tint(kelvin, o); err != nil {
			return err
		}
	}
	if cmd.Color != nil {
		if err := c.applyColor(cmd, o); err != nil {
			return err
		}
	}
	if cmd.Effect == nil {
		return nil
	}
	if c.effect == nil {
		return invalid("this light has no effects")
	}
	return c.effect.order(*cmd.Effect, nil, o)
}

func (c *lightJSON) applyColor(cmd *command, o *mi.Order) error {
	k := cmd.Color
	switch {
	case k.R != nil && k.G != nil && k.B != nil:
		return c.paint(*k.R, *k.G, *k.B, o)
	case k.H != nil && k.S != nil && *k.H >= 0 && *k.H <= 360 && *k.S >= 0 && *k.S <= 100:
		r, g, b := fromHS(*k.H, *k.S)
		return c.paint(r, g, b, o)
	}
	return invalid("color wants r, g and b of 0 to 255, or h of 0 to 360 and s of 0 to 100")
}

// toHS turns red, green and blue into hue (0…360) and saturation (0…100).
func toHS(r, g, b float64) (h, s float64) {
	hi, lo := max(r, g, b), min(r, g, b)
	if hi == lo {
		return 0, 0
	}
	d := hi - lo
	switch hi {
	case r:
		h = math.Mod((g-b)/d+6, 6)
	case g:
		h = (b-r)/d + 2
	default:
		h = (r-g)/d + 4
	}
	return h * 60, d / hi * 100
}

// fromHS turns hue and saturation into red, green and blue at full brightness.
func fromHS(h, s float64) (r, g, b float64) {
	part := func(n float64) float64 {
		k := math.Mod(n+h/60, 6)
		return math.Round(255 * (1 - s/100*max(0, min(k, 4-k, 1))))
	}
	return part(5), part(3), part(1)
}

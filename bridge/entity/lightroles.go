package entity

import (
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// lightState is the plain on/off role, which also takes a brightness.
type lightState struct{ *lamp }

func (c *lightState) render(values []mi.Value) (string, bool) {
	on, known := c.on(values)
	switch {
	case !known:
		return none, true
	case on:
		return "ON", true
	}
	return "OFF", true
}

func (c *lightState) order(payload string, values []mi.Value, o *mi.Order) error {
	word := strings.TrimSpace(payload)
	if strings.HasPrefix(word, "{") {
		return (&lightJSON{lamp: c.lamp}).order(payload, values, o)
	}
	if f, ok := mi.Text(word).Float(); ok && c.level != nil {
		return c.shine(f, o)
	}
	if strings.EqualFold(word, "TOGGLE") {
		on, known := c.on(values)
		if !known {
			return invalid("cannot toggle, since the state of the light is not known; send ON or OFF")
		}
		return c.turn(!on, o)
	}
	on, ok := truth(word)
	if !ok {
		return invalid("%q is not a state; send ON, OFF, TOGGLE or a brightness of 0 to 255", cut(payload, 40))
	}
	return c.turn(on, o)
}

// shine switches the lamp on with a brightness, or off with none.
func (l *lamp) shine(brightness float64, o *mi.Order) error {
	if brightness == 0 {
		return l.turn(false, o)
	}
	if l.power != nil {
		if err := l.turn(true, o); err != nil {
			return err
		}
	}
	return l.dim(brightness, o)
}

type lightLevel struct{ *lamp }

func (c *lightLevel) render(values []mi.Value) (string, bool) {
	if b, ok := c.brightness(values); ok {
		return strconv.FormatInt(b, 10), true
	}
	return none, true
}

func (c *lightLevel) order(payload string, _ []mi.Value, o *mi.Order) error {
	f, ok := mi.Text(strings.TrimSpace(payload)).Float()
	if !ok {
		return invalid("%q is not a brightness; send 0 to 255", cut(payload, 40))
	}
	return c.shine(f, o)
}

type lightWhite struct{ *lamp }

func (c *lightWhite) render(values []mi.Value) (string, bool) {
	if k, ok := c.temperature(values); ok {
		return strconv.FormatInt(k, 10), true
	}
	return none, true
}

func (c *lightWhite) order(payload string, _ []mi.Value, o *mi.Order) error {
	f, ok := mi.Text(strings.TrimSpace(payload)).Float()
	if !ok {
		return invalid("%q is not a colour temperature; send kelvin, such as 4000", cut(payload, 40))
	}
	return c.tint(f, o)
}

type lightRGB struct{ *lamp }

func (c *lightRGB) render(values []mi.Value) (string, bool) {
	r, g, b, ok := c.rgb(values)
	if !ok {
		return none, true
	}
	out := strconv.AppendInt(make([]byte, 0, 12), r, 10)
	out = strconv.AppendInt(append(out, ','), g, 10)
	return string(strconv.AppendInt(append(out, ','), b, 10)), true
}

func (c *lightRGB) order(payload string, _ []mi.Value, o *mi.Order) error {
	parts, ok := floats(payload, 3)
	if !ok {
		return invalid("%q is not a colour; send red,green,blue, each 0 to 255", cut(payload, 40))
	}
	return c.paint(parts[0], parts[1], parts[2], o)
}

// floats reads n numbers between commas.
func floats(payload string, n int) ([]float64, bool) {
	parts := strings.Split(payload, ",")
	if len(parts) != n {
		return nil, false
	}
	out := make([]float64, n)
	for i, part := range parts {
		f, ok := mi.Text(strings.TrimSpace(part)).Float()
		if !ok {
			return nil, false
		}
		out[i] = f
	}
	return out, true
}

type lightHS struct{ *lamp }

func (c *lightHS) render(values []mi.Value) (string, bool) {
	r, g, b, ok := c.rgb(values)
	if !ok {
		return none, true
	}
	h, s := toHS(float64(r), float64(g), float64(b))
	return strconv.FormatFloat(h, 'f', 1, 64) + "," + strconv.FormatFloat(s, 'f', 1, 64), true
}

func (c *lightHS) order(payload string, _ []mi.Value, o *mi.Order) error {
	parts, ok := floats(payload, 2)
	if !ok || parts[0] < 0 || parts[0] > 360 || parts[1] < 0 || parts[1] > 100 {
		return invalid("%q is not a colour; send hue,saturation as 0 to 360 and 0 to 100", cut(payload, 40))
	}
	r, g, b := fromHS(parts[0], parts[1])
	return c.paint(r, g, b, o)
}

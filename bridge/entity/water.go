package entity

import (
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// humidifier is the composite of what moistens or dries the air.
func (c *composite) humidifier() bool {
	f := c.prop("state")
	if f == nil {
		return false
	}
	c.bind(bind("state", c.newOnoff(f), f))
	c.target("target_humidity")
	c.reading("current_humidity")
	if f := c.prop("mode"); f != nil {
		if list := c.newChoice(f); list != nil {
			c.bind(list.listed(bind("mode", list, f)))
		} else {
			c.release(f)
		}
	}
	return true
}

// waterHeater is the composite of what heats water. Its modes are the device's
// own, and off.
func (c *composite) waterHeater() bool {
	h := &boiler{}
	var fields []*field
	if f := c.prop("power"); f != nil {
		h.power, fields = c.newOnoff(f), append(fields, f)
	}
	if f := c.prop("mode"); f != nil {
		if h.mode = c.newChoice(f); h.mode != nil {
			fields = append(fields, f)
		} else {
			c.release(f)
		}
	}
	if len(fields) > 0 {
		b := bind("mode", h, fields...)
		b.Options = h.options()
		c.bind(b)
	}
	if h.power != nil {
		c.bind(bind("power", h.power, &h.power.f))
	}
	c.target("temperature")
	c.reading("current_temperature")
	return len(c.entity.Binds) > 0
}

// boiler is the mode of a water heater.
type boiler struct {
	power *onoff  // nil when it is always on
	mode  *choice // nil when there is none to choose
}

func (c *boiler) options() (out []string) {
	if c.power != nil {
		out = append(out, "off")
	}
	if c.mode == nil {
		return append(out, "on")
	}
	for _, word := range c.mode.words {
		if !strings.EqualFold(word, "off") || c.power == nil {
			out = append(out, word)
		}
	}
	return out
}

func (c *boiler) render(values []mi.Value) (string, bool) {
	if c.power != nil {
		on, known := c.power.state(values)
		switch {
		case known && !on:
			return "off", true
		case c.mode == nil && known:
			return "on", true
		case c.mode == nil:
			return none, true
		}
	}
	text, ok := c.mode.render(values)
	if c.power != nil && strings.EqualFold(text, "off") {
		return "off", true
	}
	return text, ok
}

func (c *boiler) order(payload string, _ []mi.Value, o *mi.Order) error {
	options := c.options()
	i, err := pickWord(options, payload)
	if err != nil {
		return err
	}
	if c.power != nil {
		if err := c.power.set(options[i] != "off", o); err != nil || options[i] == "off" || c.mode == nil {
			return err
		}
	}
	return c.mode.order(options[i], nil, o)
}

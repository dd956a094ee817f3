package yeelight

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// kind is one sort of Yeelight lamp.
type kind struct {
	model, short, label, room string
	low, high                 int // kelvin
	support                   []string
	props                     map[string]string
}

func kinds() []kind {
	basic := strings.Fields("get_prop set_default set_power toggle set_bright start_cf stop_cf set_scene cron_add cron_get cron_del set_ct_abx set_adjust adjust_bright adjust_ct set_name")
	ground := strings.Fields("bg_set_power bg_toggle bg_set_bright bg_set_ct_abx bg_set_rgb bg_set_hsv bg_set_scene bg_set_default bg_start_cf bg_stop_cf bg_set_adjust dev_toggle")
	return []kind{
		{
			model: "yeelink.light.strip1", short: "stripe", label: "Light string", room: "Living room", low: 1700, high: 6500,
			support: slices.Concat(basic, strings.Fields("set_rgb set_hsv adjust_color set_music")),
			props: facts("power", "off", "bright", "80", "ct", "4000", "rgb", "16711680", "hue", "359", "sat", "100",
				"color_mode", "2", "flowing", "0", "delayoff", "0", "music_on", "0", "flow_params", "", "name", ""),
		},
		{
			model: "yeelink.light.ceiling4", short: "ceiling4", label: "Ceiling lamp", room: "Bedroom", low: 2700, high: 6500,
			support: slices.Concat(basic, ground),
			props: facts("power", "on", "main_power", "on", "bright", "60", "ct", "3500", "color_mode", "2", "flowing", "0", "delayoff", "0",
				"music_on", "0", "name", "", "nl_br", "0", "active_mode", "0", "flow_params", "",
				"bg_power", "off", "bg_bright", "50", "bg_ct", "4000", "bg_rgb", "65280", "bg_hue", "120", "bg_sat", "100",
				"bg_lmode", "1", "bg_flowing", "0", "bg_flow_params", ""),
		},
	}
}

func facts(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func newLamp(did uint64, k kind) *Lamp {
	return &Lamp{
		did: did, kind: k, props: maps.Clone(k.props), changed: map[string]any{}, conns: map[*session]bool{},
		flows: map[string]*time.Timer{}, defaults: maps.Clone(k.props),
	}
}

// put makes value the truth of a property; names that the lamp lacks are ignored.
func (l *Lamp) put(name, value string) {
	if was, has := l.props[name]; !has || was == value {
		return
	}
	l.props[name] = value
	l.changed[name] = value
	if n, err := strconv.Atoi(value); err == nil && !strings.HasSuffix(name, "bright") && name != "ct" {
		l.changed[name] = n // lamps mix texts and numbers
	}
	if name == "main_power" || name == "bg_power" {
		on := l.props["main_power"] == "on" || l.props["bg_power"] == "on"
		l.put("power", map[bool]string{true: "on", false: "off"}[on])
	}
}

func (l *Lamp) putNumber(name string, n int64) { l.put(name, strconv.FormatInt(n, 10)) }

// call is one command for one of the two lights.
type call struct {
	l      *Lamp
	part   string // "" or "bg_"
	params []mi.Value
}

func (c call) num(i int) int64 {
	if i >= len(c.params) {
		return -1
	}
	n, ok := c.params[i].Int()
	if !ok {
		return -1
	}
	return n
}

func (c call) text(i int) string {
	if i >= len(c.params) {
		return ""
	}
	return c.params[i].String()
}

func (c call) between(i int, low, high int64) bool { return c.num(i) >= low && c.num(i) <= high }

// powerName is the property that the light's switch moves.
func (c call) powerName() string {
	if _, both := c.l.props["main_power"]; both && c.part == "" {
		return "main_power"
	}
	return c.part + "power"
}

func (c call) isOn() bool { return c.l.props[c.powerName()] == "on" }

func (c call) turn(on bool) {
	c.l.put(c.powerName(), map[bool]string{true: "on", false: "off"}[on])
	if !on {
		c.halt()
	}
}

// lit puts the light into a colour mode: 1 rgb, 2 white, 3 hsv.
func (c call) lit(mode int64) {
	c.halt()
	if c.part == "" {
		c.l.putNumber("color_mode", mode)
		c.l.put("active_mode", "0")
		return
	}
	c.l.putNumber("bg_lmode", mode)
}

// halt ends a flow.
func (c call) halt() {
	if t := c.l.flows[c.part]; t != nil {
		t.Stop()
		delete(c.l.flows, c.part)
	}
	c.l.put(c.part+"flowing", "0")
}

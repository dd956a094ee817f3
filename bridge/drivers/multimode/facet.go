package multimode

import (
	"strconv"
	"strings"
)

// facet is what an attribute is in MIoT's vocabulary. Its numbers are the identity
// of what the Zigbee part calls by resource: they never change.
type facet struct {
	siid, piid int
	service    string
	name       string
	inverse    bool // MIoT says the opposite
}

// facetTable lists the attributes that have a name there: attribute, service,
// its number, property, its number. A ! inverts.
const facetTable = `
motion motion-sensor 2 motion-state 1
illuminance illumination-sensor 3 illumination 1
contact magnet-sensor 2 !contact-state 1
moisture submersion-sensor 2 submersion-state 1
water_leak submersion-sensor 2 submersion-state 1
smoke smoke-sensor 2 smoke-state 1
smoke_density smoke-sensor 2 smoke-concentration 2
gas gas-sensor 2 gas-state 1
gas_density gas-sensor 2 gas-concentration 2
temperature temperature-humidity-sensor 4 temperature 1
humidity temperature-humidity-sensor 4 relative-humidity 2
pressure temperature-humidity-sensor 4 atmospheric-pressure 3
tvoc air-monitor 5 tvoc-density 1
occupancy occupancy-sensor 2 occupancy-status 1
occupy occupancy-sensor 2 occupancy-status 1
idle_time motion-sensor 2 no-motion-duration 2
battery battery 10 battery-level 1
battery_low battery 10 low-battery-state 2
battery_charging battery 10 charging 3
battery_voltage battery 10 voltage 4
light light 6 on 1
brightness light 6 brightness 2
color_temp light 6 color-temperature 3
rgb_color light 6 color 4
motor curtain 7 motor-control 1
position curtain 7 current-position 2
target_position curtain 7 target-position 3
run_state curtain 7 status 4
motor_reverse curtain 7 motor-reverse 5
plug switch 8 on 1
outlet switch 8 on 1
switch switch 8 on 1
channel switch 8 on 1
power power-consumption 9 electric-power 1
energy power-consumption 9 power-consumption 2
voltage power-consumption 9 voltage 3
current power-consumption 9 electric-current 4
climate thermostat 11 on 1
hvac_mode thermostat 11 mode 2
fan_mode thermostat 11 fan-level 3
target_temp thermostat 11 target-temperature 4
current_temp thermostat 11 temperature 5
led indicator-light 12 on 1
child_lock physical-controls-locked 13 physical-controls-locked 1
fault fault 14 fault 1
lock lock 15 bolt-open 1
square lock 15 square-bolt-open 2
reverse lock 15 anti-lock-open 3
latch lock 15 latch-open 4
key_id lock 15 operation-id 5
method lock 15 operation-method 6
power_on_state settings 90 default-power-on-state 1
`

// Services of the driver's own.
const (
	siidChannel  = 20 // of the first channel of a switch that has several
	siidSettings = 90 // of what has no name in MIoT
	siidPress    = 160
)

func facets() map[string]facet {
	all := map[string]facet{}
	for line := range strings.Lines(strings.TrimSpace(facetTable)) {
		f := strings.Fields(line)
		one := facet{service: f[1]}
		one.siid, _ = strconv.Atoi(f[2]) // the table is tested
		one.name, one.inverse = strings.CutPrefix(f[3], "!")
		one.piid, _ = strconv.Atoi(f[4])
		all[f[0]] = one
	}
	return all
}

// facetOf returns what an attribute is; one with a number behind is one of
// several of its kind.
func (c *catalog) facetOf(t *trait) (f facet, text string) {
	if t.attr == "power" && t.codec == "bool" { // of an air conditioner
		return c.facets["climate"], label("on")
	}
	if f, ok := c.facets[t.attr]; ok {
		return f, label(f.name)
	}
	if n, ok := channel(t); ok {
		return facet{service: "switch", siid: siidChannel + n, piid: 1, name: "on"}, label(t.attr)
	}
	return facet{service: "settings", siid: siidSettings, piid: number(t.place), name: dashed(t.attr)}, label(t.attr)
}

// channel returns which of several switches an attribute is.
func channel(t *trait) (n int, ok bool) {
	if t.platform != "switch" {
		return 0, false
	}
	for _, stem := range []string{"channel_", "switch_"} {
		if rest, found := strings.CutPrefix(t.attr, stem); found {
			n, err := strconv.Atoi(rest)
			return n, err == nil && n > 0 && n <= 16
		}
	}
	for i, name := range []string{"left_switch", "middle_switch", "right_switch"} {
		if t.attr == name {
			return i + 1, true
		}
	}
	return 0, false
}

// number is a property number made of the name of a resource, a.b.c.
func number(p place) int {
	n := 0
	for part := range strings.SplitSeq(p.res, ".") {
		i, _ := strconv.Atoi(part)
		if n = n*100 + i; i > 100 {
			n = n/100*100*100 + i
		}
	}
	return n
}

func dashed(attr string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(attr, func(r rune) bool { return r == '_' || r == ' ' }), "-"))
}

func label(name string) string {
	text := strings.NewReplacer("-", " ", "_", " ").Replace(name)
	return strings.ToUpper(text[:1]) + text[1:]
}

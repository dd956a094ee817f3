package miio

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	street = 80.0 // µg/m³ of PM2.5 outside
	leak   = 4e-4 // share of the room's air that comes in each second
)

// air lets the room's air get dirty and a filter clean it; share is how much of
// the room's air goes through the filter each second.
func (d *Device) air(key string, share float64, dt time.Duration) float64 {
	at, ok := d.inner[key]
	if !ok {
		at = d.num(key)
	}
	at += (leak*(street-at) - share*at) * min(dt.Seconds(), 100)
	d.inner[key] = at
	d.set(key, at)
	return at
}

// purifier cleans the air as fast as its mode lets it.
func purifier() *model {
	return &model{
		name: "dmaker.airpurifier.f20", label: "客厅空气净化器", room: "Living room", firmware: "1.0.9",
		values: facts("2.1", true, "2.2", 0, "2.4", 0, "2.6", false, "2.7", 0, "3.1", 48, "3.4", 62.0, "3.5", 70.0, "3.7", 22.4,
			"4.1", 73, "4.2", 700, "4.3", 2600, "6.1", true, "6.2", 40, "7.1", true, "7.2", 80, "8.1", false, "9.1", 200, "9.3", 90),
		wrote: func(d *Device, key string) {
			switch key {
			case "2.4": // this firmware holds one value under two names
				d.put("2.7", d.values[key])
			case "2.7":
				d.put("2.4", d.values[key])
			}
		},
		step: func(d *Device, dt time.Duration) {
			share := purifierShare(d)
			pm := d.air("3.4", share, dt)
			d.set("3.5", pm*1.1)
			d.set("9.3", share*2.5e5)
		},
	}
}

// purifierShare is the share of the room's air that is cleaned each second.
func purifierShare(d *Device) float64 {
	if !d.is("2.1") {
		return 0
	}
	shares := []float64{0, 6e-4, 1e-3, 2e-3, 3e-3, 4e-3}
	mode := int(d.num("2.4"))
	if mode == 0 {
		return min(4e-3, d.num("3.4")*1e-4) // auto: harder in dirty air
	}
	return shares[mode]
}

// oldPurifier speaks get_prop.
func oldPurifier() *model {
	return &model{
		name: "zhimi.airpurifier.m1", label: "Bedroom purifier", room: "Bedroom", firmware: "1.4.1_69",
		values: facts("power", "on", "aqi", 35, "average_aqi", 31, "humidity", 43, "temp_dec", 231, "mode", "auto", "favorite_level", 5,
			"filter1_life", 58, "f1_hour_used", 1470, "f1_hour", 3500, "use_time", 5_292_000, "motor1_speed", 520, "purify_volume", 131_200,
			"led", "on", "led_b", 0, "buzzer", "off", "child_lock", "off", "bright", 12, "act_sleep", "close", "sleep_mode", "idle", "app_extra", 0, "act_det", "off"),
		legacy: methods{
			"get_prop": ask(getProp), "set_power": onOff("power"), "set_mode": among("mode", "auto", "silent", "favorite", "idle"),
			"set_level_favorite": between("favorite_level", 0, 16), "set_led": onOff("led"), "set_led_b": between("led_b", 0, 2),
			"set_buzzer": onOff("buzzer"), "set_child_lock": onOff("child_lock"), "set_app_extra": between("app_extra", 0, 1),
			"set_act_det": onOff("act_det"), "set_act_sleep": among("act_sleep", "single", "close"),
			"reset_filter1": do(0, func(d *Device, _ []mi.Value) { d.set("filter1_life", 100); d.set("f1_hour_used", 0) }),
		},
		step: func(d *Device, dt time.Duration) {
			speed := oldPurifierSpeed(d)
			d.set("motor1_speed", speed)
			d.air("aqi", speed*2e-6, dt)
			d.approach("average_aqi", d.num("aqi"), 0.01*dt.Seconds())
			if speed > 0 {
				d.grow("use_time", dt.Seconds())
				d.grow("purify_volume", speed*dt.Hours()/5)
			}
		},
	}
}

// oldPurifierSpeed is the motor's speed in turns a minute.
func oldPurifierSpeed(d *Device) float64 {
	if d.text("power") != "on" {
		return 0
	}
	switch d.text("mode") {
	case "silent":
		return 340
	case "favorite":
		return 400 + 120*d.num("favorite_level")
	case "auto":
		return 400 + min(1800, 20*d.num("aqi"))
	}
	return 0
}

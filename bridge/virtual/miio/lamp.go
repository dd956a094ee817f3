package miio

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	colorMode = 1
	dayMode   = 2
)

// lamp is white or coloured. It speaks MIoT and the methods of the years before,
// as late firmware does.
func lamp() *model {
	return &model{
		name: "yeelink.light.color5", label: "Reading lamp", room: "Living room", firmware: "2.0.9_0013", both: true,
		values: facts("2.1", false, "2.2", 60, "2.3", 4000, "2.4", 0xff8800, "2.5", dayMode),
		wrote: func(d *Device, key string) {
			switch key {
			case "2.3":
				d.set("2.5", dayMode)
			case "2.4":
				d.set("2.5", colorMode)
			}
		},
		act: actions{"2.1": flip("2.1")},
		legacy: methods{
			"get_prop":   ask(lampProps),
			"set_power":  do(1, func(d *Device, p []mi.Value) { d.setBool("2.1", p[0] == mi.Text("on")) }),
			"toggle":     do(0, func(d *Device, _ []mi.Value) { d.setBool("2.1", !d.is("2.1")) }),
			"set_bright": lampNumber("2.2"), "set_ct_abx": lampNumber("2.3"), "set_rgb": lampNumber("2.4"),
		},
	}
}

// lampProps tells numbers as text, as the real ones do.
func lampProps(d *Device, p []mi.Value) any {
	names := map[string]string{"bright": "2.2", "ct": "2.3", "rgb": "2.4"}
	out := make([]string, len(p))
	for i, name := range p {
		switch name.String() {
		case "power":
			out[i] = "off"
			if d.is("2.1") {
				out[i] = "on"
			}
		case "color_mode": // 1 is colour, 2 is white
			out[i] = d.text("2.5")
		default:
			out[i] = d.text(names[name.String()])
		}
	}
	return out
}

func lampNumber(key string) method {
	return method{orders: true, run: func(d *Device, p []mi.Value) any {
		if len(p) == 0 {
			return errInvalidArg
		}
		v, ok := d.spec.props[key].accept(p[0])
		if !ok {
			return errInvalidArg
		}
		d.put(key, v)
		d.model.wrote(d, key)
		return okList()
	}}
}

// oldBulb is white, from warm to cold.
func oldBulb() *model {
	return &model{
		name: "philips.light.bulb", label: "Hall bulb", room: "Hall", firmware: "1.2.6_0083",
		values: facts("power", "off", "bright", 50, "cct", 30, "snm", 0, "dv", 0),
		legacy: methods{
			"get_prop": ask(getProp), "set_power": onOff("power"), "set_bright": between("bright", 1, 100),
			"set_cct": between("cct", 1, 100), "apply_fixed_scene": between("snm", 1, 4), "delay_off": between("dv", 0, 21600),
			"set_bricct": do(2, func(d *Device, p []mi.Value) { d.put("bright", p[0]); d.put("cct", p[1]) }),
		},
		wrote: func(d *Device, key string) {
			if key == "bright" || key == "cct" {
				d.set("snm", 0)
			}
		},
		step: func(d *Device, dt time.Duration) {
			if d.countdown("dv", dt.Seconds()) {
				d.setText("power", "off")
			}
		},
	}
}

package miio

import (
	"math"
	"time"
)

// fan has four levels over a hundred speeds and a timer that stops it.
func fan() *model {
	return &model{
		name: "dmaker.fan.p10", label: "Standing fan", room: "Living room", firmware: "1.2.2", push: true,
		values: facts("2.1", true, "2.2", 2, "2.3", 0, "2.4", false, "2.5", 60, "2.6", 0, "2.7", true, "2.8", false, "2.10", 50, "3.1", false),
		act:    actions{"2.1": flip("2.1")},
		wrote: func(d *Device, key string) {
			switch key {
			case "2.2":
				d.set("2.10", 25*d.num("2.2"))
			case "2.10":
				d.set("2.2", math.Ceil(d.num("2.10")/25))
			}
		},
		step: func(d *Device, dt time.Duration) {
			if d.countdown("2.6", dt.Minutes()) {
				d.setBool("2.1", false)
			}
		},
	}
}

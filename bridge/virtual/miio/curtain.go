package miio

import "time"

// The motor's commands and states.
const (
	curtainPause = iota
	curtainOpen
	curtainClose
	curtainToggle
)

const curtainSpeed = 5.0 // percent a second

// curtain runs to its target in twenty seconds.
func curtain() *model {
	return &model{
		name: "lumi.curtain.hmcn01", label: "Curtain", room: "Bedroom", firmware: "1.0.4", push: true,
		values: facts("2.1", 0, "2.3", 0, "2.6", 0, "2.7", 0, "4.1", 1, "4.2", 0, "4.4", 0),
		wrote: func(d *Device, key string) {
			if key != "2.2" {
				return
			}
			d.set("2.7", curtainTarget(d, int(d.num("2.2"))))
		},
		act: actions{"6.1": nothing},
		step: func(d *Device, dt time.Duration) {
			at, target := d.num("2.3"), d.num("2.7")
			switch {
			case at < target:
				d.set("2.6", curtainOpen)
			case at > target:
				d.set("2.6", curtainClose)
			default:
				d.set("2.6", curtainPause)
				return
			}
			d.approach("2.3", target, curtainSpeed*dt.Seconds())
		},
	}
}

// curtainTarget is where a command of the motor leads.
func curtainTarget(d *Device, command int) float64 {
	open := command == curtainOpen
	switch command {
	case curtainPause:
		return d.num("2.3")
	case curtainToggle:
		open = d.num("2.3") < 50
	}
	if open {
		return 100
	}
	return 0
}

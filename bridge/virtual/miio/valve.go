package miio

import "time"

// The states of the valve.
const (
	valveClosed = iota
	valveOpen
	valveTurning
)

const valveTurn = 4 * time.Second

// valve turns for four seconds. Its model is nobody's: the public specs have none.
func valve() *model {
	return &model{
		name: "virtual.valve.v1", label: "燃气阀门", room: "Kitchen", firmware: "1.0.0",
		values: facts("2.1", true, "2.2", 0, "2.3", valveOpen, "3.1", 0),
		wrote: func(d *Device, key string) {
			if key == "2.1" {
				d.inner["turn"] = valveTurn.Seconds()
				d.set("2.3", valveTurning)
			}
		},
		step: func(d *Device, dt time.Duration) {
			if d.num("2.3") != valveTurning {
				return
			}
			if d.inner["turn"] -= dt.Seconds(); d.inner["turn"] > 0 {
				return
			}
			d.set("2.3", valveClosed)
			if d.is("2.1") {
				d.set("2.3", valveOpen)
			}
		},
	}
}

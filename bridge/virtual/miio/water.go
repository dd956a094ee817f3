package miio

import "time"

// The states of the water heater.
const (
	heaterOff = iota
	heaterHeats
	heaterKeeps
)

const tap = 16.0 // °C of the water that comes in

// waterHeater heats a tank and keeps it warm.
func waterHeater() *model {
	return &model{
		name: "viomi.waterheater.e27", label: "Water heater", room: "Bathroom", firmware: "2.1.1",
		values: facts("2.1", 0, "2.2", 50.0, "2.3", 41.0, "2.5", 0, "2.6", true, "2.7", heaterHeats, "3.1", 0, "3.2", 6, "3.3", 8, "3.4", false,
			"4.2", true, "4.3", 0, "4.5", 55, "4.8", false, "5.1", 88, "8.1", false, "8.2", 1, "8.3", 0, "8.4", 0),
		step: func(d *Device, dt time.Duration) {
			if !d.is("2.6") {
				d.set("2.7", heaterOff)
				d.approach("2.3", tap, 0.001*dt.Seconds())
				return
			}
			if d.approach("2.3", d.num("2.2"), 0.02*dt.Seconds()) < d.num("2.2") {
				d.set("2.7", heaterHeats)
			} else {
				d.set("2.7", heaterKeeps)
			}
			d.set("4.5", 100*(d.num("2.3")-tap)/(75-tap))
		},
	}
}

const freshWater = 40 * time.Minute // somebody fills the kettle

// kettle warms its water to the target and is filled again now and then.
func kettle() *model {
	return &model{
		name: "yunmi.kettle.r3", label: "Kettle", room: "Kitchen", firmware: "1.0.6",
		values: facts("2.1", 21.0, "2.2", 80.0, "2.3", 1, "3.1", 37),
		step: func(d *Device, dt time.Duration) {
			if d.inner["since"] += dt.Seconds(); d.inner["since"] > freshWater.Seconds() {
				d.inner["since"] = 0
				d.inner["2.1"] = tap
			}
			d.approach("2.1", d.num("2.2"), 0.2*dt.Seconds())
		},
	}
}

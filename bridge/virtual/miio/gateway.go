package miio

import "time"

// gateway has a night light, a siren and four ways to guard the house.
func gateway() *model {
	return &model{
		name: "lumi.gateway.acn01", label: "Gateway", room: "Hall", firmware: "1.0.7_0019", push: true,
		values: facts("2.1", false, "2.3", 50, "2.4", 0x0000ff, "3.1", 0, "3.9", 0, "3.11", 60, "3.12", 15, "3.14", 60, "3.15", 30, "3.17", 90,
			"3.21", 0, "3.22", 0, "3.24", "", "5.1", "", "5.2", 40, "6.1", 1, "6.2", "21:00-09:00", "7.1", 1, "8.1", 320),
		wrote: func(d *Device, key string) {
			switch key {
			case "3.1":
				d.put("3.21", d.values[key])
			case "3.21":
				d.put("3.1", d.values[key])
			}
			if key == "3.1" || key == "3.21" {
				d.set("3.22", 0) // a change of guard ends the alarm
			}
		},
		step: func(d *Device, dt time.Duration) {
			d.inner["age"] += dt.Seconds()
			if d.inner["age"] < 60 {
				return
			}
			d.inner["age"] = 0
			d.inner["look"]++
			d.set("8.1", 250+float64(d.home.dice(d.did, "light", uint64(d.inner["look"]))%150))
		},
	}
}

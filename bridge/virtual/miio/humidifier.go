package miio

import "time"

// humidifier evaporates its water until the room is as humid as wanted.
func humidifier() *model {
	return &model{
		name: "zhimi.humidifier.ca4", label: "Humidifier", room: "Nursery", firmware: "1.6.1_0028",
		values: facts("2.1", true, "2.2", 0, "2.5", 0, "2.6", 50, "2.7", 90, "2.8", false, "2.9", 345_600, "2.10", 0, "2.11", 800, "3.7", 22.7, "3.9", 41,
			"4.1", false, "5.2", 1, "6.1", false, "7.1", 790, "7.3", 18_500, "7.5", false),
		step: func(d *Device, dt time.Duration) {
			works := d.is("2.1") && d.num("2.7") > 0 && d.num("3.9") <= d.num("2.6")
			if !works {
				d.set("7.1", 0)
				d.approach("3.9", 38, 0.002*dt.Seconds())
				return
			}
			level := d.num("2.5")
			if level == 0 {
				level = 2
			}
			d.set("7.1", 400*level)
			d.approach("3.9", d.num("2.6")+1, 0.01*level*dt.Seconds())
			d.drink(0.0005 * level * dt.Seconds())
			d.grow("2.9", dt.Seconds())
		},
	}
}

// drink takes water out of the tank and tells when it runs low.
func (d *Device) drink(by float64) {
	before := d.num("2.7")
	if after := d.approach("2.7", 0, by); before >= 10 && after < 9.5 {
		d.happen(2, 1, nil)
	}
}

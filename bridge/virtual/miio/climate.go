package miio

import "time"

// The modes of the air conditioner.
const (
	acCool = 2 + iota
	acDry
	acFan
	acHeat
)

const summer = 27.5 // °C that the room goes back to

// conditioner brings the room to the wanted temperature.
func conditioner() *model {
	return &model{
		name: "xiaomi.aircondition.mt5", label: "主卧空调", room: "Bedroom", firmware: "2.0.2", push: true,
		values: facts("2.1", false, "2.2", acCool, "2.3", "", "2.4", 25.0, "2.7", false, "2.9", false, "2.10", false, "2.11", false, "2.12", false,
			"3.2", 0, "3.3", false, "3.4", true, "4.7", 27.1, "5.1", true, "6.1", true, "10.1", 50, "10.3", "0,0,0,0"),
		step: func(d *Device, dt time.Duration) {
			goal, pace := summer, 0.002
			if d.is("2.1") {
				target := d.num("2.4")
				switch int(d.num("2.2")) {
				case acCool:
					goal, pace = min(target, summer), 0.01
				case acHeat:
					goal, pace = max(target, d.num("4.7")), 0.01
				}
			}
			d.approach("4.7", goal, pace*dt.Seconds())
		},
	}
}

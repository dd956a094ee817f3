package miio

import "time"

const mains = 229.0 // volts

// plug is a socket with a meter. What is plugged in draws about 46 W.
func plug() *model {
	return &model{
		name: "cuco.plug.cp5pro", label: "Desk plug", room: "Study", firmware: "2.1.5", push: true,
		values: facts("2.1", true, "7.1", true, "7.5", 0, "8.1", false, "9.1", true, "10.1", 12.34, "10.2", 0.2, "10.3", mains,
			"10.4", 46.0, "12.1", true, "13.1", false, "11.2", 10, "11.3", 200),
		wrote: func(d *Device, key string) { meter(d) },
		act:   actions{"2.1": flip("2.1"), "7.1": flip("7.1")},
		step: func(d *Device, dt time.Duration) {
			d.inner["age"] += dt.Seconds()
			if d.inner["age"] >= 5 { // the meter tells every five seconds
				d.inner["age"] = 0
				meter(d)
			}
			d.grow("10.1", d.num("10.4")/1000*dt.Hours())
		},
	}
}

// meter shows what the load draws at the moment.
func meter(d *Device) {
	d.inner["reading"]++
	wobble := float64(d.home.dice(d.did, "meter", uint64(d.inner["reading"]))%41)/10 - 2
	power := 0.0
	if d.is("2.1") {
		power = 46 + wobble
	}
	d.set("10.3", mains+wobble/2)
	d.set("10.4", power)
	d.set("10.2", power/mains)
	d.setBool("13.1", power > 2500)
}

// oldPlug is a socket that speaks get_prop.
func oldPlug() *model {
	return &model{
		name: "chuangmi.plug.m1", label: "Balcony plug", room: "Balcony", firmware: "1.2.4_16",
		values: facts("power", "on", "temperature", 31, "wifi_led", "on"),
		legacy: methods{"get_prop": ask(getProp), "set_power": onOff("power"), "set_wifi_led": onOff("wifi_led")},
		step: func(d *Device, dt time.Duration) {
			goal := 24.0
			if d.text("power") == "on" {
				goal = 33
			}
			d.approach("temperature", goal, 0.02*dt.Seconds())
		},
	}
}

package miio

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// robot is what all cleaning robots share: where they keep their state and what
// number stands for what they do.
type robot struct {
	state, battery                          string // keys
	idle, sweeping, docking, charging, full int
}

const (
	tour      = 30 * time.Minute // a flat
	driveHome = 45 * time.Second
)

// drive lets the robot move on; cleaned is called while it cleans.
func (r robot) drive(d *Device, dt time.Duration, cleaned func(dt time.Duration)) {
	switch int(d.num(r.state)) {
	case r.sweeping:
		d.inner["tour"] += dt.Seconds()
		d.approach(r.battery, 0, dt.Minutes()*0.9)
		cleaned(dt)
		if d.inner["tour"] >= tour.Seconds() || d.num(r.battery) < 15 {
			r.goHome(d)
		}
	case r.docking:
		if d.inner["way"] -= dt.Seconds(); d.inner["way"] <= 0 {
			d.set(r.state, float64(r.charging))
		}
	case r.charging:
		if d.approach(r.battery, 100, dt.Minutes()*0.8) == 100 {
			d.set(r.state, float64(r.full))
		}
	}
}

func (r robot) goHome(d *Device) {
	d.inner["way"] = driveHome.Seconds()
	d.set(r.state, float64(r.docking))
}

// start begins a tour, or goes on with one that was paused.
func (r robot) start(d *Device, paused int) {
	if int(d.num(r.state)) != paused {
		d.inner["tour"] = 0
	}
	d.set(r.state, float64(r.sweeping))
}

var dreame = robot{state: "2.1", battery: "3.1", idle: 2, sweeping: 1, docking: 5, charging: 6, full: 6}

const dreamePaused = 3

// vacuum drives, cleans, and goes home when it is done or tired.
func vacuum() *model {
	start := func(d *Device, _ []mi.Value) ([]mi.Value, int) {
		dreame.start(d, dreamePaused)
		d.set("4.1", 2)
		return nil, codeOK
	}
	stop := func(d *Device, _ []mi.Value) ([]mi.Value, int) {
		if d.num("2.1") == float64(dreame.sweeping) {
			d.set("2.1", dreamePaused)
		} else if d.num("2.1") == dreamePaused {
			d.set("2.1", float64(dreame.idle))
		}
		return nil, codeOK
	}
	return &model{
		name: "dreame.vacuum.p2009", label: "Robot vacuum", room: "Living room", firmware: "1.1.2_1156", push: true, lenient: true,
		values: facts("2.1", dreame.charging, "2.2", 0, "2.3", 1, "3.1", 92, "3.2", 1, "4.1", 0, "4.2", 0, "4.3", 0, "4.4", 0, "4.5", 2, "4.6", 1,
			"4.11", 1, "4.12", 1, "5.1", true, "5.2", "22:00", "5.3", "08:00", "7.1", 60, "7.2", "EN", "9.1", 212, "9.2", 70, "10.1", 120, "10.2", 60,
			"11.1", 55, "11.2", 82, "12.1", 1_600_000_000, "12.2", 3_214, "12.3", 96, "12.4", 2_870),
		act: actions{
			"2.1": start, "4.1": start, "2.3": start, "2.2": stop, "4.2": stop,
			"3.1": func(d *Device, _ []mi.Value) ([]mi.Value, int) { dreame.goHome(d); return nil, codeOK },
			"7.1": nothing, "7.2": nothing, "9.1": become("9.2", 100), "10.1": become("10.2", 100), "11.1": become("11.1", 100),
		},
		step: func(d *Device, dt time.Duration) {
			dreame.drive(d, dt, func(dt time.Duration) {
				d.inner["swept"] += dt.Minutes()
				d.set("4.2", d.inner["tour"]/60)
				d.set("4.3", d.inner["tour"]/60*0.9)
				d.grow("12.2", dt.Minutes())
			})
			d.chargingState()
		},
	}
}

func (d *Device) chargingState() {
	switch int(d.num(dreame.state)) {
	case dreame.charging:
		d.set("3.2", 1)
	case dreame.docking:
		d.set("3.2", 5)
	default:
		d.set("3.2", 2)
	}
}

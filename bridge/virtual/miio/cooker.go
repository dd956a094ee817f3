package miio

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The states of the MIoT cooker.
const (
	cookerIdle = 1 + iota
	cookerRunning
	cookerKeepWarm
)

const kitchen = 23.0 // °C

// cooker cooks one of four programmes and keeps the rice warm.
func cooker() *model {
	return &model{
		name: "chunmi.cooker.eh402", label: "米家电饭煲", room: "Kitchen", firmware: "1.2.8", push: true,
		values: facts("2.1", cookerIdle, "2.3", kitchen, "2.4", true, "2.5", 0),
		act: actions{
			"2.1": func(d *Device, in []mi.Value) ([]mi.Value, int) {
				minutes := map[mi.Value]float64{mi.Int(1): 45, mi.Int(2): 25, mi.Int(3): 60, mi.Int(4): 0}
				left, ok := minutes[in[0]]
				if !ok {
					return nil, codeArguments
				}
				d.cook(left)
				return nil, codeOK
			},
			"2.2": func(d *Device, _ []mi.Value) ([]mi.Value, int) {
				d.set("2.1", cookerIdle)
				d.set("2.5", 0)
				return nil, codeOK
			},
		},
		step: cookerStep,
	}
}

// cook starts a programme of so many minutes; one of none keeps warm.
func (d *Device) cook(minutes float64) {
	d.inner["left"] = minutes
	d.set("2.5", minutes)
	d.set("2.1", cookerRunning)
	if minutes == 0 {
		d.set("2.1", cookerKeepWarm)
	}
}

func cookerStep(d *Device, dt time.Duration) {
	switch d.num("2.1") {
	case cookerRunning:
		d.approach("2.3", 100, 0.15*dt.Seconds())
		d.inner["left"] -= dt.Minutes()
		d.set("2.5", math.Ceil(d.inner["left"]))
		if d.inner["left"] > 0 {
			return
		}
		d.happen(2, 1, nil)
		d.set("2.1", cookerIdle)
		if d.is("2.4") {
			d.set("2.1", cookerKeepWarm)
		}
	case cookerKeepWarm:
		d.approach("2.3", 65, 0.05*dt.Seconds())
	default:
		d.approach("2.3", kitchen, 0.02*dt.Seconds())
	}
}

// oldProps is the fixed order in which the legacy cooker tells everything.
var oldProps = [...]string{"func", "menu", "stage", "temp", "t_func", "t_precook", "t_cook", "setting", "delay", "version", "favorite", "custom"}

// oldCooker answers get_prop ["all"] only and takes recipes as hex text.
func oldCooker() *model {
	return &model{
		name: "chunmi.cooker.normal2", label: "Rice cooker", room: "Kitchen", firmware: "1.2.8",
		values: facts("func", "waiting", "menu", "0001", "stage", "null", "temp", "29", "t_func", 60, "t_precook", -1, "t_cook", 60,
			"setting", "1407", "delay", "05040f", "version", "00030017", "favorite", "0100", "custom", "ffffffffffff011effff010000001516"),
		legacy: methods{
			"get_prop": ask(oldCookerProps),
			"set_start": method{orders: true, run: func(d *Device, p []mi.Value) any {
				return d.recipe(p, d.oldCook)
			}},
			"set_menu": method{orders: true, run: func(d *Device, p []mi.Value) any {
				return d.recipe(p, func(profile string) { d.setText("menu", profile[:4]) })
			}},
			"set_func": method{orders: true, run: oldCookerFunc},
			"set_interaction": do(4, func(d *Device, p []mi.Value) {
				d.put("setting", p[0])
				d.setText("delay", fmt.Sprintf("%02s%02s%02s", p[1], p[2], p[3]))
			}),
			"get_temp_history": ask(func(d *Device, _ []mi.Value) any {
				if d.text("func") != "cooking" {
					return []string{"0"}
				}
				return []string{strings.Repeat("1d2a3f", 8)}
			}),
		},
		step: oldCookerStep,
	}
}

func oldCookerProps(d *Device, p []mi.Value) any {
	if len(p) != 1 || p[0] != mi.Text("all") {
		return errBusy // named properties hang this model's controller
	}
	out := make([]mi.Value, len(oldProps))
	for i, name := range oldProps {
		out[i] = d.values[name]
	}
	return out
}

// recipe checks a profile, which begins with its menu, and hands it on.
func (d *Device) recipe(p []mi.Value, use func(profile string)) any {
	if len(p) == 0 || (len(p[0].String()) != 228 && len(p[0].String()) != 242) {
		return errInvalidArg
	}
	use(p[0].String())
	return okList()
}

func (d *Device) oldCook(profile string) {
	d.setText("menu", profile[:4])
	d.setText("func", "cooking")
	d.inner["left"] = 60
	if minutes, err := strconv.ParseUint(profile[4:6], 16, 8); err == nil && minutes > 0 {
		d.inner["left"] = float64(minutes)
	}
	d.inner["total"] = d.inner["left"]
	d.set("t_cook", d.inner["total"])
	d.set("t_func", d.inner["left"])
	now := d.home.clock()
	d.setText("temp", fmt.Sprintf("031e%02x%02x", now.Hour(), now.Minute()))
	d.setText("stage", "0000012100")
}

func oldCookerFunc(d *Device, p []mi.Value) any {
	if len(p) != 1 {
		return errInvalidArg
	}
	switch p[0].String() {
	case "end", "end02":
		d.oldCookerIdle("waiting")
	case "ack", "nowarn":
	default:
		return errInvalidArg
	}
	return okList()
}

func (d *Device) oldCookerIdle(state string) {
	d.setText("func", state)
	d.setText("stage", "null")
	d.setText("temp", "38")
	d.set("t_func", d.num("t_cook"))
}

// oldStages are the phases of cooking rice; the first byte of the stage.
var oldStages = [...]int{0, 1, 2, 3, 4, 5, 7, 10}

func oldCookerStep(d *Device, dt time.Duration) {
	if d.text("func") != "cooking" {
		return
	}
	d.inner["left"] -= dt.Minutes()
	if d.inner["left"] <= 0 {
		d.oldCookerIdle("autokeepwarm")
		d.setText("temp", "64")
		return
	}
	d.set("t_func", math.Ceil(d.inner["left"]))
	done := 1 - d.inner["left"]/d.inner["total"]
	stage := oldStages[min(int(done*float64(len(oldStages))), len(oldStages)-1)]
	d.setText("stage", fmt.Sprintf("%02x00012100", stage))
}

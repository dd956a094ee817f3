package miio

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var roborock = robot{state: "state", battery: "battery", idle: 3, sweeping: 5, docking: 6, charging: 8, full: 100}

const roborockPaused = 10

// oldVacuum tells its state as one object, knows "unknown_method" and answers a
// message id once.
func oldVacuum() *model {
	return &model{
		name: "roborock.vacuum.s5", label: "Upstairs robot", room: "Landing", firmware: "3.5.8_001886", quietIDs: true,
		values: facts("state", roborock.charging, "battery", 88, "clean_time", 0, "clean_area", 0, "error_code", 0, "fan_power", 102,
			"in_cleaning", 0, "in_returning", 0, "map_present", 1, "dnd_enabled", 0, "lab_status", 1, "water_box_status", 0, "map_status", 3,
			"lock_status", 0, "msg_ver", 2, "msg_seq", 340, "volume", 60, "carpet", 1,
			"main_brush_work_time", 210_000, "side_brush_work_time", 210_000, "filter_work_time", 120_000, "sensor_dirty_time", 21_000,
			"total_time", 174_145, "total_area", int64(2_410_150_000), "total_count", 82, "start_hour", 22, "start_minute", 0, "end_hour", 8, "end_minute", 0),
		legacy: roborockMethods(),
		step: func(d *Device, dt time.Duration) {
			roborock.drive(d, dt, func(dt time.Duration) {
				d.set("clean_time", d.inner["tour"])
				d.set("clean_area", d.inner["tour"]*15_000) // mm²
				for _, key := range []string{"main_brush_work_time", "side_brush_work_time", "filter_work_time", "sensor_dirty_time", "total_time"} {
					d.grow(key, dt.Seconds())
				}
			})
			cleaning := 0.0
			if d.num("state") == float64(roborock.sweeping) {
				cleaning = 1
			}
			d.set("in_cleaning", cleaning)
		},
	}
}

func roborockMethods() methods {
	start := zero(func(d *Device) { roborock.start(d, roborockPaused) })
	state := func(n int) method { return zero(func(d *Device) { d.set("state", float64(n)) }) }
	seen := do(0, func(*Device, []mi.Value) {})
	return methods{
		"get_status": objects("state", "battery", "clean_time", "clean_area", "error_code", "fan_power", "in_cleaning", "in_returning",
			"map_present", "dnd_enabled", "lab_status", "water_box_status", "map_status", "lock_status", "msg_ver", "msg_seq"),
		"get_consumable": objects("main_brush_work_time", "side_brush_work_time", "filter_work_time", "sensor_dirty_time"),
		"get_clean_summary": ask(func(d *Device, _ []mi.Value) any {
			return []any{d.values["total_time"], d.values["total_area"], d.values["total_count"], []int{}}
		}),
		"get_dnd_timer": ask(roborockDND),
		"get_carpet_mode": ask(func(d *Device, _ []mi.Value) any {
			return []any{map[string]any{"enable": d.values["carpet"], "stall_time": 10, "current_low": 400, "current_high": 500, "current_integral": 450}}
		}),
		"app_start": start, "app_zoned_clean": start, "app_segment_clean": start, "app_spot": start,
		"app_stop": state(roborock.idle), "app_pause": state(roborockPaused),
		"app_charge":        zero(func(d *Device) { roborock.goHome(d) }),
		"find_me":           seen,
		"test_sound_volume": seen,
		"set_custom_mode":   between("fan_power", 38, 108), "get_custom_mode": list("fan_power"),
		"change_sound_volume": between("volume", 0, 100), "get_sound_volume": list("volume"),
		"reset_consumable": do(1, func(d *Device, p []mi.Value) {
			if _, ok := d.values[p[0].String()]; ok {
				d.set(p[0].String(), 0)
				delete(d.inner, p[0].String())
			}
		}),
		"set_dnd_timer": do(4, func(d *Device, p []mi.Value) {
			for i, key := range []string{"start_hour", "start_minute", "end_hour", "end_minute"} {
				d.put(key, p[i])
			}
			d.set("dnd_enabled", 1)
		}),
		"close_dnd_timer": do(0, func(d *Device, _ []mi.Value) { d.set("dnd_enabled", 0) }),
		"get_serial_number": ask(func(d *Device, _ []mi.Value) any {
			return []any{map[string]string{"serial_number": "VIRTUAL" + d.info.DID}}
		}),
		"get_timezone":     ask(func(*Device, []mi.Value) any { return []string{"Europe/Berlin"} }),
		"get_timer":        ask(func(*Device, []mi.Value) any { return []any{} }),
		"get_room_mapping": ask(func(*Device, []mi.Value) any { return []any{[]any{16, "1001"}, []any{17, "1002"}} }),
	}
}

// zero is an order that answers 0, as the firmware of the first years does.
func zero(run func(d *Device)) method {
	return method{orders: true, run: func(d *Device, _ []mi.Value) any {
		run(d)
		return 0
	}}
}

// objects answers a one-element list of an object, as these robots do.
func objects(keys ...string) method {
	return ask(func(d *Device, _ []mi.Value) any {
		o := make(map[string]mi.Value, len(keys))
		for _, k := range keys {
			o[k] = d.values[k]
		}
		return []any{o}
	})
}

func list(key string) method {
	return ask(func(d *Device, _ []mi.Value) any { return []mi.Value{d.values[key]} })
}

func roborockDND(d *Device, _ []mi.Value) any {
	return []any{map[string]mi.Value{
		"start_hour": d.values["start_hour"], "start_minute": d.values["start_minute"],
		"end_hour": d.values["end_hour"], "end_minute": d.values["end_minute"], "enabled": d.values["dnd_enabled"],
	}}
}

package ble

import (
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// fingerResults are the outcomes of a fingerprint, by their number.
const fingerResults = "match_successful match_failed timeout low_quality_too_light_fuzzy insufficient_area skin_is_too_dry skin_is_too_wet"

func fingerprint(b []byte, r *reading) {
	names := strings.Fields(fingerResults)
	if int(b[4]) >= len(names) {
		return
	}
	who := operator(uint32(u32(b)))
	r.flag("fingerprint", b[4] == 0)
	r.text("key_id", who)
	r.press("fingerprint", names[b[4]], fact{key: "key_id", value: mi.Text(who)})
}

// operator names who used a lock, by the numbers that stand for nobody.
func operator(id uint32) string {
	switch id {
	case 0:
		return "administrator"
	case 0xffffffff:
		return "unknown operator"
	case 0xdeadbeef:
		return "invalid operator"
	}
	return strconv.FormatUint(uint64(id), 10)
}

// keyKinds are the ranges of key numbers of a lock, each up to its end.
func keyKinds() []struct {
	end  uint32
	name string
} {
	return []struct {
		end  uint32
		name string
	}{
		{0x7fffffff, "Bluetooth key"}, {0x8001ffff, "Fingerprint key id"}, {0x8002ffff, "Password key id"},
		{0x8003ffff, "Keys key id"}, {0x8004ffff, "NFC key id"}, {0x8005ffff, "Two-step verification key id"},
		{0x8006ffff, "Human face key id"}, {0x8007ffff, "Finger veins key id"}, {0x8008ffff, "Palm print key id"},
	}
}

// keyName says whose key opened a lock.
func keyName(id uint32) string {
	name := operator(id)
	if id == 0 || id == 0xffffffff || id == 0xdeadbeef {
		return name
	}
	for _, k := range keyKinds() {
		if id <= k.end {
			if k.end > 0x7fffffff {
				name = operatorNumber(id & 0xffff)
			}
			return k.name + " " + name
		}
	}
	return name
}

func operatorNumber(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// lockAction is what was done with a lock, and which state that leaves.
type lockAction struct {
	kind string
	open bool
}

func lockActions() map[byte]lockAction {
	return map[byte]lockAction{
		0: {"unlock_outside_the_door", true}, 1: {"locked", false}, 2: {"turn_on_antilock", false},
		3: {"release_the_antilock", true}, 4: {"unlock_inside_the_door", true}, 5: {"lock_inside_the_door", false},
		6: {"turn_on_child_lock", false}, 7: {"turn_off_child_lock", true}, 8: {"lock_outside_the_door", false},
		15: {"abnormal", true},
	}
}

func lockMethods() map[byte]string {
	return map[byte]string{
		0: "bluetooth", 1: "password", 2: "biometrics", 3: "key_method", 4: "turntable_method", 5: "nfc_method",
		6: "one_time_password", 7: "two_step_verification", 8: "coercion_method", 9: "homekit", 10: "manual",
		11: "automatic", 15: "abnormal",
	}
}

// lockFaults are the events of key numbers that stand for a fault.
func lockFaults() map[uint32]string {
	return map[uint32]string{
		0xc0de0000: "frequent_unlocking_with_incorrect_password",
		0xc0de0001: "frequent_unlocking_with_wrong_fingerprints",
		0xc0de0002: "operation_timeout_password_input_timeout",
		0xc0de0003: "lock_picking",
		0xc0de0004: "reset_button_is_pressed",
		0xc0de0005: "the_wrong_key_is_frequently_unlocked",
		0xc0de0006: "foreign_body_in_the_keyhole",
		0xc0de0007: "the_key_has_not_been_taken_out",
		0xc0de0008: "error_nfc_frequently_unlocks",
		0xc0de0009: "timeout_is_not_locked_as_required",
		0xc0de000a: "failure_to_unlock_frequently_in_multiple_ways",
		0xc0de000b: "unlocking_the_face_frequently_fails",
		0xc0de000c: "failure_to_unlock_the_vein_frequently",
		0xc0de000d: "hijacking_alarm",
		0xc0de000e: "unlock_inside_the_door_after_arming",
		0xc0de000f: "palmprints_frequently_fail_to_unlock",
		0xc0de0010: "the_safe_was_moved",
		0xc0de1000: "the_battery_level_is_less_than_10_percent",
		0xc0de1001: "the_battery_level_is_less_than_5_percent",
		0xc0de1002: "the_fingerprint_sensor_is_abnormal",
		0xc0de1003: "the_accessory_battery_is_low",
		0xc0de1004: "mechanical_failure",
		0xc0de1005: "the_lock_sensor_is_faulty",
	}
}

// lockEvent reads who did what with a lock, and how.
func lockEvent(b []byte, p *product, r *reading) {
	action, ok := lockActions()[b[0]&0x0f]
	method := lockMethods()[b[0]>>4]
	if !ok || method == "" {
		return
	}
	key := "lock"
	if p.model == "ZNMS17LM" {
		switch b[0] & 0x0f {
		case 2, 3:
			key = "antilock"
		case 6, 7:
			key = "childlock"
		}
	}
	id := uint32(u32(b[1:]))
	r.flag(key, action.open)
	r.text("lock_method", method)
	how := fact{key: "lock_method", value: mi.Text(method)}
	if fault := lockFaults()[id]; fault != "" {
		r.press("error", fault, how)
		r.press("lock", action.kind, how)
		return
	}
	who := keyName(id)
	r.text("key_id", who)
	r.press("lock", action.kind, fact{key: "key_id", value: mi.Text(who)}, how)
}

// door reads what happened to the door of a lock.
func door(v byte, r *reading) {
	switch v {
	case 0:
		r.flag("door", true)
		r.flag("door_stuck", false)
		r.flag("knock_on_the_door", false)
	case 1:
		r.flag("door", false)
		r.flag("door_left_open", false)
		r.flag("pry_the_door", false)
	case 2:
		r.flag("door", true)
		r.flag("door_left_open", true)
	case 3:
		r.flag("door", false)
		r.flag("knock_on_the_door", true)
	case 4:
		r.flag("door", true)
		r.flag("pry_the_door", true)
	case 5:
		r.flag("door", false)
		r.flag("door_stuck", true)
	}
}

// armed reads whether a lock is armed; one model means that it was locked from
// outside.
func armed(b []byte, p *product, r *reading) {
	on := b[0]^1 != 0
	r.flag("armed", on)
	if p.model == "DSL-C08" {
		r.flag("lock", on)
		r.text("lock_method", "manual")
		r.press("lock", "lock_outside_the_door", fact{key: "lock_method", value: mi.Text("manual")})
	}
}

// lockState reads the bolt. Only one model is known to send more than 0 and 1.
func lockState(v byte, p *product, r *reading) {
	if p.model == "DSL-C08" {
		r.flag("lock", v&1 == 0)
		r.flag("childlock", v>>3^1 != 0)
		return
	}
	if v <= 1 {
		r.flag("lock", v == 0)
	}
}

// doorState reads whether a door is open; safes and doors mean it differently.
func doorState(v byte, p *product, r *reading) {
	if p.model == "loock.safe.v1" {
		r.flag("door", v == 1)
		return
	}
	if v <= 1 {
		r.flag("door", v == 0)
	}
}

package ble

import (
	"strconv"
	"strings"
)

// verb is what a group of events is in MIoT's vocabulary: a service, the events
// that it has from the start, and the arguments of each.
type verb struct {
	siid       int
	name, text string
	kinds      []string
	args       []string // keys
}

// The kinds of events in the order of their numbers, which never change.
const (
	pressKinds  = "press double_press long_press triple_press long_double_press long_triple_press hold_press hold_release"
	turnKinds   = "rotate_left rotate_right rotate_left_pressed rotate_right_pressed"
	orderKinds  = "off on toggle step_up step_down"
	motionKinds = "motion_detected"
	lockKinds   = "unlock_outside_the_door locked turn_on_antilock release_the_antilock unlock_inside_the_door lock_inside_the_door turn_on_child_lock turn_off_child_lock lock_outside_the_door abnormal"
	faultKinds  = "frequent_unlocking_with_incorrect_password frequent_unlocking_with_wrong_fingerprints operation_timeout_password_input_timeout lock_picking reset_button_is_pressed the_wrong_key_is_frequently_unlocked foreign_body_in_the_keyhole the_key_has_not_been_taken_out error_nfc_frequently_unlocks timeout_is_not_locked_as_required failure_to_unlock_frequently_in_multiple_ways unlocking_the_face_frequently_fails failure_to_unlock_the_vein_frequently hijacking_alarm unlock_inside_the_door_after_arming palmprints_frequently_fail_to_unlock the_safe_was_moved the_battery_level_is_less_than_10_percent the_battery_level_is_less_than_5_percent the_fingerprint_sensor_is_abnormal the_accessory_battery_is_low mechanical_failure the_lock_sensor_is_faulty"
)

// kindNumbers are the numbers of the kinds within their service.
func kindNumbers() map[string]int {
	all := map[string]int{}
	for first, kinds := range map[int]string{1: pressKinds, 11: turnKinds, 21: orderKinds, 31: motionKinds, 41: lockKinds, 61: fingerResults, 71: faultKinds, 101: "elapsed doorbell_ring"} {
		for i, kind := range strings.Fields(kinds) {
			all[kind] = first + i
		}
	}
	return all
}

// eventName is a kind in MIoT's words, where it has words for it.
func eventName(kind string) string {
	switch kind {
	case once:
		return "click"
	case twice:
		return "double-click"
	}
	return strings.ReplaceAll(kind, "_", "-")
}

// buttonNames are the buttons that have names, in the order of their services
// from firstNamed; the first is that of devices with one button.
const (
	firstNamed    = 150
	firstNumbered = 200
	buttonNames   = "button left right middle mid_left mid_right on off brightness plus M min fan light wind_speed color_temperature wind_mode swing power timer_60_minutes increase_wind_speed timer_30_minutes decrease_wind_speed stop air_exchange increase_speed decrease_speed dry heat"
)

// verbs lists what groups of events are, without those of numbered buttons.
func verbs() map[string]verb {
	all := map[string]verb{
		"motion":      {siid: 103, name: "motion-sensor", text: "Motion sensor", kinds: strings.Fields(motionKinds)},
		"lock":        {siid: 107, name: "lock", text: "Lock", kinds: strings.Fields(lockKinds), args: []string{"key_id", "lock_method"}},
		"fingerprint": {siid: 130, name: "fingerprint", text: "Fingerprint", kinds: strings.Fields(fingerResults), args: []string{"key_id"}},
		"error":       {siid: 131, name: "lock-fault", text: "Fault", kinds: strings.Fields(faultKinds), args: []string{"lock_method"}},
		"dimmer":      turner(140, "Dimmer"),
		"dimmer_2":    turner(141, "Dimmer 2"),
		"dimmer_3":    turner(142, "Dimmer 3"),
		"cube":        {siid: 145, name: "cube", text: "Cube", kinds: []string{"rotate_left", "rotate_right"}},
		"timer_1":     {siid: 147, name: "timer", text: "Timer 1", kinds: []string{"elapsed"}},
		"timer_2":     {siid: 148, name: "timer", text: "Timer 2", kinds: []string{"elapsed"}},
		"doorbell":    {siid: 149, name: "doorbell", text: "Doorbell", kinds: []string{"doorbell_ring"}},
		"command":     {siid: 146, name: "command", text: "Command", kinds: strings.Fields(orderKinds), args: []string{"args"}},
	}
	for i, name := range strings.Fields(buttonNames) {
		group, text := "button_"+name, sentence(name)+" button"
		if i == 0 {
			group, text = name, "Button"
		}
		all[group] = knobs(firstNamed+i, text)
	}
	return all
}

func knobs(siid int, text string) verb {
	return verb{siid: siid, name: "switch-sensor", text: text, kinds: []string{once, twice, longer}}
}

func turner(siid int, text string) verb {
	return verb{
		siid: siid, name: "dimmer", text: text, kinds: strings.Fields("press double_press long_press " + turnKinds),
		args: []string{"number_of_presses", "duration", "steps"},
	}
}

// verbOf returns what a group is; ok is false for one that nobody knows.
func (d *decoder) verbOf(group string) (v verb, ok bool) {
	if v, ok = d.verbs[group]; ok {
		return v, true
	}
	n, found := strings.CutPrefix(group, "button_")
	number, err := strconv.Atoi(n)
	if !found || err != nil || number < 1 || number > maxButtons {
		return verb{}, false
	}
	return knobs(firstNumbered+number, "Button "+n), true
}

// sentence writes a key as people would.
func sentence(key string) string {
	text := strings.NewReplacer("_", " ", "-", " ").Replace(key)
	return strings.ToUpper(text[:1]) + text[1:]
}

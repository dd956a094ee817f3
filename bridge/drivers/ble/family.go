package ble

import "strings"

// family is what products of one kind have: the keys that they send, and, after a
// !, the groups of their events. A key beyond these is learnt when it is heard.
type family struct {
	name  string
	kind  string // device type of MIoT
	sheet []string
}

// families lists the kinds by name.
func families() map[string]*family {
	all := map[string]*family{}
	for line := range strings.Lines(strings.TrimSpace(familyTable)) {
		f := strings.Fields(line)
		all[f[0]] = &family{name: f[0], kind: f[1], sheet: f[2:]}
	}
	return all
}

const familyTable = `
thermo temperature-humidity-sensor temperature humidity battery
thermo-button temperature-humidity-sensor temperature humidity battery !button
thermo-four temperature-humidity-sensor temperature humidity battery !button_left !button_mid_left !button_mid_right !button_right
thermo-keys temperature-humidity-sensor temperature humidity !button_1 !button_2 !button_3 !button_4
fever thermometer temperature battery
hcho air-monitor formaldehyde temperature humidity battery
air air-monitor temperature humidity
air-quality air-monitor carbon_dioxide pm25 pm10 temperature humidity battery
air-room air-monitor carbon_dioxide pm25 pm10 voc_index sound_pressure illuminance temperature humidity battery
pressure temperature-humidity-sensor temperature humidity pressure battery
plant plant-monitor moisture conductivity temperature illuminance battery
pot plant-monitor moisture conductivity battery
kettle kettle temperature power kettle_state
motion motion-sensor motion illuminance idle_time battery !motion
motion-dark motion-sensor motion light idle_time battery !motion
motion-lux motion-sensor motion illuminance light idle_time battery !motion
motion-plain motion-sensor motion !motion
night-light motion-sensor motion light idle_time battery !motion
magnet magnet-sensor opening door_left_open device_forcibly_removed battery
magnet-light magnet-sensor opening door_left_open light battery
leak submersion-sensor wet battery
leak-button submersion-sensor wet battery !button
leak2 submersion-sensor bottom_submersion top_splash battery
smoke smoke-sensor smoke battery !button
presence occupancy-sensor occupancy illuminance duration_detected duration_cleared battery
presence2 occupancy-sensor occupancy occupancy_close_range illuminance duration_detected duration_cleared battery
seat occupancy-sensor occupancy pressure_present_duration pressure_not_present_duration battery
bed bed bed_occupancy sleeping snoring battery !button
lock lock lock door door_left_open pry_the_door knock_on_the_door door_stuck armed fingerprint key_id lock_method battery !lock !error !fingerprint
lock2 lock lock door childlock antilock door_left_open pry_the_door knock_on_the_door door_stuck armed fingerprint key_id lock_method battery !lock !error !fingerprint
safe lock lock door door_left_open pry_the_door knock_on_the_door door_stuck armed fingerprint key_id lock_method battery !lock !error !fingerprint
button remote-control battery !button
two remote-control battery !button_left !button_right
three remote-control battery !button_left !button_middle !button_right
four remote-control battery !button_left !button_mid_left !button_mid_right !button_right
keys1 remote-control battery !button_1
keys2 remote-control battery !button_1 !button_2
keys3 remote-control battery !button_1 !button_2 !button_3
keys4 remote-control battery !button_1 !button_2 !button_3 !button_4
keys6 remote-control battery !button_1 !button_2 !button_3 !button_4 !button_5 !button_6
keys8 remote-control battery !button_1 !button_2 !button_3 !button_4 !button_5 !button_6 !button_7 !button_8
on-off remote-control power !button_on !button_off !button_brightness !button_plus !button_M !button_min
fan-remote remote-control !button_fan !button_light !button_wind_speed !button_color_temperature !button_wind_mode !button_brightness
vent-remote remote-control !button_swing !button_power !button_timer_60_minutes !button_increase_wind_speed !button_timer_30_minutes !button_decrease_wind_speed
bath-remote remote-control !button_stop !button_air_exchange !button_fan !button_increase_speed !button_decrease_speed !button_dry !button_light !button_swing !button_heat
knob remote-control !dimmer
cube remote-control !cube
mosquito mosquito-dispeller power consumable battery
brush toothbrush toothbrush score counter consumable battery
deodorant diffuser fingerprint key_id battery !fingerprint
weight scales mass mass_now steady
weight-body scales mass mass_now impedance steady
scale scales mass profile_id steady
body-scale scales mass heart_rate impedance_low impedance_high profile_id steady battery_low
band watch wearing asleep charging_state battery
atc temperature-humidity-sensor temperature humidity battery voltage
bthome sensor
other sensor
`

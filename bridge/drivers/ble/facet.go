package ble

import (
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// facet is what a key is in MIoT's vocabulary. Its numbers are identities: they
// never change. Services here begin at 101, so that they never meet those of the
// vendor's own specs.
type facet struct {
	siid, piid int
	name       string
	format     mi.Format
	unit       string
	digits     int  // decimals that are shown of a float
	quiet      bool // not shown unless the user wants it
	list       []mi.Choice
}

// shelf is a service.
type shelf struct {
	name, text string
	quiet      bool
}

// shelfTable lists the services: number, name, description.
const shelfTable = `
101 temperature-humidity-sensor Thermometer
102 battery Battery
103 motion-sensor Motion sensor
104 illumination-sensor Light sensor
105 magnet-sensor Door and window sensor
106 door Door
107 lock Lock
108 submersion-sensor Water sensor
109 smoke-sensor Smoke sensor
110 gas-sensor Gas sensor
111 occupancy-sensor Presence sensor
112 plant-monitor Plant
113 air-monitor Air
114 scales Scales
115 toothbrush Toothbrush
116 bed Bed
117 wearable Band
118 appliance Appliance
119 measurement Measurement
120 report Report
121 bluetooth Bluetooth
`

// facetTable lists the keys: key, service, number, name, format (bool, int, text,
// or f and the decimals), unit or -. A name with a ~ before it is quiet.
const facetTable = `
temperature 101 1 temperature f2 celsius
humidity 101 2 relative-humidity f2 percentage
dew_point 101 3 dew-point-temperature f2 celsius
pressure 101 4 atmospheric-pressure f1 hPa
battery 102 1 battery-level int percentage
battery_low 102 2 low-battery-state bool -
battery_charging 102 3 charging bool -
voltage 102 4 voltage f3 volt
charging_state 102 5 charging-state int -
motion 103 1 motion-state bool -
idle_time 103 2 no-motion-duration int seconds
no_motion_time 103 3 ~no-motion-minutes int minutes
motion_time 103 4 ~motion-minutes int minutes
illuminance 104 1 illumination f1 lux
light 104 2 light-state bool -
light_level 104 3 light-level int -
opening 105 1 contact-state bool -
door_left_open 106 1 left-open bool -
device_forcibly_removed 106 2 forcibly-removed bool -
door 106 3 door-state bool -
pry_the_door 106 4 pried bool -
knock_on_the_door 106 5 knock bool -
door_stuck 106 6 stuck bool -
lock 107 1 bolt-open bool -
childlock 107 2 child-lock-open bool -
antilock 107 3 anti-lock-open bool -
armed 107 4 armed bool -
fingerprint 107 5 fingerprint-match bool -
key_id 107 6 operation-id text -
lock_method 107 7 operation-method text -
wet 108 1 submersion-state bool -
bottom_submersion 108 2 bottom-submersion bool -
top_splash 108 3 top-splash bool -
smoke 109 1 smoke-state bool -
gas_leak 110 1 gas-state bool -
occupancy 111 1 occupancy-status bool -
occupancy_close_range 111 2 close-occupancy bool -
duration_detected 111 3 has-someone-duration int minutes
duration_cleared 111 4 no-one-duration int minutes
pressure_present_duration 111 5 seated-duration int seconds
pressure_not_present_duration 111 6 vacant-duration int seconds
pressure_present_time_set 111 7 ~seated-duration-set int seconds
pressure_not_present_time_set 111 8 ~vacant-duration-set int seconds
presence 111 9 presence bool -
moisture 112 1 soil-moisture f2 percentage
conductivity 112 2 soil-ec int us/cm
formaldehyde 113 1 hcho-density f3 mg/m3
carbon_dioxide 113 2 co2-density int ppm
pm25 113 3 pm2.5-density int ug/m3
pm10 113 4 pm10-density int ug/m3
volatile_organic_compounds 113 5 tvoc-density int ug/m3
voc_index 113 6 voc-index int -
sound_pressure 113 7 sound-pressure int dB
mass 114 1 weight f2 kg
mass_now 114 2 ~weight-now f2 kg
impedance 114 3 impedance int Ω
impedance_low 114 4 impedance-low f1 Ω
impedance_high 114 5 impedance-high f1 Ω
heart_rate 114 6 heart-rate int bpm
profile_id 114 7 profile-id int -
steady 114 8 weight-stable bool -
toothbrush 115 1 brushing bool -
score 115 2 score int -
counter 115 3 counter int -
bed_occupancy 116 1 bed-occupancy bool -
sleeping 116 2 sleeping bool -
snoring 116 3 snoring bool -
asleep 117 1 asleep bool -
wearing 117 2 wearing bool -
sleep 117 3 sleep bool -
power 118 1 powered bool -
consumable 118 2 filter-life-level int percentage
kettle_state 118 3 kettle-status int -
switch 118 4 output-state bool -
power_watt 119 1 electric-power f2 watt
energy 119 2 electric-energy f3 kWh
current 119 3 electric-current f3 ampere
count 119 4 count int -
rotation 119 5 rotation f1 arcdegrees
distance 119 6 current-distance f3 m
duration 119 7 duration f3 seconds
speed 119 8 speed f6 m/s
uv_index 119 9 uv-index f1 -
volume 119 10 volume-measured f3 L
volume_flow_rate 119 11 volume-flow-rate f3 m3/h
gas 119 12 gas-meter f3 m3
water 119 13 water-meter f3 L
timestamp 119 14 timestamp text -
acceleration 119 15 acceleration f6 m/s²
gyroscope 119 16 gyroscope f3 °/s
text 119 17 text text -
raw 119 18 ~raw text -
volume_storage 119 19 stored-volume f3 L
direction 119 20 direction f2 arcdegrees
precipitation 119 21 precipitation f1 mm
channel 119 22 channel int -
rotational_speed 119 23 rotational-speed int rpm
settings_revision 119 24 ~settings-revision int -
generic 120 1 state bool -
carbon_monoxide 120 2 carbon-monoxide bool -
cold 120 3 cold bool -
connectivity 120 4 connectivity bool -
garage_door 120 5 garage-door bool -
heat 120 6 heat bool -
moving 120 7 moving bool -
plug 120 8 plug bool -
problem 120 9 problem bool -
running 120 10 running bool -
safety 120 11 safety bool -
sound 120 12 sound bool -
tamper 120 13 tamper bool -
vibration 120 14 vibration bool -
window 120 15 window bool -
rssi 121 1 rssi int dBm
receiver 121 2 receiver text -
own_rssi 121 3 own-rssi int dBm
`

const bluetoothShelf = 121 // what is told of the radio, not of the device

// shelves reads the table of services.
func shelves() map[int]shelf {
	all := map[int]shelf{}
	for line := range strings.Lines(strings.TrimSpace(shelfTable)) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		n, _ := strconv.Atoi(f[0])
		all[n] = shelf{name: f[1], text: f[2], quiet: n == bluetoothShelf}
	}
	return all
}

// facets reads the table of keys.
func facets() map[string]facet {
	all := map[string]facet{}
	for line := range strings.Lines(strings.TrimSpace(facetTable)) {
		f := strings.Fields(line)
		c := facet{}
		c.siid, _ = strconv.Atoi(f[1])
		c.piid, _ = strconv.Atoi(f[2])
		c.name, c.quiet = strings.CutPrefix(f[3], "~")
		switch f[4] {
		case "bool":
			c.format = mi.FormatBool
		case "int":
			c.format = mi.FormatInt
		case "text":
			c.format = mi.FormatText
		default:
			c.format = mi.FormatFloat
			c.digits, _ = strconv.Atoi(f[4][1:])
		}
		if f[5] != "-" {
			c.unit = f[5]
		}
		c.list = choices(f[0])
		all[f[0]] = c
	}
	return all
}

// choices are the names of a key's numbers; none for most.
func choices(key string) (list []mi.Choice) {
	words := map[string]string{
		"kettle_state":   "Idle,Heating,Cooling down,Warming up",
		"charging_state": "Charging,Not charging,Full,Unknown",
	}[key]
	if words == "" {
		return nil
	}
	for i, label := range strings.Split(words, ",") {
		list = append(list, mi.Choice{Value: mi.Int(int64(i)), Label: label})
	}
	return list
}

// show is the value of a fact in the form that its property has.
func (c *facet) show(key string, v mi.Value) mi.Value {
	if key == "opening" { // MIoT says whether there is contact
		open, _ := v.Bool()
		return mi.Bool(!open)
	}
	switch c.format {
	case mi.FormatFloat:
		f, ok := v.Float()
		if !ok {
			return mi.Value{}
		}
		return mi.Float(round(f, c.digits))
	case mi.FormatInt:
		if i, ok := v.Int(); ok {
			return mi.Int(i)
		}
		return mi.Value{}
	}
	return v
}

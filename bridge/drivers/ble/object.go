package ble

import (
	"maps"
	"math"
	"slices"
)

// object knows one kind of MiBeacon object.
type object struct {
	sizes []int // that it may have; none is every size but 0
	read  func(b []byte, p *product, r *reading)
}

func (o *object) takes(size int) bool {
	if len(o.sizes) == 0 {
		return size > 0
	}
	return slices.Contains(o.sizes, size)
}

// byte1 is an object whose first byte alone counts.
func byte1(read func(v byte, p *product, r *reading)) object {
	return object{read: func(b []byte, p *product, r *reading) { read(b[0], p, r) }}
}

func number1(key string) object {
	return byte1(func(v byte, _ *product, r *reading) { r.whole(key, int64(v)) })
}

func flag1(key string) object {
	return byte1(func(v byte, _ *product, r *reading) { r.flag(key, v != 0) })
}

// inverse is a flag whose 0 is on.
func inverse(key string) object {
	return byte1(func(v byte, _ *product, r *reading) { r.flag(key, v^1 != 0) })
}

func sized(size int, read func(b []byte, r *reading)) object {
	return object{sizes: []int{size}, read: func(b []byte, _ *product, r *reading) { read(b, r) }}
}

// float4 is a float, shown with so many decimals; less than 0 is all.
func float4(key string, digits int) object {
	return sized(4, func(b []byte, r *reading) {
		f := f32(b)
		if digits >= 0 {
			f = round(f, digits)
		}
		r.float(key, f)
	})
}

func number4(key string) object {
	return sized(4, func(b []byte, r *reading) { r.whole(key, u32(b)) })
}

// idle is the time since the last motion; half a minute still counts as motion.
func idle(size int, since func([]byte) int64) object {
	return sized(size, func(b []byte, r *reading) {
		r.flag("motion", since(b) <= 30)
		r.whole("idle_time", since(b))
	})
}

func nothing() object { return object{read: func([]byte, *product, *reading) {}} }

// objectTable lists what is known of MiBeacon objects.
func objectTable() map[uint16]object {
	t := map[uint16]object{}
	for _, part := range []map[uint16]object{
		publicEvents(), publicMeasures(), publicStates(), climateObjects(), presenceObjects(), doorObjects(), clickObjects(), bodyObjects(), specialObjects(),
	} {
		maps.Copy(t, part)
	}
	return t
}

// publicEvents are the objects below 0x1000.
func publicEvents() map[uint16]object {
	return map[uint16]object{
		0x0003: {read: func(_ []byte, _ *product, r *reading) {
			r.press("motion", "motion_detected")
			r.stirred = true
		}},
		0x0006: sized(5, fingerprint),
		0x0007: {sizes: []int{1, 5}, read: func(b []byte, _ *product, r *reading) { door(b[0], r) }},
		0x0008: {sizes: []int{1, 5}, read: armed},
		0x000A: sized(2, func(b []byte, r *reading) { r.put("temperature", hundredths(i16(b))) }),
		0x000B: {sizes: []int{9}, read: lockEvent},
		0x000F: {sizes: []int{3}, read: motionLight},
		0x0010: {sizes: []int{1, 2}, read: toothbrush},
		0x03EB: number1("battery"),
		0x3003: {read: brushing},
	}
}

// publicMeasures are the measurements that the public definition has.
func publicMeasures() map[uint16]object {
	return map[uint16]object{
		0x1003: byte1(func(v byte, _ *product, r *reading) { r.whole("own_rssi", int64(int8(v))) }),
		0x1004: sized(2, func(b []byte, r *reading) { r.put("temperature", tenths(i16(b))) }),
		0x1005: sized(2, kettle),
		0x1006: {sizes: []int{2}, read: humidity},
		0x1007: {sizes: []int{3}, read: brightness},
		0x1008: number1("moisture"),
		0x1009: sized(2, func(b []byte, r *reading) { r.whole("conductivity", u16(b)) }),
		0x100A: number1("battery"),
		0x100D: sized(4, func(b []byte, r *reading) {
			r.put("temperature", tenths(i16(b)))
			r.put("humidity", tenths(u16(b[2:])))
		}),
		0x1010: {sizes: []int{2}, read: formaldehyde},
		0x1013: number1("consumable"),
		0x1017: idle(4, u32),
		0x101B: sized(4, func(b []byte, r *reading) {
			r.flag("motion", false)
			r.whole("idle_time", u32(b))
		}),
		0x2000: sized(5, bodyHeat),
	}
}

// publicStates are the states that the public definition has.
func publicStates() map[uint16]object {
	return map[uint16]object{
		0x1001: {sizes: []int{3}, read: button},
		0x1002: flag1("sleep"),
		0x100E: byte1(lockState),
		0x100F: byte1(doorState),
		0x1012: flag1("power"),
		0x1014: flag1("wet"),
		0x1015: flag1("smoke"),
		0x1016: flag1("gas_leak"),
		0x1018: flag1("light"),
		0x1019: byte1(opening),
	}
}

func climateObjects() map[uint16]object {
	return map[uint16]object{
		0x4801: float4("temperature", 1),
		0x4802: number1("humidity"),
		0x4803: number1("battery"),
		0x4805: float4("illuminance", -1),
		0x4808: float4("humidity", 1),
		0x4C01: float4("temperature", 2),
		0x4C02: number1("humidity"),
		0x4C03: number1("battery"),
		0x4C08: float4("humidity", -1),
		0x4C14: nothing(),
		0x5003: number1("battery"),
		0x5403: number1("battery"),
		0x5414: nothing(),
		0x6012: number1("humidity"),
		0x605D: number1("temperature"),
		0x4A01: flag1("battery_low"),
		0x4E01: flag1("battery_low"),
		0x5601: flag1("battery_low"),
		0x4A1C: nothing(),
		0x4E1C: nothing(),
	}
}

func presenceObjects() map[uint16]object {
	return map[uint16]object{
		0x4818: idle(2, u16),
		0x483C: flag1("occupancy"),
		0x483D: number4("pressure_present_duration"),
		0x483E: number4("pressure_not_present_duration"),
		0x483F: number4("pressure_present_time_set"),
		0x4840: number4("pressure_not_present_time_set"),
		0x484E: byte1(occupancy),
		0x484F: number1("no_motion_time"),
		0x4850: number1("motion_time"),
		0x4851: number1("duration_detected"),
		0x4852: number1("duration_cleared"),
		0x4A08: sized(4, func(b []byte, r *reading) {
			r.moved()
			r.float("illuminance", f32(b))
		}),
		0x5413: byte1(func(v byte, p *product, r *reading) {
			if p.model == "ES5BB" {
				r.flag("occupancy_close_range", v != 0)
			}
		}),
	}
}

func doorObjects() map[uint16]object {
	return map[uint16]object{
		0x4804: byte1(opened),
		0x4806: byte1(water),
		0x480C: byte1(func(v byte, _ *product, r *reading) {
			if v <= 1 {
				r.flag("opening", v == 0)
			}
		}),
		0x487B: flag1("top_splash"),
		0x4A0F: byte1(alarmed("device_forcibly_removed")),
		0x4A12: byte1(opened),
		0x4A1A: byte1(alarmed("door_left_open")),
		0x4A68: byte1(waterEvent),
	}
}

// bodyObjects are those of beds, bands and scales.
func bodyObjects() map[uint16]object {
	return map[uint16]object{
		0x4810: byte1(sleepState),
		0x4811: flag1("snoring"),
		0x4E16: {sizes: []int{1, 9}, read: scaleS200},
		0x4E17: byte1(func(v byte, _ *product, r *reading) {
			if v == 1 {
				r.flag("bed_occupancy", false)
			}
		}),
		0x5010: byte1(sleepState),
		0x5011: flag1("snoring"),
		0x5422: byte1(charging),
		0x5810: inverse("asleep"),
		0x5A16: byte1(bed),
		0x6461: inverse("wearing"),
		0x6E16: sized(9, scaleS400),
	}
}

func motionLight(b []byte, p *product, r *reading) {
	r.moved()
	switch p.model {
	case "MJYD02YL", "RTCGQ02LM":
		r.flag("light", u24(b) >= 100)
	case "CGPR1":
		r.whole("illuminance", u24(b))
	}
}

func toothbrush(b []byte, _ *product, r *reading) {
	r.flag("toothbrush", b[0] == 0)
	if len(b) < 2 {
		return
	}
	key := "score"
	if b[0] == 0 {
		key = "counter"
	}
	r.whole(key, int64(b[1]))
}

func brushing(b []byte, _ *product, r *reading) {
	if len(b) < 5 {
		return
	}
	r.flag("toothbrush", b[0] == 0)
	if b[0] != 0 && len(b) > 5 {
		r.whole("score", int64(b[5]))
	}
}

func kettle(b []byte, r *reading) {
	r.flag("power", b[0] != 0)
	r.whole("temperature", int64(b[1]))
	if b[0] <= 3 {
		r.whole("kettle_state", int64(b[0]))
	}
}

// humidity of two models is only shown whole by the makers' own displays.
func humidity(b []byte, p *product, r *reading) {
	if p.model == "LYWSD03MMC" || p.model == "MHO-C401" {
		r.whole("humidity", u16(b)/10)
		return
	}
	r.put("humidity", tenths(u16(b)))
}

func brightness(b []byte, p *product, r *reading) {
	switch p.model {
	case "HHCCJCY01", "GCLS002":
		r.whole("illuminance", u24(b))
	case "MJYD02YL", "MCCGQ02HL":
		r.flag("light", u24(b) == 100)
	}
}

func formaldehyde(b []byte, p *product, r *reading) {
	if p.model == "PTH-1" {
		r.float("formaldehyde", float64(u16(b))/1000)
		return
	}
	r.put("formaldehyde", hundredths(u16(b)))
}

// bodyHeat works out the temperature from two sensors of a thermometer.
func bodyHeat(b []byte, r *reading) {
	skin, air := float64(i16(b))/100, float64(i16(b[2:]))/100
	r.float("temperature", 3.71934e-11*math.Exp(0.69314*skin)-1.02801e-8*math.Exp(0.53871*air)+36.413)
	r.whole("battery", int64(b[4]))
}

func occupancy(v byte, p *product, r *reading) {
	if p.model == "XMOSB01XS" {
		r.flag("occupancy", v == 1)
		return
	}
	r.flag("occupancy", v != 0)
}

func opening(v byte, _ *product, r *reading) {
	if v <= 2 {
		r.flag("opening", v != 1)
	}
	if v == 1 || v == 2 {
		r.flag("door_left_open", v == 2)
	}
}

func opened(v byte, _ *product, r *reading) {
	switch v {
	case 1:
		r.flag("opening", true)
	case 2:
		r.flag("opening", false)
		r.flag("door_left_open", false)
		r.flag("device_forcibly_removed", false)
	}
}

func alarmed(key string) func(byte, *product, *reading) {
	return func(v byte, _ *product, r *reading) {
		if v == 1 {
			r.flag("opening", true)
			r.flag(key, true)
		}
	}
}

func water(v byte, p *product, r *reading) {
	key := "wet"
	if p.model == "SJWS02LM" || p.model == "zhiee.flood.sj01" {
		key = "bottom_submersion"
	}
	r.flag(key, v != 0)
}

func waterEvent(v byte, _ *product, r *reading) {
	if v <= 3 {
		r.flag([]string{"bottom_submersion", "top_splash"}[v/2], v%2 == 0)
	}
}

func sleepState(v byte, _ *product, r *reading) {
	switch v {
	case 0, 1:
		r.flag("sleeping", v == 1)
	case 2:
		r.press("button", "double_press")
	}
}

func bed(v byte, _ *product, r *reading) {
	switch v {
	case 1, 2:
		r.flag("bed_occupancy", v == 1)
	case 3:
		r.press("button", "double_press")
	}
}

func charging(v byte, _ *product, r *reading) { r.whole("charging_state", int64(min(v, 3))) }

package ble

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

const pound = 0.45359237 // kg

// mass converts what a scale shows in pounds, in jin or in half decagrams.
func mass(raw int64, pounds, jin bool) float64 {
	switch {
	case pounds:
		return float64(raw) / 100 * pound
	case jin:
		return float64(raw) / 100 / 2
	}
	return float64(raw) / 200
}

// parseScale1 reads the service data of UUID 0x181D: a scale that weighs.
func parseScale1(b []byte, r *reading) error {
	if len(b) != 10 {
		return errMalformed
	}
	control := b[0]
	weigh(mass(u16(b[1:]), control&1 != 0, control>>4&1 != 0), control>>5&1 != 0, control>>7 != 0, r)
	return nil
}

// parseScale2 reads the service data of UUID 0x181B: a scale that also measures
// the body's resistance.
func parseScale2(b []byte, r *reading) error {
	if len(b) != 13 {
		return errMalformed
	}
	control := b[1]
	stable := weigh(mass(u16(b[11:]), b[0]&1 != 0, control>>6&1 != 0), control>>5&1 != 0, control>>7 != 0, r)
	if stable && control>>1&1 != 0 {
		r.whole("impedance", u16(b[9:]))
	}
	return nil
}

// weigh tells a weight, and reports whether it is final.
func weigh(kg float64, stable, removed bool, r *reading) bool {
	stable = stable && !removed && kg > 0
	r.float("mass_now", kg)
	if stable {
		r.float("mass", kg)
	}
	r.flag("steady", stable)
	return stable
}

// scaleS200 reads the weight of a scale, or whether somebody is in a bed.
func scaleS200(b []byte, p *product, r *reading) {
	if len(b) == 1 {
		if p.model == "MJZNZ018H" && b[0] == 1 {
			r.flag("bed_occupancy", true)
		}
		return
	}
	switch {
	case p.model == "MJTZC04YM":
		scaleS800(b, r)
		return
	case u32(b[1:]) == 0:
		return
	}
	r.whole("profile_id", int64(b[0]))
	r.put("mass", hundredths(u32(b[1:])))
	r.flag("steady", true)
}

// scaleS400 reads weight, heart rate and resistance, which share four bytes. The
// scale measures at 50 kHz while it weighs, and at 250 kHz alone afterwards.
func scaleS400(b []byte, r *reading) {
	all := u32(b[1:])
	weight, heart, resistance := all&0x7ff, all>>11&0x7f, all>>18
	r.whole("profile_id", int64(b[0]))
	if weight != 0 && weight != 0x7ff {
		r.put("mass", tenths(weight))
	}
	if heart > 0 && heart < 127 {
		r.whole("heart_rate", heart+50)
	}
	stable := all != 0 && weight != 0x7ff
	if resistance != 0 {
		key := "impedance_low"
		if weight == 0 && heart == 0 {
			key = "impedance_high"
		}
		r.put(key, tenths(resistance))
		stable = key == "impedance_high"
	}
	r.put("steady", mi.Bool(stable))
}

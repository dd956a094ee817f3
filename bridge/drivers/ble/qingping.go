package ble

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

const (
	qingpingEvent = 1 << 6 // of the first byte
	mainsPower    = 0xff   // instead of a battery level
)

// qingpingPacket is a frame of Qingping's own format.
type qingpingPacket struct {
	device  byte
	counter int // -1 when there is none
}

// parseQingping reads the service data of UUID 0xFDCD.
func parseQingping(b []byte, r *reading) (qingpingPacket, error) {
	if len(b) < 8 {
		return qingpingPacket{}, errMalformed
	}
	p := qingpingPacket{device: b[1], counter: -1}
	event := b[0]&qingpingEvent != 0
	for rest := b[8:]; len(rest) >= 2; {
		size := 2 + int(rest[1])
		if size > len(rest) {
			return p, nil
		}
		if rest[0] == 0x0f && size == 3 {
			p.counter = int(rest[2])
		} else {
			qingpingObject(rest[0], rest[2:size], event, r)
		}
		rest = rest[size:]
	}
	return p, nil
}

func qingpingObject(id byte, b []byte, event bool, r *reading) {
	switch {
	case len(b) == 1:
		qingpingByte(id, b[0], r)
	case len(b) == 2:
		qingpingWord(id, u16(b), r)
	case len(b) == 4:
		qingpingLong(id, b, event, r)
	}
}

func qingpingByte(id, v byte, r *reading) {
	switch id {
	case 0x02:
		level := int64(v)
		if v == mainsPower {
			level = 100
		}
		r.whole("battery", level)
	case 0x04:
		if v <= 2 {
			r.flag("door", v != 1)
			r.flag("door_left_open", v == 2)
		}
	case 0x11:
		r.flag("light", v != 0)
	case 0x19:
		r.whole("sound_pressure", int64(v))
	}
}

func qingpingWord(id byte, v int64, r *reading) {
	switch id {
	case 0x07:
		r.put("pressure", tenths(v))
	case 0x13:
		r.whole("carbon_dioxide", v)
	case 0x15:
		r.whole("voc_index", v)
	}
}

func qingpingLong(id byte, b []byte, event bool, r *reading) {
	switch id {
	case 0x01:
		r.put("temperature", tenths(i16(b)))
		r.put("humidity", tenths(u16(b[2:])))
	case 0x08:
		r.flag("motion", b[0] != 0)
		r.stirred = r.stirred || event && b[0] != 0
		if !event {
			r.whole("illuminance", u24(b[1:]))
		}
	case 0x09:
		r.whole("illuminance", u32(b))
	case 0x12:
		r.whole("pm25", u16(b))
		r.whole("pm10", u16(b[2:]))
	}
}

// qingpingModels are the devices by the second byte of their frames.
func qingpingModels() map[byte]string {
	return map[byte]string{
		0x01: "CGG1", 0x07: "CGG1", 0x16: "CGG1", 0x04: "CGH1", 0x09: "CGP1W", 0x0c: "CGD1", 0x0e: "CGDN1", 0x24: "CGDN1",
		0x0f: "CGM1", 0x10: "CGDK2", 0x12: "CGPR1", 0x15: "CGF1W", 0x18: "CGP23W", 0x26: "CGP23W", 0x1e: "CGC1",
		0x33: "CGP22C", 0x5d: "CGP22C", 0x4f: "CGG3", 0x52: "CGR1PC", 0x62: "CGR1PC",
	}
}

// parsePlant reads the service data of UUID 0xFD50: the plant sensor HHCCJCY10.
func parsePlant(b []byte, r *reading) error {
	if len(b) != 9 {
		return errMalformed
	}
	r.whole("moisture", int64(b[0]))
	r.put("temperature", tenths(int64(int16(u16be(b[1:])))))
	r.whole("illuminance", int64(b[3])<<16|u16be(b[4:]))
	r.whole("battery", int64(b[6]))
	r.whole("conductivity", u16be(b[7:]))
	return nil
}

// The rest of this file is the firmware that people put on thermometers.

// atcPacket is a frame of UUID 0x181A.
type atcPacket struct{ counter byte }

// parseATC reads the service data of UUID 0x181A: two layouts in the clear, told
// apart by their size, and two that are sealed.
func parseATC(sender mi.Address, b []byte, key *bindKey, r *reading) (p atcPacket, err error) {
	switch len(b) {
	case 13:
		if mi.Address(b[:6]) != sender {
			return p, errForeign
		}
		r.put("temperature", tenths(int64(int16(u16be(b[6:])))))
		r.whole("humidity", int64(b[8]))
		r.whole("battery", int64(b[9]))
		r.float("voltage", float64(u16be(b[10:]))/1000)
		return atcPacket{b[12]}, nil
	case 15:
		if reversed(b) != sender {
			return p, errForeign
		}
		r.put("temperature", hundredths(i16(b[6:])))
		r.put("humidity", hundredths(u16(b[8:])))
		r.float("voltage", float64(u16(b[10:]))/1000)
		r.whole("battery", int64(b[12]))
		pvvxFlags(b[14], r)
		return atcPacket{b[13]}, nil
	case 8, 11:
		return parseSealedATC(sender, b, key, r)
	}
	return p, errMalformed
}

// pvvxFlags reads the reed switch and the output of the thermometer's board.
func pvvxFlags(v byte, r *reading) {
	r.flag("opening", v&1 != 0)
	r.flag("switch", v>>1&1 != 0)
}

func parseSealedATC(sender mi.Address, b []byte, key *bindKey, r *reading) (atcPacket, error) {
	if key == nil {
		return atcPacket{}, errKeyless
	}
	var nonce [noncePvvx]byte
	for i := range sender {
		nonce[i] = sender[5-i]
	}
	copy(nonce[6:], []byte{byte(len(b) + 3), 0x16, 0x1a, 0x18, b[0]})
	plain, ok := key.open(nonce[:], b[1:], []byte{0x11})
	if !ok {
		return atcPacket{}, errForged
	}
	p := atcPacket{b[0]}
	if len(plain) == 3 {
		r.float("temperature", float64(plain[0])/2-40)
		r.float("humidity", float64(plain[1])/2)
		r.whole("battery", int64(plain[2]&0x7f))
		return p, nil
	}
	r.put("temperature", hundredths(i16(plain)))
	r.put("humidity", hundredths(u16(plain[2:])))
	r.whole("battery", int64(plain[4]))
	pvvxFlags(plain[5], r)
	return p, nil
}

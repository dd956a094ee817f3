package ble

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// guess reads an object that is not in the table by what its number means in
// most of the vendor's specs; ok is false when that is not known.
func guess(id uint16, b []byte, r *reading) (ok bool) {
	p, isEvent := place(id)
	switch {
	case p.siid == 0:
		return false
	case isEvent:
		return guessEvent(p.iid, b, r)
	case len(b) == 4:
		return guessFloat(p.iid, f32(b), r)
	case len(b) != 1:
		return false
	}
	v := int64(b[0])
	switch p.iid {
	case 1002:
		r.whole("humidity", v)
	case 1003:
		r.whole("battery", v)
	case 1006:
		r.flag("wet", v != 0)
	case 1078:
		r.flag("occupancy", v != 0)
	default:
		return false
	}
	return true
}

func guessFloat(iid int, f float64, r *reading) bool {
	switch iid {
	case 1001:
		r.float("temperature", round(f, 2))
	case 1005:
		r.float("illuminance", f)
	case 1008:
		r.float("humidity", round(f, 2))
	default:
		return false
	}
	return true
}

func guessEvent(iid int, b []byte, r *reading) bool {
	switch iid {
	case 1001:
		r.flag("battery_low", len(b) == 0 || b[0] != 0)
	case 1008:
		r.moved()
		if len(b) == 4 {
			r.float("illuminance", f32(b))
		}
	case 1012, 1013, 1014:
		clicked(clickKind(iid), b, r)
	default:
		return false
	}
	return true
}

// spot is a place in a MIoT spec.
type spot struct{ siid, iid int }

// place returns where in the product's MIoT spec an object belongs; event tells
// the numbers of events from those of properties. Below 0x4000 there is none.
func place(id uint16) (s spot, event bool) {
	if id < 0x4000 {
		return spot{}, false
	}
	rest := int(id) - 0x4000
	return spot{siid: rest >> 10, iid: 1000 + rest&0x1ff}, rest&0x200 != 0
}

// valueOf reads a property of a MIoT spec from the bytes of an object.
func valueOf(p *mi.Property, b []byte) mi.Value {
	switch {
	case p.Format == mi.FormatBool && len(b) == 1:
		return mi.Bool(b[0] != 0)
	case p.Format == mi.FormatFloat && len(b) == 4:
		return mi.Float(round(f32(b), 4))
	case p.Format == mi.FormatInt || p.Format == mi.FormatFloat:
		return signed(p, b)
	case p.Format == mi.FormatText && len(b) > 0:
		return printable(b)
	}
	return mi.Value{}
}

// signed reads a whole number of 1, 2 or 4 bytes; it is signed when the spec has
// values below 0.
func signed(p *mi.Property, b []byte) mi.Value {
	below := p.Range != nil && p.Range.Min < 0
	switch {
	case len(b) == 1 && below:
		return mi.Int(int64(int8(b[0])))
	case len(b) == 1:
		return mi.Int(int64(b[0]))
	case len(b) == 2 && below:
		return mi.Int(i16(b))
	case len(b) == 2:
		return mi.Int(u16(b))
	case len(b) == 4 && below:
		return mi.Int(int64(int32(u32(b))))
	case len(b) == 4:
		return mi.Int(u32(b))
	}
	return mi.Value{}
}

// own reads an object by the product's own MIoT spec; ok is false when the spec
// does not have it.
func own(s *mi.Spec, id uint16, b []byte, r *reading) (ok bool) {
	at, isEvent := place(id)
	if at.siid == 0 {
		return false
	}
	if isEvent {
		e := s.Event(at.siid, at.iid)
		if e < 0 || guessEvent(at.iid, b, r) {
			return e >= 0
		}
		r.press(s.Events[e].ID(), "", fact{key: "data", value: mi.Text(hexText(b))})
		return true
	}
	p := s.Prop(at.siid, at.iid)
	if p < 0 {
		return false
	}
	r.put(s.Props[p].ID(), valueOf(&s.Props[p], b))
	return true
}

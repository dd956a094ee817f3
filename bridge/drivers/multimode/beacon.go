package multimode

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// A gateway opens what Bluetooth sensors seal and tells the objects in it. They
// are put back into the frame that the sensor would send without a seal, so that
// who reads frames reads these, too, and knows one from another heard twice.
const (
	uuidMiBeacon = 0xfe95
	plainFrame   = 0x5040 // version 5, with objects, not sealed
	maxObject    = 64     // bytes of one object
)

// beacon is what a gateway heard by Bluetooth.
type beacon struct {
	did     string
	addr    mi.Address
	product uint16
	counter byte
	objects []object
}

// object is one MiBeacon object.
type object struct {
	id   uint16
	data []byte
}

// heardJSON is the JSON of a Bluetooth event.
type heardJSON struct {
	Dev struct {
		DID  string `json:"did"`
		MAC  string `json:"mac"`
		PDID int    `json:"pdid"`
	} `json:"dev"`
	Evt []struct {
		EID   int    `json:"eid"`
		EData string `json:"edata"`
	} `json:"evt"`
	FrmCnt int `json:"frmCnt"`
}

// parseBeacon reads the params of a Bluetooth event.
func parseBeacon(raw []byte) (*beacon, error) {
	var h heardJSON
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, fmt.Errorf("multimode: Bluetooth event: %w: %w", err, mi.ErrProtocol)
	}
	b := &beacon{did: h.Dev.DID, product: uint16(h.Dev.PDID), counter: byte(h.FrmCnt)}
	addr, ok := parseAddress(h.Dev.MAC)
	if !ok || h.Dev.PDID <= 0 || h.Dev.PDID > math.MaxUint16 {
		return nil, fmt.Errorf("multimode: Bluetooth event without address or product: %w", mi.ErrProtocol)
	}
	b.addr = addr
	for _, e := range h.Evt[:min(len(h.Evt), maxItems)] {
		data, err := hex.DecodeString(e.EData)
		if err != nil || len(data) > maxObject || e.EID <= 0 || e.EID > math.MaxUint16 {
			return nil, fmt.Errorf("multimode: Bluetooth event %d: %w", e.EID, mi.ErrProtocol)
		}
		b.objects = append(b.objects, object{uint16(e.EID), data})
	}
	return b, nil
}

// parseAddress reads an address with or without colons.
func parseAddress(text string) (a mi.Address, ok bool) {
	var digits []byte
	for _, c := range []byte(text) {
		if c != ':' {
			digits = append(digits, c)
		}
	}
	n, err := hex.Decode(a[:], digits[:min(len(digits), 2*len(a))])
	return a, err == nil && n == len(a) && len(digits) == 2*len(a)
}

// advert is the frame that the sensor would have sent.
func (b *beacon) advert(receiver string) mi.Advert {
	frame := binary.LittleEndian.AppendUint16(nil, plainFrame)
	frame = binary.LittleEndian.AppendUint16(frame, b.product)
	frame = append(frame, b.counter)
	for _, o := range b.objects {
		frame = binary.LittleEndian.AppendUint16(frame, o.id)
		frame = append(append(frame, byte(len(o.data))), o.data...)
	}
	return mi.Advert{
		Addr: b.addr, Receiver: receiver, Vouched: true,
		Service: []mi.ServiceData{{UUID: uuidMiBeacon, Data: frame}},
	}
}

// objectOf turns a property or an event of a sensor, as newer gateways tell them,
// back into the object that it was: numbers from 1000 on name objects.
func objectOf(it item) (o object, ok bool) {
	n := it.iid - 1000
	if it.siid < 1 || it.siid > 47 || n < 0 || n > 0x1ff {
		return object{}, false
	}
	o.id = 0x4000 + uint16(it.siid)<<10 + uint16(n)
	if it.kind != 'e' {
		width := 0
		if o.id == 0x4818 { // seconds
			width = 2
		}
		o.data = appendValue(nil, it.value, width)
		return o, true
	}
	o.id += 0x200
	slots := layout(o.id)
	if slots == nil {
		for _, a := range it.args {
			o.data = appendValue(o.data, a.value, 0)
		}
		return o, true
	}
	for _, s := range slots {
		v, _ := find([]item{it}, place{kind: 'e', siid: it.siid, iid: it.iid, arg: s.piid})
		if !v.Known() {
			v = mi.Int(0)
		}
		o.data = appendValue(o.data, v, s.width)
	}
	return o, true
}

// slot is an argument of an event and the bytes that it has in the object.
type slot struct{ piid, width int }

// layout is how the objects of some events are made up; nil is one number after
// the other, each as long as it must be.
func layout(id uint16) []slot {
	switch id {
	case 0x4E16, 0x6E16: // scales
		return []slot{{1, 1}, {2, 4}, {3, 4}}
	case 0x4E14: // a lock
		return []slot{{1, 4}, {2, 1}, {3, 1}, {4, 1}, {6, 4}}
	}
	return nil
}

// appendValue appends a number as a sensor does: floats have 4 bytes.
func appendValue(b []byte, v mi.Value, width int) []byte {
	if v.Kind() == mi.KindFloat {
		f, _ := v.Float()
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f)))
	}
	i, ok := v.Int()
	switch {
	case !ok:
		return b
	case width == 1:
		return append(b, byte(i))
	case width == 4 || width == 0 && (i > math.MaxUint16 || i < math.MinInt16):
		return binary.LittleEndian.AppendUint32(b, uint32(i))
	case width == 2 || width == 0 && (i > math.MaxUint8 || i < math.MinInt8):
		return binary.LittleEndian.AppendUint16(b, uint16(i))
	}
	return append(b, byte(i))
}

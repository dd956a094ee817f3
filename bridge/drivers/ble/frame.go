package ble

import (
	"errors"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Why a frame tells nothing. They are counted, not shown.
var (
	errMalformed = errors.New("malformed")
	errForeign   = errors.New("the address in the frame is not the sender's")
	errMesh      = errors.New("mesh")
	errKeyless   = errors.New("sealed, and there is no key")
	errForged    = errors.New("the tag is wrong")
)

// The bits of a MiBeacon's frame control.
const (
	bitSealed     = 1 << 3
	bitMAC        = 1 << 4
	bitCapability = 1 << 5
	bitObject     = 1 << 6
	bitMesh       = 1 << 7
)

const ioCapability = 0x20 // of the capability byte: another byte follows

// beacon is a MiBeacon frame.
type beacon struct {
	product uint16
	counter byte
	version int
	sealed  bool
	object  bool
	mac     mi.Address // of the frame, or else the sender's
	head    []byte     // the first five bytes
	payload []byte
}

// parseBeacon reads the service data of UUID 0xFE95 that sender sent.
func parseBeacon(sender mi.Address, b []byte) (beacon, error) {
	if len(b) < 5 {
		return beacon{}, errMalformed
	}
	control := u16(b)
	f := beacon{
		product: uint16(u16(b[2:])), counter: b[4], version: int(control >> 12),
		sealed: control&bitSealed != 0, object: control&bitObject != 0, mac: sender, head: b[:5],
	}
	switch {
	case control&bitMesh != 0:
		return f, errMesh
	case f.version < 2:
		return f, errMalformed
	}
	rest := b[5:]
	if control&bitMAC != 0 {
		if len(rest) < 6 {
			return f, errMalformed
		}
		if f.mac = reversed(rest); f.mac != sender {
			return f, errForeign
		}
		rest = rest[6:]
	}
	if control&bitCapability != 0 {
		skip := 1
		if len(rest) > 0 && rest[0]&ioCapability != 0 {
			skip = 2
		}
		if len(rest) < skip {
			return f, errMalformed
		}
		rest = rest[skip:]
	}
	f.payload = rest
	return f, nil
}

// reversed reads an address that is sent with its last octet first.
func reversed(b []byte) (a mi.Address) {
	for i := range a {
		a[i] = b[5-i]
	}
	return a
}

// open returns the objects of a frame and the whole of its counter. In version 4
// and 5 a sealed frame has 32 bits of counter, else 8.
func (f *beacon) open(key *bindKey, known func(uint16) bool) (plain []byte, counter uint32, err error) {
	if !f.sealed {
		return f.payload, uint32(f.counter), nil
	}
	if f.version < 4 {
		return f.openOld(key, known)
	}
	if len(f.payload) < 9 {
		return nil, 0, errMalformed
	}
	if key == nil {
		return nil, 0, errKeyless
	}
	cut := len(f.payload) - tagSize - 3
	more := f.payload[cut : cut+3]
	var nonce [nonceMiBeacon]byte
	for i := range f.mac {
		nonce[i] = f.mac[5-i]
	}
	copy(nonce[6:], f.head[2:5])
	copy(nonce[9:], more)
	sealed := append(make([]byte, 0, len(f.payload)), f.payload[:cut]...)
	sealed = append(sealed, f.payload[cut+3:]...)
	plain, ok := key.open(nonce[:], sealed, []byte{0x11})
	if !ok {
		return nil, 0, errForged
	}
	return plain, uint32(u24(more))<<8 | uint32(f.counter), nil
}

// openOld opens a frame of version 2 or 3, whose only proof is that it makes
// sense.
func (f *beacon) openOld(key *bindKey, known func(uint16) bool) ([]byte, uint32, error) {
	if len(f.payload) < 7 {
		return nil, 0, errMalformed
	}
	if key == nil {
		return nil, 0, errKeyless
	}
	cut := len(f.payload) - 4
	var nonce [13]byte
	copy(nonce[:], f.head)
	copy(nonce[5:], f.payload[cut:cut+3])
	for i := range 5 {
		nonce[8+i] = f.mac[5-i]
	}
	plain := key.stream(nonce, f.payload[:cut])
	if !sensible(plain, known) {
		return nil, 0, errForged
	}
	return plain, uint32(u24(f.payload[cut:]))<<8 | uint32(f.counter), nil
}

// sensible reports whether b is a chain of objects that begins with a known one.
func sensible(b []byte, known func(uint16) bool) bool {
	if len(b) < 3 || !known(uint16(u16(b))) {
		return false
	}
	for len(b) >= 3 {
		size := 3 + int(b[2])
		if size > len(b) {
			return false
		}
		b = b[size:]
	}
	return true
}

// objects calls each for every object of a frame, until one is cut off.
func objects(b []byte, each func(id uint16, data []byte)) {
	for len(b) >= 3 {
		size := 3 + int(b[2])
		if size > len(b) {
			return
		}
		each(uint16(u16(b)), b[3:size])
		b = b[size:]
	}
}

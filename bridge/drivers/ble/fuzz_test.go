package ble

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func sampleKey(t testing.TB) *bindKey {
	t.Helper()
	key, err := parseKey("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// fuzzFrames looks for bytes that a parser cannot take. What is refused tells
// nothing.
func fuzzFrames(f *testing.F, uuids ...uint16) {
	d := newDecoder()
	for _, v := range loadVectorsOrNone() {
		for _, s := range advert(f, v.Service) {
			f.Add(v.addr(f), s.Data, uint8(0))
		}
	}
	f.Add([]byte{1, 2, 3, 4, 5, 6}, []byte{0x58, 0x58, 0x5b, 0x05, 0x01}, uint8(1))
	key, sender := sampleKey(f), mi.Address{}
	f.Fuzz(func(t *testing.T, addr, data []byte, which uint8) {
		copy(sender[:], addr)
		for _, k := range []*bindKey{nil, key} {
			var r reading
			_, known, err := d.decode(sender, mi.ServiceData{UUID: uuids[int(which)%len(uuids)], Data: data}, k, &r)
			if !known {
				t.Error("the data is of no known kind")
			}
			if err != nil && !r.empty() {
				t.Errorf("%v, and yet %v", err, r)
			}
		}
	})
}

func FuzzMiBeacon(f *testing.F) { fuzzFrames(f, uuidMiBeacon) }
func FuzzBTHome(f *testing.F)   { fuzzFrames(f, uuidBTHome2, uuidBTHome1, uuidBTHome1Sealed) }
func FuzzQingping(f *testing.F) { fuzzFrames(f, uuidQingping) }
func FuzzScales(f *testing.F)   { fuzzFrames(f, uuidScale1, uuidScale2) }
func FuzzOthers(f *testing.F)   { fuzzFrames(f, uuidATC, uuidPlant) }

// FuzzObject gives the objects of a frame bytes of any size, for every product.
func FuzzObject(f *testing.F) {
	d := newDecoder()
	f.Add(uint16(0x1001), uint16(0x03b6), []byte{0, 255, 4})
	f.Add(uint16(0x6e16), uint16(0x30d9), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, id, product uint16, data []byte) {
		var r reading
		d.object(id, data, d.product(product), &r)
		for _, fact := range r.facts {
			if fact.key == "" || !fact.value.Known() {
				t.Errorf("object %04x tells %v", id, fact)
			}
		}
	})
}

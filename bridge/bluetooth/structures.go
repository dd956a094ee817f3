package bluetooth

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// AD types of the Bluetooth Core Specification Supplement, part A.
const (
	TypeServiceData  = 0x16 // with a 16 bit UUID
	TypeManufacturer = 0xFF
	typeShortName    = 0x08
	typeName         = 0x09
)

// ReadStructures adds to a what the AD structures of a packet say: each is a
// length, a type and data. It reports whether they fill the packet exactly; what
// came before damage stays. Slices of a point into data.
func ReadStructures(data []byte, a *mi.Advert) bool {
	for len(data) > 0 {
		n := int(data[0])
		if n == 0 {
			return zero(data) // padding up to the end
		}
		if n >= len(data) {
			return false
		}
		readStructure(data[1], data[2:1+n], a)
		data = data[1+n:]
	}
	return true
}

func readStructure(kind byte, data []byte, a *mi.Advert) {
	switch {
	case kind == typeName, kind == typeShortName && a.Name == "":
		if utf8.Valid(data) {
			a.Name = string(data)
		}
	case len(data) < 2:
	case kind == TypeServiceData:
		a.Service = append(a.Service, mi.ServiceData{UUID: binary.LittleEndian.Uint16(data), Data: data[2:]})
	case kind == TypeManufacturer:
		a.Manufacturer = append(a.Manufacturer, mi.ManufacturerData{Company: binary.LittleEndian.Uint16(data), Data: data[2:]})
	}
}

func zero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}

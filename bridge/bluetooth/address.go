package bluetooth

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// ParseAddress reads an address as people write it, AA:BB:CC:DD:EE:FF, with any
// of : - _ or nothing between the octets.
func ParseAddress(text string) (a mi.Address, ok bool) {
	switch len(text) {
	case 12:
		_, err := hex.Decode(a[:], []byte(text))
		return a, err == nil
	case 17:
		for i := range a {
			if i > 0 && !strings.ContainsRune(":-_", rune(text[3*i-1])) {
				return mi.Address{}, false
			}
			if _, err := hex.Decode(a[i:i+1], []byte(text[3*i:3*i+2])); err != nil {
				return mi.Address{}, false
			}
		}
		return a, true
	}
	return mi.Address{}, false
}

// Spell writes an address as AA:BB:CC:DD:EE:FF.
func Spell(a mi.Address) string {
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", a[0], a[1], a[2], a[3], a[4], a[5])
}

// Number returns an address as the 48 bit number whose highest octet is the first.
func Number(a mi.Address) uint64 {
	var wide [8]byte
	copy(wide[2:], a[:])
	return binary.BigEndian.Uint64(wide[:])
}

// FromNumber is the reverse of Number; bits beyond 48 are ignored.
func FromNumber(n uint64) (a mi.Address) {
	var wide [8]byte
	binary.BigEndian.PutUint64(wide[:], n)
	copy(a[:], wide[2:])
	return a
}

// baseTail ends the 128 bit form of every UUID that the Bluetooth SIG assigned.
const baseTail = "-0000-1000-8000-00805f9b34fb"

// ShortUUID reads a 16 bit UUID in one of the forms that are about: fe95, 0xFE95,
// 0000fe95 and 0000fe95-0000-1000-8000-00805f9b34fb.
func ShortUUID(text string) (uint16, bool) {
	if len(text) == 8+len(baseTail) && strings.EqualFold(text[8:], baseTail) {
		text = text[:8]
	}
	if len(text) == 8 {
		rest, short := strings.CutPrefix(text, "0000")
		if !short {
			return 0, false
		}
		text = rest
	}
	if len(text) == 6 && text[0] == '0' && text[1]|0x20 == 'x' {
		text = text[2:]
	}
	var b [2]byte
	if len(text) != 4 {
		return 0, false
	}
	_, err := hex.Decode(b[:], []byte(text))
	return binary.BigEndian.Uint16(b[:]), err == nil
}

// LongUUID writes a 16 bit UUID in its 128 bit form, in lower case.
func LongUUID(short uint16) string { return fmt.Sprintf("0000%04x%s", short, baseTail) }

package profile

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const maxNumbers = 64 // in one list

// codecOf returns the conversion of a property by its name.
func codecOf(name string) (*codec, bool) {
	switch name {
	case "cooker-recipe":
		return &codec{encode: cookerRecipe}, true
	case "cooker-temperature":
		return &codec{decode: cookerTemperature}, true
	case "numbers":
		return &codec{encode: numbers}, true
	case "last-sample":
		return &codec{decode: lastSample}, true
	case "clock":
		return &codec{decode: clock}, true
	case "water-depth":
		return &codec{decode: waterDepth}, true
	}
	return nil, false
}

// actionCodecOf returns the conversion of an action's arguments by its name.
func actionCodecOf(name string) (func([]mi.Value) ([]any, error), bool) {
	if name == "multicooker-start" {
		return multicookerStart, true
	}
	return nil, false
}

// cookerRecipe takes the recipe of a chunmi.cooker normal or press: 114 or 121
// bytes in hex. The last two bytes are a checksum in most recipes but not in
// all that are in use, so it is not looked at.
func cookerRecipe(v mi.Value) (any, error) {
	raw, err := recipe(v, 114, 121)
	if err != nil {
		return nil, err
	}
	return hex.EncodeToString(raw), nil
}

// numbers turns "16, 17" or "[16,17]" into a list of whole numbers.
func numbers(v mi.Value) (any, error) {
	text := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(v.String()), "["), "]")
	var out []any
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 32)
		if err != nil || len(out) == maxNumbers {
			return nil, fmt.Errorf("%.40q is no list of at most %d numbers such as 16,17: %w", v, maxNumbers, mi.ErrInvalid)
		}
		out = append(out, n)
	}
	return out, nil
}

// recipe reads hex digits of one of the given lengths in bytes.
func recipe(v mi.Value, lengths ...int) ([]byte, error) {
	text := strings.Join(strings.Fields(v.String()), "")
	if n, err := strconv.Atoi(text); err == nil && len(text) < 5 {
		return nil, fmt.Errorf("menu %d: the bytes of its heating programme are not known here, give the whole recipe in hex: %w", n, mi.ErrInvalid)
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("a recipe is hex digits: %w: %w", err, mi.ErrInvalid)
	}
	var want []string
	for _, n := range lengths {
		if len(raw) == n {
			return raw, nil
		}
		want = append(want, strconv.Itoa(2*n))
	}
	return nil, fmt.Errorf("a recipe has %s hex digits, this one %d: %w", strings.Join(want, " or "), len(text), mi.ErrInvalid)
}

// cookerTemperature reads the field temp of a chunmi.cooker: two digits are °C,
// of a text of eight or twelve digits (while it cooks) the first bytes have no
// known meaning.
func cookerTemperature(v mi.Value) mi.Value {
	if n, ok := v.Int(); ok && len(v.String()) <= 3 {
		return mi.Int(n)
	}
	return mi.Value{}
}

// lastSample reads a history of temperatures, a byte each in hex, and gives the
// newest. Bytes above 150 are no temperature.
func lastSample(v mi.Value) mi.Value {
	raw, err := hex.DecodeString(v.String())
	if err != nil {
		return mi.Value{}
	}
	for _, celsius := range slices.Backward(raw) {
		if celsius <= 150 {
			return mi.Int(int64(celsius))
		}
	}
	return mi.Value{}
}

// clock reads hour and minute, a byte each in hex. FF is not set.
func clock(v mi.Value) mi.Value {
	raw, err := hex.DecodeString(v.String())
	if err != nil || len(raw) != 2 || raw[0] > 23 || raw[1] > 59 {
		return mi.Value{}
	}
	return mi.Text(fmt.Sprintf("%02d:%02d", raw[0], raw[1]))
}

// waterDepth reads the field depth of zhimi.humidifier: 120 is full, above 125
// there is no value (127: the tank is out).
func waterDepth(v mi.Value) mi.Value {
	n, ok := v.Int()
	if !ok || n > 125 {
		return mi.Value{}
	}
	return mi.Int(int64(math.Round(min(max(float64(n), 0)/1.2, 100))))
}

// The layout of a recipe of chunmi.cooker.eh1, byte offsets.
const (
	multiBytes    = 176
	multiDuration = 8  // hours, minutes
	multiMaximum  = 10 // hours, minutes
	multiMinimum  = 12 // hours, minutes
	multiSchedule = 14 // bit 7: scheduled; hours
	multiKeepWarm = 15 // bit 7: keep warm afterwards; minutes of the schedule
	multiChecksum = 174
)

// multicookerStart makes the recipe of chunmi.cooker.eh1 out of a recipe, the
// minutes to cook (0: as in the recipe), the minutes until it starts (0: at
// once) and whether to keep warm afterwards. A recipe alone is sent as it is;
// one that is changed gets a new checksum.
func multicookerStart(args []mi.Value) ([]any, error) {
	if len(args) == 0 || len(args) > 4 {
		return nil, fmt.Errorf("takes recipe, cook time, delay and keep warm, got %d arguments: %w", len(args), mi.ErrInvalid)
	}
	raw, err := recipe(args[0], multiBytes)
	if err != nil {
		return nil, err
	}
	if len(args) > 1 {
		if err := cookFor(raw, args[1]); err != nil {
			return nil, err
		}
	}
	if len(args) > 2 {
		if err := startIn(raw, args[2]); err != nil {
			return nil, err
		}
	}
	if len(args) > 3 {
		warm, ok := args[3].Bool()
		if !ok {
			return nil, fmt.Errorf("keep warm is true or false, not %q: %w", args[3], mi.ErrInvalid)
		}
		raw[multiKeepWarm] = setBit7(raw[multiKeepWarm], warm)
	}
	if len(args) > 1 {
		sum := checksum(raw[:multiChecksum])
		raw[multiChecksum], raw[multiChecksum+1] = byte(sum>>8), byte(sum)
	}
	return []any{hex.EncodeToString(raw)}, nil
}

func cookFor(raw []byte, v mi.Value) error {
	n, ok := v.Int()
	if !ok || n < 0 {
		return fmt.Errorf("cook time is in minutes, not %q: %w", v, mi.ErrInvalid)
	}
	least, most := minutes(raw[multiMinimum:]), minutes(raw[multiMaximum:])
	if n == 0 || n == minutes(raw[multiDuration:]) {
		return nil
	}
	if n < least || n > most {
		return fmt.Errorf("this recipe cooks %d to %d minutes, not %d: %w", least, most, n, mi.ErrInvalid)
	}
	raw[multiDuration], raw[multiDuration+1] = byte(n/60), byte(n%60)
	return nil
}

func startIn(raw []byte, v mi.Value) error {
	n, ok := v.Int()
	if !ok || n < 0 || n >= 24*60 {
		return fmt.Errorf("delay is 0 to 1439 minutes, not %q: %w", v, mi.ErrInvalid)
	}
	raw[multiSchedule] = setBit7(byte(n/60), n > 0)
	raw[multiKeepWarm] = raw[multiKeepWarm]&0x80 | byte(n%60)
	return nil
}

func minutes(b []byte) int64 { return int64(b[0])*60 + int64(b[1]) }

func setBit7(b byte, on bool) byte {
	if on {
		return b | 0x80
	}
	return b &^ 0x80
}

// checksum is CRC-16/XMODEM: polynomial 0x1021, start 0, not reflected.
func checksum(data []byte) uint16 {
	var crc uint16
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

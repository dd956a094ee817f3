package ble

import (
	"encoding/hex"
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// fact is one value that an advertisement tells: a measurement or a state. n
// counts repeats of the key within the frame, from 0.
type fact struct {
	key   string
	n     int
	value mi.Value
}

// press is one event that an advertisement tells: what was used and how, such as
// button_left and long_press.
type press struct {
	group, kind string
	args        []fact
}

// reading is what one frame tells. Its memory is used again for the next.
type reading struct {
	facts   []fact
	presses []press
	stirred bool // something moved just now
}

func (r *reading) reset() { r.facts, r.presses, r.stirred = r.facts[:0], r.presses[:0], false }

// moved tells that something moves now.
func (r *reading) moved() {
	r.flag("motion", true)
	r.stirred = true
}

func (r *reading) empty() bool { return len(r.facts) == 0 && len(r.presses) == 0 }

func (r *reading) put(key string, v mi.Value) {
	if v.Known() {
		r.facts = append(r.facts, fact{key: key, value: v})
	}
}

func (r *reading) flag(key string, on bool)    { r.put(key, mi.Bool(on)) }
func (r *reading) whole(key string, i int64)   { r.put(key, mi.Int(i)) }
func (r *reading) text(key, s string)          { r.put(key, mi.Text(s)) }
func (r *reading) float(key string, f float64) { r.put(key, mi.Float(f)) }

// again adds a fact that may repeat within a frame.
func (r *reading) again(key string, v mi.Value) {
	n := 0
	for i := range r.facts {
		if r.facts[i].key == key {
			n++
		}
	}
	if v.Known() {
		r.facts = append(r.facts, fact{key: key, n: n, value: v})
	}
}

func (r *reading) press(group, kind string, args ...fact) {
	r.presses = append(r.presses, press{group, kind, args})
}

// tenths and the like divide instead of multiplying, so that 272 is 27.2 and not
// 27.200000000000003.
func tenths(i int64) mi.Value     { return mi.Float(float64(i) / 10) }
func hundredths(i int64) mi.Value { return mi.Float(float64(i) / 100) }

// round cuts a float to a number of decimals.
func round(f float64, digits int) float64 {
	p := math.Pow10(digits)
	if r := math.Round(f*p) / p; !math.IsInf(r, 0) && !math.IsNaN(r) {
		return r
	}
	return f
}

func u16(b []byte) int64 { return int64(b[0]) | int64(b[1])<<8 }
func i16(b []byte) int64 { return int64(int16(u16(b))) }
func u24(b []byte) int64 { return u16(b) | int64(b[2])<<16 }
func u32(b []byte) int64 { return u24(b) | int64(b[3])<<24 }

func u16be(b []byte) int64 { return int64(b[0])<<8 | int64(b[1]) }

// f32 reads a little endian float of single precision.
func f32(b []byte) float64 { return float64(math.Float32frombits(uint32(u32(b)))) }

// natural and integer read little endian numbers of up to eight bytes.
func natural(b []byte) (n uint64) {
	for i := min(len(b), 8) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n
}

func integer(b []byte) int64 {
	size := min(len(b), 8)
	if size == 0 {
		return 0
	}
	shift := 64 - 8*size
	return int64(natural(b)<<shift) >> shift
}

const maxText = 60 // characters of a stranger's text that are shown

// printable is text without what does not print.
func printable(b []byte) mi.Value {
	text := strings.ToValidUTF8(string(b[:min(len(b), 4*maxText)]), "")
	text = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, text)
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText])
	}
	return mi.Text(text)
}

func hexText(b []byte) string { return hex.EncodeToString(b[:min(len(b), maxText/2)]) }

func timeText(seconds uint64) string {
	return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
}

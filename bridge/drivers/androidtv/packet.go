package androidtv

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	maxFrame  = 1 << 16 // bytes of a message
	maxText   = 200     // bytes of a name
	maxVolume = 10_000  // beyond which no TV counts
)

// What the two sides tell each other that they can do, as bits.
const (
	canPing    = 1 << 0
	canKey     = 1 << 1
	canIME     = 1 << 2 // the app in front comes with it
	canPower   = 1 << 5
	canVolume  = 1 << 6
	canAppLink = 1 << 9

	allWeCan = canPing | canKey | canIME | canPower | canVolume | canAppLink
)

// The parts of a remote control message, as field numbers.
const (
	partConfigure    protowire.Number = 1
	partSetActive    protowire.Number = 2
	partError        protowire.Number = 3
	partPingRequest  protowire.Number = 8
	partPingResponse protowire.Number = 9
	partKeyInject    protowire.Number = 10
	partIMEKeyInject protowire.Number = 20
	partStart        protowire.Number = 40
	partVolume       protowire.Number = 50
	partAppLink      protowire.Number = 90
)

// short is a key that is pressed and released at once.
const short = 3

// field is one field of a message: n of a number, b of text, bytes or a message.
type field struct {
	num protowire.Number
	n   uint64
	b   []byte
}

// split returns the fields of a message that this package knows the types of. The
// slices point into b.
func split(b []byte) ([]field, error) {
	var out []field
	for len(b) > 0 {
		num, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return nil, fmt.Errorf("%w: %w", mi.ErrProtocol, protowire.ParseError(size))
		}
		b = b[size:]
		f := field{num: num}
		switch kind {
		case protowire.VarintType:
			f.n, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.b, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(num, kind, b)
		}
		if size < 0 {
			return nil, fmt.Errorf("%w: %w", mi.ErrProtocol, protowire.ParseError(size))
		}
		b = b[size:]
		out = append(out, f)
	}
	return out, nil
}

// number appends a field that holds a number; 0 is not written.
func number(b []byte, num protowire.Number, n uint64) []byte {
	if n == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), n)
}

// blob appends a field that holds bytes, text or a message.
func blob[T string | []byte](b []byte, num protowire.Number, v T) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), []byte(v))
}

// frame makes a message of one part, with its length in front.
func frame(part protowire.Number, body []byte) []byte {
	return protowire.AppendBytes(nil, blob(nil, part, body))
}

// configuration says who we are and what we can do.
func configuration(features uint64) []byte {
	us := number(nil, 3, 1)
	us = blob(us, 4, "1")
	us = blob(us, 5, "atvremote")
	us = blob(us, 6, "1.0.0")
	return frame(partConfigure, blob(number(nil, 1, features), 2, us))
}

func activation(features uint64) []byte { return frame(partSetActive, number(nil, 1, features)) }

func pong(n uint64) []byte { return frame(partPingResponse, number(nil, 1, n)) }

func keyPress(code uint64) []byte {
	return frame(partKeyInject, number(number(nil, 1, code), 2, short))
}

func appLink(link string) []byte { return frame(partAppLink, blob(nil, 1, link)) }

// about is what a TV tells of itself.
type about struct {
	features uint64
	model    string
	vendor   string
	version  string // of its remote control service
}

func parseConfigure(b []byte) (a about, err error) {
	outer, err := split(b)
	if err != nil {
		return a, err
	}
	for _, f := range outer {
		switch f.num {
		case 1:
			a.features = f.n
		case 2:
			inner, err := split(f.b)
			if err != nil {
				return a, err
			}
			a.fill(inner)
		}
	}
	return a, nil
}

func (a *about) fill(fields []field) {
	for _, f := range fields {
		switch f.num {
		case 1:
			a.model = clean(f.b)
		case 2:
			a.vendor = clean(f.b)
		case 6:
			a.version = clean(f.b)
		}
	}
}

// loudness is how loud a TV is: level of most. most is 0 when the TV cannot tell,
// as one whose sound goes elsewhere.
type loudness struct {
	level, most int
	muted       bool
}

func parseVolume(b []byte) (v loudness, err error) {
	fields, err := split(b)
	if err != nil {
		return v, err
	}
	for _, f := range fields {
		switch f.num {
		case 6:
			v.most = int(min(f.n, maxVolume))
		case 7:
			v.level = int(min(f.n, maxVolume))
		case 8:
			v.muted = f.n != 0
		}
	}
	v.level = min(v.level, v.most)
	return v, nil
}

// percent is the level as people see it.
func (v loudness) percent() int { return (v.level*100 + v.most/2) / max(v.most, 1) }

// steps is the level that comes closest to a percentage.
func (v loudness) steps(percent int) int { return (percent*v.most + 50) / 100 }

// first returns the first number of a message; 0 when there is none.
func first(b []byte) (uint64, error) {
	fields, err := split(b)
	for _, f := range fields {
		if f.num == 1 {
			return f.n, err
		}
	}
	return 0, err
}

// parseApp returns the package of the app in front; "" when the TV does not say.
func parseApp(b []byte) (string, error) {
	outer, err := split(b)
	for _, f := range outer {
		if f.num != 1 {
			continue
		}
		inner, err := split(f.b)
		for _, f := range inner {
			if f.num == 12 {
				return clean(f.b), err
			}
		}
		return "", err
	}
	return "", err
}

// clean drops what no name has: control characters, broken UTF-8, great length.
func clean(b []byte) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.TrimSpace(string(b)))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

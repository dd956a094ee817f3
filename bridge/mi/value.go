package mi

import (
	"math"
	"strconv"
)

// Kind says what a Value holds.
type Kind uint8

// The kinds of a Value. None is the zero Value: nothing is known.
const (
	None Kind = iota
	KindBool
	KindInt
	KindFloat
	KindText
)

// Value is one property value, argument or result. It is small, comparable with
// == and holds no pointers but its text. Lists and objects travel as their JSON
// text. The zero Value is "unknown".
type Value struct {
	kind Kind
	bits uint64
	text string
}

// Bool makes a boolean Value.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, bits: 1}
	}
	return Value{kind: KindBool}
}

// Int makes an integer Value.
func Int(i int64) Value { return Value{kind: KindInt, bits: uint64(i)} }

// Float makes a floating point Value; NaN and infinities become unknown, -0 is 0.
func Float(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	if f == 0 {
		f = 0 // without a sign
	}
	return Value{kind: KindFloat, bits: math.Float64bits(f)}
}

// Text makes a text Value.
func Text(s string) Value { return Value{kind: KindText, text: s} }

// Kind returns what v holds.
func (v Value) Kind() Kind { return v.kind }

// Known reports whether v holds anything.
func (v Value) Known() bool { return v.kind != None }

// Bool returns v as a truth value. Numbers are true when not zero, texts when
// they are one of on, true, 1 and yes (the spellings that miIO devices use);
// ok is false when v cannot be read that way.
func (v Value) Bool() (b, ok bool) {
	switch v.kind {
	case KindBool, KindInt:
		return v.bits != 0, true
	case KindFloat:
		return math.Float64frombits(v.bits) != 0, true
	case KindText:
		switch v.text {
		case "on", "true", "1", "yes", "ON", "True":
			return true, true
		case "off", "false", "0", "no", "OFF", "False":
			return false, true
		}
	}
	return false, false
}

// Int returns v as a whole number, rounding floats half away from zero.
func (v Value) Int() (i int64, ok bool) {
	switch v.kind {
	case KindBool, KindInt:
		return int64(v.bits), true
	case KindFloat:
		f := math.Round(math.Float64frombits(v.bits))
		if f < -(1<<63) || f >= 1<<63 {
			return 0, false
		}
		return int64(f), true
	case KindText:
		if i, err := strconv.ParseInt(v.text, 10, 64); err == nil {
			return i, true
		}
		if f, err := strconv.ParseFloat(v.text, 64); err == nil {
			return Float(f).Int()
		}
	}
	return 0, false
}

// Float returns v as a number.
func (v Value) Float() (f float64, ok bool) {
	switch v.kind {
	case KindBool, KindInt:
		return float64(int64(v.bits)), true
	case KindFloat:
		return math.Float64frombits(v.bits), true
	case KindText:
		f, err := strconv.ParseFloat(v.text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return 0, false
		}
		return f, true
	}
	return 0, false
}

// String returns v as plain text: true/false, shortest decimal number, the text
// itself, or "" when unknown.
func (v Value) String() string {
	switch v.kind {
	case KindBool:
		return strconv.FormatBool(v.bits != 0)
	case KindInt:
		return strconv.FormatInt(int64(v.bits), 10)
	case KindFloat:
		return strconv.FormatFloat(math.Float64frombits(v.bits), 'f', -1, 64)
	case KindText:
		return v.text
	}
	return ""
}

// AppendJSON appends v as JSON: a bool, a number, a string, or null.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case KindBool, KindInt, KindFloat:
		return append(b, v.String()...)
	case KindText:
		return appendQuoted(b, v.text)
	}
	return append(b, "null"...)
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

package mi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// appendQuoted appends s as a compact JSON string without HTML escaping: some
// firmware does not undo \u003c.
func appendQuoted(b []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		return append(b, `""`...)
	}
	return append(b, bytes.TrimRight(buf.Bytes(), "\n")...)
}

// ParseJSON reads one JSON value. Lists and objects become their compact JSON
// text; null becomes the unknown Value; whole numbers stay exact.
func ParseJSON(raw []byte) (Value, error) {
	text := bytes.TrimSpace(raw)
	if len(text) == 0 {
		return Value{}, fmt.Errorf("mi: empty JSON value: %w", ErrProtocol)
	}
	switch text[0] {
	case '{', '[':
		var buf bytes.Buffer
		if err := json.Compact(&buf, text); err != nil {
			return Value{}, fmt.Errorf("mi: JSON value: %w: %w", err, ErrProtocol)
		}
		return Text(strings.ToValidUTF8(buf.String(), "\ufffd")), nil
	}
	var v Value
	if err := json.Unmarshal(text, &v); err != nil {
		return Value{}, fmt.Errorf("mi: JSON value: %w: %w", err, ErrProtocol)
	}
	return v, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(raw []byte) error {
	switch raw[0] {
	case '{', '[':
		*v = Text(strings.ToValidUTF8(string(raw), "\ufffd"))
		return nil
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*v = Text(s)
		return nil
	case 't', 'f':
		*v = Bool(raw[0] == 't')
		return nil
	case 'n':
		*v = Value{}
		return nil
	}
	number := Text(string(raw))
	if !strings.ContainsAny(string(raw), ".eE") {
		if i, ok := number.Int(); ok {
			*v = Int(i)
			return nil
		}
	}
	f, ok := number.Float()
	if !ok {
		return fmt.Errorf("mi: number %.40s is out of range", raw)
	}
	*v = Float(f)
	return nil
}

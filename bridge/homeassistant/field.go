package homeassistant

import (
	"strconv"
	"unicode/utf8"
)

type kind uint8

const (
	kindText kind = iota
	kindNumber
	kindTrue
	kindFalse
	kindNull
	kindList
	kindRaw
)

// field is one key of a discovery object.
type field struct {
	key    string
	kind   kind
	text   string
	number float64
	list   []string
}

func text(key, value string) field           { return field{key: key, text: value} }
func number(key string, value float64) field { return field{key: key, kind: kindNumber, number: value} }
func list(key string, value []string) field  { return field{key: key, kind: kindList, list: value} }
func null(key string) field                  { return field{key: key, kind: kindNull} }
func raw(key, json string) field             { return field{key: key, kind: kindRaw, text: json} }

func flag(key string, value bool) field {
	if value {
		return field{key: key, kind: kindTrue}
	}
	return field{key: key, kind: kindFalse}
}

func appendObject(b []byte, fields []field) []byte {
	b = append(b, '{')
	for i := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, fields[i].key), ':')
		b = fields[i].appendValue(b)
	}
	return append(b, '}')
}

func (f *field) appendValue(b []byte) []byte {
	switch f.kind {
	case kindNumber:
		return strconv.AppendFloat(b, f.number, 'f', -1, 64)
	case kindTrue:
		return append(b, "true"...)
	case kindFalse:
		return append(b, "false"...)
	case kindNull:
		return append(b, "null"...)
	case kindList:
		return appendList(b, f.list)
	case kindRaw:
		return append(b, f.text...)
	}
	return appendString(b, f.text)
}

func appendList(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// appendString appends s as a JSON string. Letters of every language stay as
// they are; bytes that are no UTF-8 become the replacement character.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if c >= utf8.RuneSelf && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		b = appendEscaped(append(b, s[from:i]...), c)
		i += size
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

func appendEscaped(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c < ' ':
		return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
	return append(b, "\ufffd"...)
}

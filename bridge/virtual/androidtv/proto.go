package androidtv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// protoField is one field of a protobuf message.
type protoField struct {
	num  int
	n    uint64 // of a number
	data []byte // of bytes, a text or a message
}

var errProto = errors.New("virtual: no protobuf message")

// readProto reads the fields of a message of numbers and bytes.
func readProto(b []byte) (out []protoField, err error) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return out, errProto
		}
		b = b[n:]
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return out, errProto
		}
		b = b[n:]
		f := protoField{num: int(tag >> 3 & 0xffff)}
		switch tag & 7 {
		case 0:
			f.n = v
		case 2:
			if v > uint64(len(b)) {
				return out, errProto
			}
			f.data, b = b[:v], b[v:]
		default:
			return out, errProto
		}
		out = append(out, f)
	}
	return out, nil
}

// proto writes a message: number, value, number, value, … where a value is an int, a
// string or the bytes of an inner message. 0 is not written.
func proto(pairs ...any) (b []byte) {
	for i := 0; i+1 < len(pairs); i += 2 {
		num := uint64(pairs[i].(int)) << 3
		switch v := pairs[i+1].(type) {
		case int:
			if v == 0 {
				continue
			}
			b = binary.AppendUvarint(binary.AppendUvarint(b, num), uint64(v))
		case string:
			b = append(binary.AppendUvarint(binary.AppendUvarint(b, num|2), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(binary.AppendUvarint(b, num|2), uint64(len(v))), v...)
		}
	}
	return b
}

// lengthFirst puts a message's length in front of it.
func lengthFirst(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }

// readLengthFirst reads a message with its length in front.
func readLengthFirst(r *bufio.Reader) ([]protoField, error) {
	size, err := binary.ReadUvarint(r)
	if err != nil || size > 1<<16 {
		return nil, errors.Join(errProto, err)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	return readProto(b)
}

// within returns the field of a number of a message; the zero field when there is
// none.
func within(message []protoField, num int) (f protoField, ok bool) {
	for _, f := range message {
		if f.num == num {
			return f, true
		}
	}
	return f, false
}

// inner returns the fields of the message in a field.
func inner(message []protoField, num int) []protoField {
	f, _ := within(message, num)
	fields, err := readProto(f.data)
	if err != nil {
		return nil
	}
	return fields
}

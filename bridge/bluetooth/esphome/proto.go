package esphome

import (
	"encoding/binary"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Wire types of protocol buffers.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// field is one field of a protocol buffer.
type field struct {
	num  int
	wire byte
	n    uint64 // of a number
	data []byte // of a string, octets or a message; points into the buffer
}

// text returns a string.
func (f field) text() string { return string(f.data) }

// yes returns a truth value.
func (f field) yes() bool { return f.n != 0 }

// zigzag returns an sint32.
func (f field) zigzag() int { return int(int32(uint32(f.n)>>1) ^ -int32(f.n&1)) }

// signed returns an int32.
func (f field) signed() int { return int(int32(f.n)) }

// eachField calls each for the fields of a message, in order, also those that
// nobody knows.
func eachField(b []byte, each func(field)) error {
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			return err
		}
		each(f)
		b = rest
	}
	return nil
}

func nextField(b []byte) (f field, rest []byte, err error) {
	key, n := binary.Uvarint(b)
	if n <= 0 || key>>3 == 0 || key>>3 > 1<<29-1 {
		return f, nil, fmt.Errorf("no field begins there: %w", mi.ErrProtocol)
	}
	f.num, f.wire, b = int(key>>3), byte(key&7), b[n:]
	size := 0
	switch f.wire {
	case wireVarint:
		f.n, size = binary.Uvarint(b)
	case wire64, wire32:
		size = 4
		if f.wire == wire64 {
			size = 8
		}
		if len(b) < size {
			size = 0
		}
	case wireBytes:
		length, n := binary.Uvarint(b)
		if n > 0 && length <= uint64(len(b)-n) {
			size = n + int(length)
			f.data = b[n:size]
		}
	}
	if size <= 0 {
		return f, nil, fmt.Errorf("field %d is cut off or of an unknown kind: %w", f.num, mi.ErrProtocol)
	}
	return f, b[size:], nil
}

// numbers reads a repeated number, packed or not.
func numbers(f field, into []uint64) []uint64 {
	if f.wire != wireBytes {
		return append(into, f.n)
	}
	for b := f.data; len(b) > 0; {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			break
		}
		into, b = append(into, v), b[n:]
	}
	return into
}

// appendNumber adds a number field; zero is left out, as proto3 has it.
func appendNumber(b []byte, num int, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(num)<<3|wireVarint)
	return binary.AppendUvarint(b, v)
}

// appendBytes adds a string, octets or a message; nothing is left out.
func appendBytes[T string | []byte](b []byte, num int, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(num)<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

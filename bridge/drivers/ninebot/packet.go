package ninebot

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The boards of a vehicle, by the addresses that requests carry.
const (
	boardMini  = 0x0A // the control board of a mini
	boardMotor = 0x20 // the controller of a scooter
	boardRadio = 0x21
	boardCells = 0x22 // the battery
)

// The commands.
const (
	cmdRead    = 0x01 // also of replies in frames 55 AA
	cmdWrite   = 0x02 // wants an answer
	cmdValue   = 0x04 // the reply to cmdRead in frames 5A A5
	cmdWritten = 0x05 // the reply to cmdWrite
	cmdHello   = 0x5B
	cmdKey     = 0x5C
	cmdPair    = 0x5D
)

// replyShift lies between the address of a board and the one that its replies
// carry in frames 55 AA.
const replyShift = 3

// self is the address of a client in frames 5A A5.
const self = 0x3D

// message is a request to a board or its reply, whatever frame carries it.
type message struct {
	Board byte // who is asked, or who answers
	Cmd   byte
	Arg   byte // a register, counted in words
	Data  []byte
}

// codec turns messages into frames and back. It lasts as long as a connection.
type codec interface {
	// head returns the two bytes that a frame begins with.
	head() [2]byte
	// size returns the length of a whole frame by its length byte.
	size(length byte) int
	seal(m message) []byte
	// open reads a whole frame; the message shares its bytes.
	open(frame []byte) (message, error)
}

var errFrame = fmt.Errorf("a frame that cannot be trusted: %w", mi.ErrProtocol)

// checksum sums what lies between the head of a frame and its last two bytes.
func checksum(b []byte) (sum uint16) {
	for _, c := range b {
		sum += uint16(c)
	}
	return ^sum
}

// plain is the frame 55 AA, which hides nothing: length (of the data and two),
// address, command, argument, data, checksum.
type plain struct{}

func (plain) head() [2]byte        { return [2]byte{0x55, 0xAA} }
func (plain) size(length byte) int { return int(length) + 6 }

func (plain) seal(m message) []byte {
	b := append([]byte{0x55, 0xAA, byte(len(m.Data) + 2), m.Board, m.Cmd, m.Arg}, m.Data...)
	return binary.LittleEndian.AppendUint16(b, checksum(b[2:]))
}

func (plain) open(frame []byte) (message, error) {
	end := len(frame) - 2
	if end < 6 || checksum(frame[2:end]) != binary.LittleEndian.Uint16(frame[end:]) {
		return message{}, errFrame
	}
	return message{Board: frame[3] - replyShift, Cmd: frame[4], Arg: frame[5], Data: frame[6:end]}, nil
}

// appendLong writes the frame 5A A5 without what encryption adds: length (of the
// data), sender, receiver, command, argument, data.
func appendLong(b []byte, m message) []byte {
	b = append(b, 0x5A, 0xA5, byte(len(m.Data)), self, m.Board, m.Cmd, m.Arg)
	return append(b, m.Data...)
}

func parseLong(b []byte) (message, error) {
	if len(b) < 7 || int(b[2]) != len(b)-7 {
		return message{}, errFrame
	}
	return message{Board: b[3], Cmd: b[5], Arg: b[6], Data: b[7:]}, nil
}

// splitter puts frames together again: a notification carries a piece of a
// frame, a frame, or several.
type splitter struct {
	c   codec
	buf []byte
}

// push takes in a notification and hands over every whole frame. A frame that
// take refuses is looked through for the head of another. It returns how many
// bytes belonged to none.
func (s *splitter) push(b []byte, take func(frame []byte) error) (junk int) {
	s.buf = append(s.buf, b...)
	for len(s.buf) >= 2 {
		if [2]byte(s.buf) != s.c.head() {
			s.buf, junk = s.buf[1:], junk+1
			continue
		}
		if len(s.buf) < 3 || len(s.buf) < s.c.size(s.buf[2]) {
			break
		}
		n := s.c.size(s.buf[2])
		if err := take(s.buf[:n:n]); errors.Is(err, mi.ErrProtocol) {
			n = 2
		}
		s.buf = s.buf[n:]
	}
	return junk
}

// forget drops the piece of a frame that never became whole.
func (s *splitter) forget() { s.buf = nil }

// word returns the 16 bit number at a byte offset.
func word(b []byte, at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }

// signed returns the signed 16 bit number at a byte offset.
func signed(b []byte, at int) int16 { return int16(word(b, at)) }

// version writes a firmware version, one number to each of the last two half
// bytes: 0x0134 is 1.3.4.
func version(w uint16) string { return fmt.Sprintf("%d.%d.%d", w>>8, w>>4&0xF, w&0xF) }

// text reads the letters of a serial number; false when there are others.
func text(b []byte) (string, bool) {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return "", false
		}
	}
	return string(b), len(b) > 0
}

package esphome

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/flynn/noise"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	plainMark = 0x00
	noiseMark = 0x01
	maxFrame  = 1<<16 - 1
	prologue  = "NoiseAPIInit\x00\x00"
	tagSize   = 16
)

// frames moves messages over a stream. One goroutine may read; any may write.
type frames struct {
	in  *bufio.Reader
	out io.Writer
	buf []byte // of the message that was read last

	writing sync.Mutex
	sealed  *noise.CipherState // for writing; nil without encryption
	opened  *noise.CipherState // for reading
}

func newFrames(rw io.ReadWriter) *frames {
	return &frames{in: bufio.NewReaderSize(rw, 4096), out: rw}
}

// parseKey reads an encryption key as a node's configuration has it: 32 octets in
// base 64. The error does not hold the key.
func parseKey(key mi.Secret) ([]byte, error) {
	k, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key.Reveal()))
	if err != nil || len(k) != 32 {
		return nil, fmt.Errorf("the encryption key is not 32 octets in base 64; copy it from the node's configuration, api: encryption: key: %w", mi.ErrInvalid)
	}
	return k, nil
}

// secure agrees with the node on keys: Noise_NNpsk0_25519_ChaChaPoly_SHA256 with
// the key that both know.
func (f *frames) secure(key []byte) error {
	state, err := noise.NewHandshakeState(noise.Config{
		CipherSuite:  noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashSHA256),
		Pattern:      noise.HandshakeNN, // its Random is the system's: it makes a key
		Initiator:    true,
		Prologue:     []byte(prologue),
		PresharedKey: key, PresharedKeyPlacement: 0,
	})
	if err != nil {
		return err
	}
	ours, _, _, err := state.WriteMessage([]byte{0}, nil)
	if err != nil {
		return err
	}
	greeting := appendNoise([]byte{noiseMark, 0, 0}, ours)
	if _, err := f.out.Write(greeting); err != nil {
		return err
	}
	if hello, err := f.readNoise(); err != nil {
		return err
	} else if len(hello) == 0 || hello[0] != 1 {
		return fmt.Errorf("the node chose an encryption that nobody knows: %w", mi.ErrProtocol)
	}
	theirs, err := f.readNoise()
	switch {
	case err != nil:
		return err
	case len(theirs) == 0:
		return fmt.Errorf("the node's answer to the key is empty: %w", mi.ErrProtocol)
	case theirs[0] != 0:
		return fmt.Errorf("the node says %.60q; is the encryption key the one of its configuration? %w", theirs[1:], mi.ErrDenied)
	}
	_, f.sealed, f.opened, err = state.ReadMessage(nil, theirs[1:])
	if err != nil {
		return fmt.Errorf("the encryption key is not the node's; copy it from its configuration, api: encryption: key: %w", mi.ErrDenied)
	}
	return nil
}

func appendNoise(b, frame []byte) []byte {
	b = append(b, noiseMark)
	b = binary.BigEndian.AppendUint16(b, uint16(len(frame)))
	return append(b, frame...)
}

// readNoise returns one frame, valid until the next.
func (f *frames) readNoise() ([]byte, error) {
	mark, err := f.in.ReadByte()
	switch {
	case err != nil:
		return nil, err
	case mark == plainMark:
		return nil, fmt.Errorf("the node speaks without encryption; leave the key out: %w", mi.ErrDenied)
	case mark != noiseMark:
		return nil, fmt.Errorf("that is no ESPHome node: %w", mi.ErrProtocol)
	}
	var size [2]byte
	if _, err := io.ReadFull(f.in, size[:]); err != nil {
		return nil, err
	}
	return f.fill(int(binary.BigEndian.Uint16(size[:])))
}

// fill reads n octets into the buffer.
func (f *frames) fill(n int) ([]byte, error) {
	if cap(f.buf) < n {
		f.buf = make([]byte, n)
	}
	f.buf = f.buf[:n]
	_, err := io.ReadFull(f.in, f.buf)
	return f.buf, err
}

// read returns the next message; body is valid until the next.
func (f *frames) read() (kind uint64, body []byte, err error) {
	if f.opened == nil {
		return f.readPlain()
	}
	sealed, err := f.readNoise()
	if err != nil {
		return 0, nil, err
	}
	open, err := f.opened.Decrypt(sealed[:0], nil, sealed)
	if err != nil || len(open) < 4 {
		return 0, nil, fmt.Errorf("a frame is not sealed with the agreed key: %w", mi.ErrProtocol)
	}
	return uint64(binary.BigEndian.Uint16(open)), open[4:], nil
}

func (f *frames) readPlain() (kind uint64, body []byte, err error) {
	mark, err := f.in.ReadByte()
	switch {
	case err != nil:
		return 0, nil, err
	case mark == noiseMark:
		return 0, nil, fmt.Errorf("the node wants an encryption key; copy it from its configuration, api: encryption: key: %w", mi.ErrDenied)
	case mark != plainMark:
		return 0, nil, fmt.Errorf("that is no ESPHome node: %w", mi.ErrProtocol)
	}
	size, err := f.readNumber()
	if err != nil {
		return 0, nil, err
	}
	if kind, err = f.readNumber(); err != nil {
		return 0, nil, err
	}
	if size > maxFrame || kind > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d octets of type %d: %w", size, kind, mi.ErrProtocol)
	}
	body, err = f.fill(int(size))
	return kind, body, err
}

// readNumber reads a number of a plain header, which has 4 octets at most.
func (f *frames) readNumber() (n uint64, err error) {
	for shift := 0; shift < 28; shift += 7 {
		b, err := f.in.ReadByte()
		if err != nil {
			return 0, err
		}
		if n |= uint64(b&0x7F) << shift; b < 0x80 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("a header that does not end: %w", mi.ErrProtocol)
}

var errTooLong = errors.New("esphome: message too long")

// write sends a message.
func (f *frames) write(kind uint64, body []byte) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if len(body) > maxFrame-4-tagSize {
		return errTooLong
	}
	frame, err := f.frame(kind, body)
	if err == nil {
		_, err = f.out.Write(frame)
	}
	return err
}

// frame needs the lock for writing.
func (f *frames) frame(kind uint64, body []byte) ([]byte, error) {
	if f.sealed == nil {
		b := binary.AppendUvarint([]byte{plainMark}, uint64(len(body)))
		b = binary.AppendUvarint(b, kind)
		return append(b, body...), nil
	}
	open := binary.BigEndian.AppendUint16(make([]byte, 0, 4+len(body)), uint16(kind))
	open = binary.BigEndian.AppendUint16(open, uint16(len(body)))
	sealed, err := f.sealed.Encrypt(nil, nil, append(open, body...))
	return appendNoise(nil, sealed), err
}

package miio

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

const (
	magic     = 0x2131
	headerLen = 32
	maxPacket = 64 << 10
)

var (
	errNoPacket = errors.New("no miIO datagram")
	errChecksum = errors.New("checksum does not fit")
	errPadding  = errors.New("padding is damaged")
)

// header is the fixed part of a datagram. All integers are big-endian.
type header struct {
	did   uint64
	stamp uint32 // seconds since the device started
	tail  [16]byte
}

// parseHeader reads the header and cuts the datagram to the length it names.
func parseHeader(b []byte) (header, []byte, error) {
	if len(b) < headerLen || binary.BigEndian.Uint16(b) != magic {
		return header{}, nil, errNoPacket
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < headerLen || n > len(b) {
		return header{}, nil, errNoPacket
	}
	h := header{did: binary.BigEndian.Uint64(b[4:]), stamp: binary.BigEndian.Uint32(b[12:])}
	copy(h.tail[:], b[16:headerLen])
	return h, b[:n], nil
}

func (h header) append(b []byte, n int) []byte {
	b = binary.BigEndian.AppendUint16(b, magic)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	b = binary.BigEndian.AppendUint64(b, h.did)
	b = binary.BigEndian.AppendUint32(b, h.stamp)
	return append(b, h.tail[:]...)
}

// seal is what a token makes of plain text: AES-128-CBC under MD5(token), with
// MD5(key, token) as the start vector.
type seal struct {
	token [16]byte
	block cipher.Block
	iv    [16]byte
}

// newSeal expands a token of 32 hex digits.
func newSeal(token string) (*seal, error) {
	raw, err := hex.DecodeString(token)
	if err != nil || len(raw) != 16 {
		return nil, fmt.Errorf("virtual: token of %d characters: 32 hex digits are needed", len(token))
	}
	s := &seal{token: [16]byte(raw)}
	key := md5.Sum(raw)
	s.iv = md5.Sum(append(key[:], raw...))
	s.block, err = aes.NewCipher(key[:])
	return s, err
}

// close makes the datagram that carries text.
func (s *seal) close(did uint64, stamp uint32, text []byte) []byte {
	pad := aes.BlockSize - len(text)%aes.BlockSize
	size := headerLen + len(text) + pad
	b := header{did: did, stamp: stamp, tail: s.token}.append(make([]byte, 0, size), size)
	b = append(b, text...)
	b = append(b, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(s.block, s.iv[:]).CryptBlocks(b[headerLen:], b[headerLen:])
	sum := md5.Sum(b)
	copy(b[16:], sum[:])
	return b
}

// open returns the text of a datagram, without the NULs that clients append.
func (s *seal) open(packet []byte) ([]byte, error) {
	h, packet, err := parseHeader(packet)
	if err != nil {
		return nil, err
	}
	body := packet[headerLen:]
	if len(body) == 0 || len(body)%aes.BlockSize != 0 {
		return nil, errNoPacket
	}
	sum := md5.New()
	sum.Write(packet[:16])
	sum.Write(s.token[:])
	sum.Write(body)
	if !bytes.Equal(sum.Sum(nil), h.tail[:]) {
		return nil, errChecksum
	}
	text := make([]byte, len(body))
	cipher.NewCBCDecrypter(s.block, s.iv[:]).CryptBlocks(text, body)
	if text, err = unpad(text); err != nil {
		return nil, err
	}
	return bytes.TrimRight(text, "\x00"), nil
}

func unpad(text []byte) ([]byte, error) {
	n := int(text[len(text)-1])
	if n < 1 || n > aes.BlockSize || n > len(text) {
		return nil, errPadding
	}
	for _, c := range text[len(text)-n:] {
		if int(c) != n {
			return nil, errPadding
		}
	}
	return text[:len(text)-n], nil
}

// probe is a hello: plain, or the vendor's variant that carries the client's
// virtual did and asks for the subscription.
type probe struct {
	vendor bool
	client uint64
}

// parseProbe reads a datagram without a body.
func parseProbe(h header) probe {
	if string(h.tail[:4]) != "MDID" {
		return probe{}
	}
	return probe{vendor: true, client: binary.BigEndian.Uint64(h.tail[4:12])}
}

// hello answers a plain hello; tail is the token, or a mask that hides it.
func hello(did uint64, stamp uint32, tail [16]byte) []byte {
	return header{did, stamp, tail}.append(nil, headerLen)
}

// subscription answers the vendor's probe of a device that pushes.
func subscription(did uint64, stamp, update uint32, kind byte) []byte {
	var tail [16]byte
	copy(tail[:], "MSUB")
	binary.BigEndian.PutUint32(tail[4:], update)
	copy(tail[8:], "PUB")
	tail[11] = kind
	tail[12] = 0xfe // takes a subscription to everything
	return hello(did, stamp, tail)
}

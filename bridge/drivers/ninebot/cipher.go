package ninebot

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
)

// tagSize is what all encryption of these vehicles keeps of an authentication
// code.
const tagSize = 4

// newBlock returns AES; a key of 16 bytes never fails.
func newBlock(key []byte) cipher.Block {
	b, err := aes.NewCipher(key[:aes.BlockSize])
	if err != nil {
		panic(err)
	}
	return b
}

// chain returns the CBC-MAC of its parts. Each part is filled up with zeros.
func chain(b cipher.Block, first [aes.BlockSize]byte, parts ...[]byte) (sum [aes.BlockSize]byte) {
	b.Encrypt(sum[:], first[:])
	for _, part := range parts {
		for len(part) > 0 {
			n := subtle.XORBytes(sum[:], sum[:], part)
			b.Encrypt(sum[:], sum[:])
			part = part[n:]
		}
	}
	return sum
}

// stream encrypts or decrypts what data holds with the blocks that follow first,
// whose last byte counts.
func stream(b cipher.Block, first [aes.BlockSize]byte, data []byte) {
	var pad [aes.BlockSize]byte
	for len(data) > 0 {
		first[aes.BlockSize-1]++
		b.Encrypt(pad[:], first[:])
		n := subtle.XORBytes(data, data, pad[:])
		data = data[n:]
	}
}

// hide covers an authentication code with the first block of the stream.
func hide(b cipher.Block, first, sum [aes.BlockSize]byte) (tag [tagSize]byte) {
	b.Encrypt(first[:], first[:])
	subtle.XORBytes(tag[:], first[:tagSize], sum[:])
	return tag
}

// ccm is AES-CCM (RFC 3610) with a nonce of 12 bytes and a tag of 4. Messages
// are shorter than 4 KiB: the counter of its stream is one byte.
type ccm struct{ b cipher.Block }

const nonceSize = 12

func (c ccm) tag(nonce, plain, known []byte) [tagSize]byte {
	first := [aes.BlockSize]byte{8*(tagSize-2)/2 + 2}
	copy(first[1:], nonce)
	binary.BigEndian.PutUint16(first[14:], uint16(len(plain)))
	parts := [][]byte{plain}
	if len(known) > 0 {
		first[0] |= 0x40
		parts = [][]byte{append(binary.BigEndian.AppendUint16(nil, uint16(len(known))), known...), plain}
	}
	return hide(c.b, c.start(nonce), chain(c.b, first, parts...))
}

func (ccm) start(nonce []byte) (first [aes.BlockSize]byte) {
	first[0] = 2 // the length has three bytes, of which one counts
	copy(first[1:], nonce)
	return first
}

// seal appends the encrypted text and its tag to dst. known is authenticated
// only.
func (c ccm) seal(dst, nonce, plain, known []byte) []byte {
	tag := c.tag(nonce, plain, known)
	at := len(dst)
	dst = append(dst, plain...)
	stream(c.b, c.start(nonce), dst[at:])
	return append(dst, tag[:]...)
}

// open decrypts what seal made; false when it is not genuine.
func (c ccm) open(nonce, sealed, known []byte) ([]byte, bool) {
	if len(sealed) < tagSize {
		return nil, false
	}
	end := len(sealed) - tagSize
	out := append([]byte(nil), sealed[:end]...)
	stream(c.b, c.start(nonce), out)
	tag := c.tag(nonce, out, known)
	return out, subtle.ConstantTimeCompare(tag[:], sealed[end:]) == 1
}

// The lengths of what NinebotCrypto adds to a frame, and of what it mixes.
const (
	cryptoExtra = 6
	secretSize  = 16
)

// cryptoSeed stands for what is not known yet. All vehicles have the same.
func cryptoSeed() []byte {
	return []byte{0x97, 0xCF, 0xB8, 0x02, 0x84, 0x41, 0x43, 0xDE, 0x56, 0x00, 0x2B, 0x3B, 0x34, 0x78, 0x0A, 0x5D}
}

// crypto is NinebotCrypto, the encryption of frames 5A A5. Both sides count their
// messages together: each answers with the number that follows. Number 0 is the
// greeting, which anybody can read. Written from a description of the protocol.
type crypto struct {
	name    [secretSize]byte // of the vehicle, as it advertises it
	vehicle [secretSize]byte // drawn by the vehicle
	block   cipher.Block
	count   uint32
}

// newCrypto greets the vehicle of that name.
func newCrypto(name string) *crypto {
	c := &crypto{}
	copy(c.name[:], name)
	c.block = mix(c.name[:], cryptoSeed())
	return c
}

func mix(a, b []byte) cipher.Block {
	sum := sha1.Sum(append(append([]byte(nil), a...), b...))
	return newBlock(sum[:])
}

// greeted goes on with what the vehicle drew.
func (c *crypto) greeted(vehicle []byte) {
	copy(c.vehicle[:], vehicle)
	c.block = mix(c.name[:], c.vehicle[:])
}

// paired goes on with our key.
func (c *crypto) paired(key []byte) { c.block = mix(key, c.vehicle[:]) }

func (*crypto) head() [2]byte        { return [2]byte{0x5A, 0xA5} }
func (*crypto) size(length byte) int { return int(length) + 7 + cryptoExtra }

func (c *crypto) seal(m message) []byte {
	b := appendLong(nil, m)
	if c.count == 0 {
		sum := checksum(b[3:])
		c.greet(b[3:])
		return append(b, 0, 0, byte(sum), byte(sum>>8), 0, 0)
	}
	c.count++
	tag := c.tag(c.count, b)
	stream(c.block, c.start(c.count), b[3:])
	return binary.BigEndian.AppendUint16(append(b, tag[:]...), uint16(c.count))
}

func (c *crypto) open(frame []byte) (message, error) {
	end := len(frame) - cryptoExtra
	if end < 7 {
		return message{}, errFrame
	}
	b, trailer := append([]byte(nil), frame[:end]...), frame[end:]
	number := binary.BigEndian.Uint16(trailer[4:])
	if number == 0 && c.count == 0 {
		c.greet(b[3:])
		if checksum(b[3:]) != binary.LittleEndian.Uint16(trailer[2:]) {
			return message{}, errFrame
		}
		return parseLong(b)
	}
	count := c.count + uint32(int32(int16(number-uint16(c.count)))) // the frame carries its lower half
	stream(c.block, c.start(count), b[3:])
	if tag := c.tag(count, b); subtle.ConstantTimeCompare(tag[:], trailer[:tagSize]) != 1 {
		return message{}, errFrame
	}
	if int32(count-c.count) > 0 {
		c.count = count
	}
	return parseLong(b)
}

// greet covers a greeting or uncovers it.
func (c *crypto) greet(b []byte) {
	var pad [aes.BlockSize]byte
	c.block.Encrypt(pad[:], cryptoSeed())
	for len(b) > 0 {
		b = b[subtle.XORBytes(b, b, pad[:]):]
	}
}

func (c *crypto) start(count uint32) (first [aes.BlockSize]byte) {
	first[0] = 1
	binary.BigEndian.PutUint32(first[1:], count)
	copy(first[5:], c.vehicle[:8])
	return first
}

// tag authenticates a frame in the clear. Its head stands in a block of its own,
// which is where it differs from CCM.
func (c *crypto) tag(count uint32, b []byte) [tagSize]byte {
	first := c.start(count)
	first[0], first[15] = 0x59, byte(len(b)-3)
	return hide(c.block, c.start(count), chain(c.block, first, b[:3], b[3:]))
}

package miio

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Port is the UDP port on which every miIO device listens.
const Port = 54321

const (
	headerLen = 32
	magic     = 0x2131
)

// Why a datagram is refused. The text is the reason that is counted.
var (
	errShort    = errors.New("truncated")
	errMagic    = errors.New("bad magic")
	errLength   = errors.New("bad length")
	errBlocks   = errors.New("not whole cipher blocks")
	errChecksum = errors.New("checksum mismatch")
	errPadding  = errors.New("bad padding")
)

// header is the fixed part in front of every datagram; integers are big endian.
//
//	0 magic 2131 · 2 length of all · 4 did (64 bits) · 12 stamp · 16 checksum
type header struct {
	length int
	did    uint64
	stamp  uint32 // seconds on the device's own clock
}

// parseHeader checks magic and length. Bytes behind the length are no part of
// the message.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerLen {
		return header{}, errShort
	}
	if binary.BigEndian.Uint16(b) != magic {
		return header{}, errMagic
	}
	h := header{
		length: int(binary.BigEndian.Uint16(b[2:])),
		did:    binary.BigEndian.Uint64(b[4:]),
		stamp:  binary.BigEndian.Uint32(b[12:]),
	}
	if h.length < headerLen || h.length > len(b) {
		return header{}, errLength
	}
	return h, nil
}

func putHeader(b []byte, did uint64, stamp uint32) {
	binary.BigEndian.PutUint16(b, magic)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint64(b[4:], did)
	binary.BigEndian.PutUint32(b[12:], stamp)
}

// appendHello appends the plain hello: every miIO device answers it.
func appendHello(b []byte) []byte {
	b = append(b, 0x21, 0x31, 0x00, headerLen)
	return append(b, bytes.Repeat([]byte{0xff}, headerLen-4)...)
}

// appendProbe appends the vendor client's hello, which also asks what the device
// knows of the subscription of the client called virtual.
func appendProbe(b []byte, virtual uint64) []byte {
	b = appendHello(b)
	tail := b[len(b)-16:]
	copy(tail, "MDID")
	binary.BigEndian.PutUint64(tail[4:], virtual)
	clear(tail[12:])
	return b
}

// greeting is the answer to a hello or a probe. Nothing in it is authenticated.
type greeting struct {
	did   uint64
	stamp uint32
	token []byte // shown only by a device that is not paired; nil when hidden
	push  offer
}

// offer is what a probed device says about local push.
type offer struct {
	known bool   // it answered the probe with its subscription state
	able  bool   // it takes a subscription to everything
	since uint32 // update_ts of the subscription that it holds, 0 for none
}

// parseGreeting reads a datagram of exactly 32 bytes.
func parseGreeting(b []byte) (greeting, error) {
	h, err := parseHeader(b)
	if err != nil {
		return greeting{}, err
	}
	if h.length != headerLen || h.did == 0 || h.did == 1<<64-1 || h.did == 1<<32-1 {
		return greeting{}, errLength
	}
	g := greeting{did: h.did, stamp: h.stamp}
	field := b[16:headerLen]
	if string(field[:4]) == "MSUB" && string(field[8:11]) == "PUB" {
		kind := field[11]
		g.push = offer{
			known: true,
			able:  field[12] == 0xfe && (kind == 0 || kind == 1 || kind == 4),
			since: binary.BigEndian.Uint32(field[4:]),
		}
		return g, nil
	}
	if !hidden(field) {
		g.token = field
	}
	return g, nil
}

// hidden reports whether a token field holds a placeholder: a paired device
// shows only hex digits f and 0 there.
func hidden(field []byte) bool {
	for _, c := range field {
		if (c&0xf != 0xf && c&0xf != 0) || (c>>4 != 0xf && c>>4 != 0) {
			return false
		}
	}
	return true
}

// parseToken reads a device token: 32 hex digits, or the 96 that old iOS backups
// hold (the hex text, sealed by AES-ECB under a key of zeros).
func parseToken(s mi.Secret) (token [16]byte, err error) {
	raw, err := hex.DecodeString(strings.TrimSpace(s.Reveal()))
	if err == nil && len(raw) == 48 {
		raw, err = unwrapToken(raw)
	}
	if err != nil || len(raw) != 16 {
		return token, fmt.Errorf("the token must be 32 hex digits: %w", mi.ErrDenied)
	}
	if hidden(raw) {
		return token, mi.Diagnose("token.missing", fmt.Errorf("the token is a placeholder: %w", mi.ErrDenied))
	}
	return [16]byte(raw), nil
}

func unwrapToken(raw []byte) ([]byte, error) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(raw); i += 16 {
		block.Decrypt(raw[i:i+16], raw[i:i+16])
	}
	return hex.DecodeString(string(raw[:32]))
}

// key seals and opens the datagrams of one token. Its AES state is made once; it
// holds nothing else, so any number of goroutines may use it.
type key struct {
	token [16]byte
	iv    [16]byte
	block cipher.Block
}

func newKey(token [16]byte) *key {
	k := &key{token: token}
	secret := md5.Sum(token[:])
	k.iv = md5.Sum(append(secret[:], token[:]...))
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		panic(err) // 16 bytes are always a key
	}
	k.block = block
	return k
}

// encrypt is CBC in place. The standard library's keeps a copy of the block's state
// for each direction, which is most of what a device would cost.
func (k *key) encrypt(b []byte) {
	last := k.iv[:]
	for ; len(b) > 0; b = b[aes.BlockSize:] {
		one := b[:aes.BlockSize]
		subtle.XORBytes(one, one, last)
		k.block.Encrypt(one, one)
		last = one
	}
}

// decrypt goes backwards, so that the block before is still sealed.
func (k *key) decrypt(b []byte) {
	for i := len(b) - aes.BlockSize; i >= 0; i -= aes.BlockSize {
		one, last := b[i:i+aes.BlockSize], k.iv[:]
		if i > 0 {
			last = b[i-aes.BlockSize : i]
		}
		k.block.Decrypt(one, one)
		subtle.XORBytes(one, one, last)
	}
}

// seal turns b, 32 free bytes with the plain text behind them, into a datagram.
func (k *key) seal(b []byte, did uint64, stamp uint32) []byte {
	pad := aes.BlockSize - (len(b)-headerLen)%aes.BlockSize
	for range pad {
		b = append(b, byte(pad))
	}
	k.encrypt(b[headerLen:])
	putHeader(b, did, stamp)
	copy(b[16:], k.token[:])
	sum := md5.Sum(b)
	copy(b[16:], sum[:])
	return b
}

// open checks a datagram and decrypts it in place. The result aliases b and has
// lost its trailing NULs.
func (k *key) open(b []byte) ([]byte, error) {
	h, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	b = b[:h.length]
	want := [16]byte(b[16:headerLen])
	copy(b[16:], k.token[:])
	if md5.Sum(b) != want {
		copy(b[16:], want[:])
		return nil, errChecksum
	}
	text := b[headerLen:]
	if len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return nil, errBlocks
	}
	k.decrypt(text)
	pad := int(text[len(text)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, errPadding
	}
	for _, c := range text[len(text)-pad:] {
		if int(c) != pad {
			return nil, errPadding
		}
	}
	return bytes.TrimRight(text[:len(text)-pad], "\x00"), nil
}

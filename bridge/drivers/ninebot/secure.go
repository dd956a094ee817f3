package ninebot

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// tokenSize is the length of what Xiaomi's pairing leaves behind.
const tokenSize = 12

// keys are those of one login with Xiaomi's authentication.
type keys struct {
	device, app     []byte // 16 bytes
	deviceIV, appIV []byte // 4 bytes
	salt, mirrored  []byte
}

// login derives the keys from the token and what both sides drew.
func login(token, app, device []byte) (keys, error) {
	k := keys{salt: concat(app, device), mirrored: concat(device, app)}
	out, err := hkdf.Key(sha256.New, token, k.salt, "mible-login-info", 64)
	if err != nil {
		return keys{}, fmt.Errorf("derive keys: %w", err)
	}
	k.device, k.app, k.deviceIV, k.appIV = out[:16], out[16:32], out[32:36], out[36:40]
	return k, nil
}

// proof is how we show that we hold the token.
func (k keys) proof() []byte { return sum(k.app, k.salt) }

// genuine reports whether the device showed it.
func (k keys) genuine(proof []byte) bool { return hmac.Equal(proof, sum(k.device, k.mirrored)) }

func sum(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}

func concat(a, b []byte) []byte { return append(append([]byte(nil), a...), b...) }

// bond is what pairing agrees on.
type bond struct {
	token []byte // for logins
	id    []byte // the key under which the device is told its identity
}

// agree derives the bond from our key and the device's public one: 64 bytes, X
// and Y on the curve P-256.
func agree(own *ecdh.PrivateKey, device []byte) (bond, error) {
	public, err := ecdh.P256().NewPublicKey(concat([]byte{4}, device))
	if err != nil {
		return bond{}, fmt.Errorf("public key of the device: %w: %w", err, mi.ErrProtocol)
	}
	shared, err := own.ECDH(public)
	if err != nil {
		return bond{}, fmt.Errorf("agree on a key: %w: %w", err, mi.ErrProtocol)
	}
	out, err := hkdf.Key(sha256.New, shared, nil, "mible-setup-info", 64)
	if err != nil {
		return bond{}, fmt.Errorf("derive keys: %w", err)
	}
	return bond{token: out[:tokenSize], id: out[28:44]}, nil
}

// publicOf returns X and Y.
func publicOf(own *ecdh.PrivateKey) []byte { return own.PublicKey().Bytes()[1:] }

// identity encrypts the device's identity for it.
func (b bond) identity(did []byte) []byte {
	nonce := []byte{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B}
	return ccm{newBlock(b.id)}.seal(nil, nonce, did, []byte("devID"))
}

// draw returns random bytes.
func draw(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// newPrivate draws a key on the curve; nearly every number is one.
func newPrivate(r *rand.Rand) *ecdh.PrivateKey {
	for {
		if k, err := ecdh.P256().NewPrivateKey(draw(r, 32)); err == nil {
			return k
		}
	}
}

// secure is the frame 55 AB: that of 55 AA, encrypted with the keys of a login.
// Its number stands behind the length.
type secure struct {
	k     keys
	rand  *rand.Rand
	count uint32 // of the next frame that we send
	heard uint32 // of the newest one that we took
}

// padding is drawn behind each message.
const padding = 4

func (*secure) head() [2]byte        { return [2]byte{0x55, 0xAB} }
func (*secure) size(length byte) int { return int(length) + 16 }

func secureNonce(iv []byte, count uint32) []byte {
	n := append(make([]byte, 0, nonceSize), iv...)
	return binary.LittleEndian.AppendUint32(append(n, 0, 0, 0, 0), count)
}

func (s *secure) seal(m message) []byte {
	inner := append([]byte{m.Board, m.Cmd, m.Arg}, m.Data...)
	inner = append(inner, draw(s.rand, padding)...)
	b := []byte{0x55, 0xAB, byte(len(m.Data) + 2), byte(s.count), byte(s.count >> 8)}
	b = ccm{newBlock(s.k.app)}.seal(b, secureNonce(s.k.appIV, s.count), inner, nil)
	s.count++
	return binary.LittleEndian.AppendUint16(b, checksum(b[2:]))
}

func (s *secure) open(frame []byte) (message, error) {
	end := len(frame) - 2
	if end < 5+3+padding+tagSize || checksum(frame[2:end]) != binary.LittleEndian.Uint16(frame[end:]) {
		return message{}, errFrame
	}
	count := s.heard + uint32(int32(int16(word(frame, 3)-uint16(s.heard))))
	inner, ok := ccm{newBlock(s.k.device)}.open(secureNonce(s.k.deviceIV, count), frame[5:end], nil)
	if !ok {
		return message{}, errFrame
	}
	if int32(count-s.heard) > 0 {
		s.heard = count
	}
	return message{Board: inner[0] - replyShift, Cmd: inner[1], Arg: inner[2], Data: inner[3 : len(inner)-padding]}, nil
}

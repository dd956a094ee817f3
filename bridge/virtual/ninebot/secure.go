package ninebot

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// secrets are what a vehicle keeps to itself. They outlive a connection.
type secrets struct {
	drawn   [16]byte // by the vehicle, for NinebotCrypto
	bond    []byte   // the client's key, once the button confirmed it
	pressed bool
	token   []byte // of Xiaomi's authentication
	private *ecdh.PrivateKey
	rand    *rand.Rand
	used    []string // keys that were in use, in hexadecimal digits
}

func newSecrets(o Options, r *rand.Rand) secrets {
	s := secrets{rand: r, pressed: o.Ready}
	copy(s.drawn[:], s.random(16))
	for s.private == nil {
		s.private, _ = ecdh.P256().NewPrivateKey(s.random(32))
	}
	s.token, _ = hex.DecodeString(o.Token.Reveal())
	return s
}

func (s *secrets) random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rand.Uint32())
	}
	return b
}

// admits lets a client in that the button confirmed, now or earlier.
func (s *secrets) admits(key []byte) bool {
	s.used = append(s.used, hex.EncodeToString(key))
	if s.pressed {
		s.bond, s.pressed = bytes.Clone(key), false
	}
	return bytes.Equal(s.bond, key)
}

func (s *secrets) list() (keys []string) {
	keys = append(keys, s.used...)
	for _, k := range [][]byte{s.bond, s.token} {
		if len(k) > 0 {
			keys = append(keys, hex.EncodeToString(k))
		}
	}
	return keys
}

// secureSpeech is Xiaomi's authentication and, behind it, frames 55 AB.
type secureSpeech struct {
	buf []byte
	in  struct { // a parcel that is under way
		kind  byte
		left  int
		bytes []byte
	}
	out     []secureParcel // parcels to be sent; the first is announced
	app     []byte         // what the client drew
	drawn   []byte         // and the vehicle
	pending []byte         // a token that is being agreed on
	keys    []byte         // of the login; nil before
	in32    uint32         // number of the client's next frame
	out32   uint32
}

type secureParcel struct {
	kind byte
	data []byte
}

func (s *secureSpeech) hear(v *Vehicle, characteristic string, b []byte) []note {
	switch characteristic {
	case controlPoint:
		return s.command(v, b)
	case parcelPoint:
		return s.parcel(v, b)
	case uartIn:
		return s.frames(v, b)
	}
	return nil
}

func code(b byte) note { return note{controlPoint, []byte{b, 0, 0, 0}} }

// command begins a login, tells who the vehicle is, or ends a pairing.
func (s *secureSpeech) command(v *Vehicle, b []byte) []note {
	switch {
	case len(b) == 0:
	case b[0] == 0xA2:
		return s.announce(secureParcel{0, append([]byte{1, 0, 0, 0}, "blt.3.1234567890abcd"...)})
	case b[0] == 0x24 && v.secrets.token == nil:
		return []note{code(0x23)}
	case b[0] == 0x13 && s.pending != nil:
		v.secrets.token = s.pending
		return []note{code(0x11)}
	}
	return nil
}

// announce queues a parcel.
func (s *secureSpeech) announce(p secureParcel) []note {
	s.out = append(s.out, p)
	if len(s.out) > 1 {
		return nil
	}
	return s.announcement()
}

func (s *secureSpeech) announcement() []note {
	if len(s.out) == 0 {
		return nil
	}
	p := s.out[0]
	return []note{{parcelPoint, []byte{0, 0, 0, p.kind, byte((len(p.data) + 17) / 18), 0}}}
}

// parcel takes a piece of the client's parcel, or what it says to ours.
func (s *secureSpeech) parcel(v *Vehicle, b []byte) []note {
	say := func(what byte) note { return note{parcelPoint, []byte{0, 0, 1, what}} }
	switch {
	case s.in.left > 0 && len(b) > 2:
		s.in.bytes = append(s.in.bytes, b[2:]...)
		if s.in.left--; s.in.left == 0 {
			return append([]note{say(0)}, s.take(v, s.in.kind, s.in.bytes)...)
		}
	case len(b) == 6 && b[2] == 0:
		s.in.kind, s.in.left, s.in.bytes = b[3], int(b[4]), nil
		return []note{say(1)}
	case len(b) == 4 && b[2] == 1 && b[3] == 1:
		return s.pieces()
	case len(b) == 4 && b[2] == 1 && len(s.out) > 0:
		s.out = s.out[1:]
		return s.announcement()
	}
	return nil
}

func (s *secureSpeech) pieces() (notes []note) {
	if len(s.out) == 0 {
		return nil
	}
	for i, rest := 1, s.out[0].data; len(rest) > 0; i++ {
		n := min(18, len(rest))
		notes = append(notes, note{parcelPoint, append([]byte{byte(i), 0}, rest[:n]...)})
		rest = rest[n:]
	}
	return notes
}

// take goes on with a whole parcel.
func (s *secureSpeech) take(v *Vehicle, kind byte, data []byte) []note {
	switch {
	case kind == 0x0B && len(data) == 16:
		s.app, s.drawn = data, v.secrets.random(16)
		s.keys, _ = hkdf.Key(sha256.New, v.secrets.token, append(bytes.Clone(s.app), s.drawn...), "mible-login-info", 40)
		proof := hmac.New(sha256.New, s.keys[:16])
		proof.Write(append(bytes.Clone(s.drawn), s.app...))
		return append(s.announce(secureParcel{0x0D, s.drawn}), s.announce(secureParcel{0x0C, proof.Sum(nil)})...)
	case kind == 0x0A && s.keys != nil:
		proof := hmac.New(sha256.New, s.keys[16:32])
		proof.Write(append(bytes.Clone(s.app), s.drawn...))
		if !hmac.Equal(proof.Sum(nil), data) {
			s.keys = nil
			return []note{code(0x23)}
		}
		return []note{code(0x21)}
	case kind == 0x03 && len(data) == 64:
		return s.agree(v, data)
	case kind == 0x00 && len(data) != 24:
		s.pending = nil
	}
	return nil
}

// agree answers a public key with the vehicle's.
func (s *secureSpeech) agree(v *Vehicle, data []byte) []note {
	public, err := ecdh.P256().NewPublicKey(append([]byte{4}, data...))
	if err != nil {
		return []note{code(0x12)}
	}
	shared, err := v.secrets.private.ECDH(public)
	if err != nil {
		return []note{code(0x12)}
	}
	okm, _ := hkdf.Key(sha256.New, shared, nil, "mible-setup-info", 64)
	s.pending = okm[:12]
	return s.announce(secureParcel{0x03, v.secrets.private.PublicKey().Bytes()[1:]})
}

// frames answers encrypted requests.
func (s *secureSpeech) frames(v *Vehicle, b []byte) (notes []note) {
	s.buf = append(s.buf, b...)
	for {
		frame, rest := cutFrame(s.buf, 0x55, 0xAB, 16)
		s.buf = rest
		if frame == nil {
			return notes
		}
		end := len(frame) - 2
		if s.keys == nil || string(frameSum(frame[2:end])) != string(frame[end:]) {
			continue
		}
		number := uint32(binary.LittleEndian.Uint16(frame[3:]))
		clear, ok := ccmOpen(s.keys[16:32], secureNumber(s.keys[36:40], number), frame[5:end])
		if !ok || len(clear) < 7 || number < s.in32 {
			continue
		}
		s.in32 = number + 1
		r := request{clear[0], clear[1], clear[2], clear[3 : len(clear)-4]}
		if data := v.carryOut(r); data != nil {
			notes = append(notes, s.reply(v, r, data))
		}
	}
}

func (s *secureSpeech) reply(v *Vehicle, r request, data []byte) note {
	clear := append([]byte{r.board + 3, r.cmd, r.register}, data...)
	clear = append(clear, v.secrets.random(4)...)
	out := []byte{0x55, 0xAB, byte(len(data) + 2), byte(s.out32), byte(s.out32 >> 8)}
	out = append(out, ccmSeal(s.keys[:16], secureNumber(s.keys[32:36], s.out32), clear)...)
	s.out32++
	return note{uartOut, append(out, frameSum(out[2:])...)}
}

func secureNumber(iv []byte, count uint32) (nonce [12]byte) {
	copy(nonce[:], iv)
	binary.LittleEndian.PutUint32(nonce[8:], count)
	return nonce
}

// ccmMix runs both halves of AES-CCM with a tag of four bytes: it returns data
// covered or uncovered, and the tag of clear.
func ccmMix(key []byte, nonce [12]byte, data, clear []byte) (out, tag []byte) {
	block := func(flags byte, n int) (b [16]byte) {
		b[0], b[14], b[15] = flags, byte(n>>8), byte(n)
		copy(b[1:13], nonce[:])
		return b
	}
	state := encrypted([16]byte(key), block(0x0A, len(clear)))
	for i, c := range clear {
		state[i%16] ^= c
		if i%16 == 15 || i == len(clear)-1 {
			state = encrypted([16]byte(key), state)
		}
	}
	mask := encrypted([16]byte(key), block(2, 0))
	for i := range 4 {
		tag = append(tag, state[i]^mask[i])
	}
	for i, c := range data {
		pad := encrypted([16]byte(key), block(2, i/16+1))
		out = append(out, c^pad[i%16])
	}
	return out, tag
}

func ccmSeal(key []byte, nonce [12]byte, clear []byte) []byte {
	out, tag := ccmMix(key, nonce, clear, clear)
	return append(out, tag...)
}

func ccmOpen(key []byte, nonce [12]byte, sealed []byte) ([]byte, bool) {
	if len(sealed) < 4 {
		return nil, false
	}
	end := len(sealed) - 4
	clear, _ := ccmMix(key, nonce, sealed[:end], nil)
	_, tag := ccmMix(key, nonce, nil, clear)
	return clear, bytes.Equal(tag, sealed[end:])
}

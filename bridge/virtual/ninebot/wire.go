package ninebot

import (
	"crypto/aes"
	"crypto/sha1"
	"encoding/binary"
)

// serial is that of every virtual vehicle.
const serial = "N4GSD2123C0456"

// request is what a client asks, whatever frame carried it.
type request struct {
	board, cmd, register byte
	data                 []byte
}

// carryOut answers a request: the bytes of the registers, or nil when there is
// nothing to say.
func (v *Vehicle) carryOut(r request) []byte {
	switch r.cmd {
	case 1:
		v.state.Reads++
		n := 0
		if len(r.data) > 0 {
			n = int(r.data[0])
		}
		page := v.page(r.board)
		at := 2 * int(r.register)
		if page == nil || at+n > len(page) || v.trouble.Few && r.register != 0xB0 {
			return nil
		}
		return page[at : at+n]
	case 2, 3:
		v.state.Writes = append(v.state.Writes, r.register)
		v.change(r)
	}
	return nil
}

// change sets what a mini has nothing of.
func (v *Vehicle) change(r request) {
	if v.o.Kind == Mini || len(r.data) < 2 {
		return
	}
	switch r.register {
	case 0x70:
		v.state.Locked = r.data[0] == 1
	case 0x71:
		v.state.Locked = r.data[0] != 1
	case 0x7D:
		v.state.Light = r.data[0] != 0
	}
}

// page returns the registers of a board as they are now.
func (v *Vehicle) page(board byte) []byte {
	page := make([]byte, 512)
	switch own := map[bool]byte{true: 0x0A, false: 0x20}[v.o.Kind == Mini]; {
	case board == own:
		v.mainPage(page)
	case board == 0x22 && v.o.Kind != Mini:
		put := func(register, value int) { binary.LittleEndian.PutUint16(page[2*register:], uint16(value)) }
		copy(page[2*0x10:], serial)
		put(0x17, 0x0115)
		put(0x18, 7_800)
		put(0x1F, 0x0102)
		put(0x31, v.charge*78/100)
		put(0x32, v.charge/100)
		put(0x33, v.current)
		put(0x34, 3_850)
		put(0x35, 0x2F30) // 28 and 27 degrees
		put(0x3B, 97)
	default:
		return nil
	}
	return page
}

func (v *Vehicle) mainPage(page []byte) {
	put := func(register, value int) { binary.LittleEndian.PutUint16(page[2*register:], uint16(value)) }
	copy(page[2*0x10:], serial)
	put(0x1A, 0x0134)
	put(0x22, v.charge/100)
	put(0x25, v.charge/100*25)
	put(0x47, 5_432)
	put(0x24, v.charge/100*24)
	put(0x32, 90_000&0xFFFF)
	put(0x33, 90_000>>16)
	put(0x34, 36_000)
	put(0x68, 0x0072)
	put(0x72, 200)
	put(0x73, 250)
	put(0x74, 100)
	put(0x75, 2)
	put(0x7B, 1)
	put(0x7C, 1)
	if v.state.Light {
		put(0x7D, 2)
	}
	speed := v.speed
	if v.o.Kind == Crypto {
		speed /= 100
	}
	flags := 0
	if v.o.Kind != Mini {
		flags = 1 << 11 // activated
	}
	if v.state.Locked {
		flags |= 2
	}
	average := 0
	if v.tripTime > 0 {
		average = v.trip * 3600 / v.tripTime
	}
	if v.o.Kind == Crypto {
		average /= 100
	}
	// The first two words are the error and the warning: it never has any.
	for i, w := range []int{0, 0, flags, 0, v.charge / 100, speed, average, v.metres & 0xFFFF, v.metres >> 16, v.trip / 10, v.tripTime, 285, 0, v.current} {
		put(0xB0+i, w)
	}
}

func frameSum(b []byte) []byte {
	var sum uint16
	for _, c := range b {
		sum += uint16(c)
	}
	return binary.LittleEndian.AppendUint16(nil, ^sum)
}

// plainSpeech is frames 55 AA.
type plainSpeech struct{ buf []byte }

func (s *plainSpeech) hear(v *Vehicle, characteristic string, b []byte) (notes []note) {
	if characteristic != uartIn {
		return nil
	}
	s.buf = append(s.buf, b...)
	for {
		frame, rest := cutFrame(s.buf, 0x55, 0xAA, 6)
		if frame == nil {
			s.buf = rest
			return notes
		}
		s.buf = rest
		end := len(frame) - 2
		if string(frameSum(frame[2:end])) != string(frame[end:]) {
			continue
		}
		r := request{frame[3], frame[4], frame[5], frame[6:end]}
		if data := v.carryOut(r); data != nil {
			out := append([]byte{0x55, 0xAA, byte(len(data) + 2), r.board + 3, r.cmd, r.register}, data...)
			notes = append(notes, note{uartOut, append(out, frameSum(out[2:])...)})
		}
	}
}

// cutFrame takes the first whole frame off buf; more is what a frame has besides
// what its length byte counts.
func cutFrame(buf []byte, a, b byte, more int) (frame, rest []byte) {
	for len(buf) > 1 && (buf[0] != a || buf[1] != b) {
		buf = buf[1:]
	}
	if len(buf) < 3 || len(buf) < int(buf[2])+more {
		return nil, buf
	}
	n := int(buf[2]) + more
	return buf[:n:n], buf[n:]
}

// cryptoSpeech is frames 5A A5 with NinebotCrypto.
type cryptoSpeech struct {
	buf     []byte
	name    [16]byte
	key     [16]byte
	count   uint32
	greeted bool
	open    bool // the client was let in
}

func newCryptoSpeech(name string) *cryptoSpeech {
	s := &cryptoSpeech{}
	copy(s.name[:], name)
	return s
}

// firmware is a number that all vehicles share.
func firmware() [16]byte {
	return [16]byte{0x97, 0xCF, 0xB8, 0x02, 0x84, 0x41, 0x43, 0xDE, 0x56, 0x00, 0x2B, 0x3B, 0x34, 0x78, 0x0A, 0x5D}
}

func mixed(a, b [16]byte) (key [16]byte) {
	sum := sha1.Sum(append(a[:], b[:]...))
	return [16]byte(sum[:16])
}

func (s *cryptoSpeech) hear(v *Vehicle, characteristic string, b []byte) (notes []note) {
	if characteristic != uartIn {
		return nil
	}
	s.buf = append(s.buf, b...)
	for {
		frame, rest := cutFrame(s.buf, 0x5A, 0xA5, 13)
		if frame == nil {
			s.buf = rest
			return notes
		}
		s.buf = rest
		clear := s.uncover(v, frame)
		if clear == nil {
			continue
		}
		r := request{clear[4], clear[5], clear[6], clear[7:]}
		if out := s.answer(v, clear[3], r); out != nil {
			notes = append(notes, note{uartOut, out})
		}
	}
}

// answer returns the frame that answers a request.
func (s *cryptoSpeech) answer(v *Vehicle, client byte, r request) []byte {
	reply := func(cmd, arg byte, data []byte) []byte {
		return s.cover(v, append([]byte{0x5A, 0xA5, byte(len(data)), r.board, client, cmd, arg}, data...))
	}
	switch {
	case r.cmd == 0x5B:
		out := reply(0x5B, 1, append(v.secrets.drawn[:], serial...))
		s.key, s.greeted = mixed(s.name, v.secrets.drawn), true
		return out
	case r.cmd == 0x5C && len(r.data) == 16 && s.greeted:
		s.count = max(s.count, 1)
		if !v.secrets.admits(r.data) {
			return reply(0x5C, 0, nil)
		}
		out := reply(0x5C, 1, nil)
		s.key, s.open = mixed([16]byte(r.data), v.secrets.drawn), true
		return out
	case r.cmd == 0x5D && s.open && string(r.data) == serial:
		return reply(0x5D, 1, nil)
	case !s.open:
		return nil
	}
	data := v.carryOut(r)
	switch {
	case data != nil:
		return reply(4, r.register, data)
	case r.cmd == 2:
		return reply(5, r.register, nil)
	}
	return nil
}

func encrypted(key, block [16]byte) (out [16]byte) {
	c, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // sixteen bytes are a key
	}
	c.Encrypt(out[:], block[:])
	return out
}

// counterBlock is what the n-th block of the keystream is made of.
func (s *cryptoSpeech) counterBlock(v *Vehicle, kind byte, count uint32, n int) (b [16]byte) {
	b[0], b[15] = kind, byte(n)
	binary.BigEndian.PutUint32(b[1:], count)
	copy(b[5:13], v.secrets.drawn[:8])
	return b
}

// veil covers or uncovers a body.
func (s *cryptoSpeech) veil(v *Vehicle, count uint32, body []byte) []byte {
	out := make([]byte, len(body))
	for i, c := range body {
		pad := encrypted(s.key, s.counterBlock(v, 1, count, i/16+1))
		if count == 0 {
			pad = encrypted(s.key, firmware())
		}
		out[i] = c ^ pad[i%16]
	}
	return out
}

func (s *cryptoSpeech) proof(v *Vehicle, count uint32, clear []byte) []byte {
	state := encrypted(s.key, s.counterBlock(v, 0x59, count, len(clear)-3))
	absorb := func(part []byte) {
		for i, c := range part {
			state[i] ^= c
		}
		state = encrypted(s.key, state)
	}
	absorb(clear[:3])
	for body := clear[3:]; len(body) > 0; body = body[min(16, len(body)):] {
		absorb(body[:min(16, len(body))])
	}
	mask := encrypted(s.key, s.counterBlock(v, 1, count, 0))
	for i := range 4 {
		state[i] ^= mask[i]
	}
	return state[:4]
}

// cover makes a frame; the vehicle counts on.
func (s *cryptoSpeech) cover(v *Vehicle, clear []byte) []byte {
	if s.count > 0 {
		s.count++
	} else {
		s.key = mixed(s.name, firmware())
	}
	out := append(append([]byte(nil), clear[:3]...), s.veil(v, s.count, clear[3:])...)
	if s.count == 0 {
		out = append(append(out, 0, 0), frameSum(clear[3:])...)
		return append(out, 0, 0)
	}
	out = append(out, s.proof(v, s.count, clear)...)
	return binary.BigEndian.AppendUint16(out, uint16(s.count))
}

// uncover reads a frame; nil when it is not genuine. A greeting starts anew.
func (s *cryptoSpeech) uncover(v *Vehicle, frame []byte) []byte {
	body, trailer := frame[3:len(frame)-6], frame[len(frame)-6:]
	count := uint32(binary.BigEndian.Uint16(trailer[4:]))
	if count == 0 {
		return s.uncoverGreeting(v, frame[:3], body, trailer)
	}
	clear := append(append([]byte(nil), frame[:3]...), s.veil(v, count, body)...)
	if string(s.proof(v, count, clear)) != string(trailer[:4]) || count <= s.count {
		return nil
	}
	s.count = count
	return clear
}

func (s *cryptoSpeech) uncoverGreeting(v *Vehicle, head, body, trailer []byte) []byte {
	for _, key := range [][16]byte{mixed(s.name, firmware()), mixed(s.name, v.secrets.drawn)} {
		s.key = key
		clear := s.veil(v, 0, body)
		if string(frameSum(clear)) != string(trailer[2:4]) {
			continue
		}
		if clear[2] == 0x5B {
			s.count, s.open = 0, false
		}
		return append(append([]byte(nil), head...), clear...)
	}
	return nil
}

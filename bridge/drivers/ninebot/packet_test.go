package ninebot

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// TestTheCapturedRide reads the block that CamiAlfa's text prints for an M365.
func TestTheCapturedRide(t *testing.T) {
	frame, _ := hex.DecodeString("55aa222301b000000000000000003d00000050468a08000005007c021801000000000000000008fd")
	m, err := plain{}.open(frame)
	if err != nil || m.Board != boardMotor || m.Arg != regLive || len(m.Data) != liveSize {
		t.Fatalf("the captured block reads as %+v, %v", m, err)
	}
	var v values
	v.live(m.Data, Scooter)
	for field, want := range map[int]mi.Value{
		fieldBattery: mi.Int(61), fieldMileage: mi.Float(2.186), fieldTrip: mi.Float(0.05), fieldTripTime: mi.Int(636),
		fieldAverage: mi.Float(18), fieldSpeed: mi.Float(0), fieldTemperature: mi.Float(28), fieldProblem: mi.Bool(false), fieldLocked: mi.Bool(false),
	} {
		if v[field] != want {
			t.Errorf("field %d is %#v, want %#v", field, v[field], want)
		}
	}
}

// TestASessionCountsBeyondItsTwoBytes goes on when the number in the frame begins
// again.
func TestASessionCountsBeyondItsTwoBytes(t *testing.T) {
	we, they := newCrypto("mini"), newCrypto("mini")
	for _, c := range []*crypto{we, they} {
		c.greeted(bytes.Repeat([]byte{7}, secretSize))
		c.count = 0xFFFD
	}
	for i := range 8 {
		from, to := we, they
		if i%2 == 1 {
			from, to = they, we
		}
		frame := from.seal(message{Board: 0x20, Cmd: 1, Arg: byte(i), Data: []byte{2}})
		if m, err := to.open(frame); err != nil || m.Arg != byte(i) {
			t.Fatalf("message %d reads as %+v, %v", i, m, err)
		}
	}
	if we.count <= 0xFFFF {
		t.Errorf("the count is %#x", we.count)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"55aa032001100ebdff", "55aa55aa222301b0", "5aa50032ccfebc000046ff0000", "55ab03000067456002e6b035755d9945f083fa", "ff55"} {
		b, _ := hex.DecodeString(seed)
		f.Add(b, uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		k, _ := login(make([]byte, tokenSize), b, b)
		for _, c := range []codec{plain{}, newCrypto("x"), &secure{k: k, rand: rand.New(rand.NewPCG(1, 2))}} {
			s := splitter{c: c}
			junk, used := 0, 0
			for rest := b; len(rest) > 0; {
				n := min(int(piece)+1, len(rest))
				junk += s.push(rest[:n], func(frame []byte) error {
					used += len(frame)
					_, err := c.open(frame)
					if err != nil {
						used -= len(frame) - 2
					}
					return err
				})
				rest = rest[n:]
			}
			if junk+used+len(s.buf) != len(b) {
				t.Errorf("of %d bytes %d are junk, %d in frames and %d kept", len(b), junk, used, len(s.buf))
			}
		}
	})
}

// FuzzReply reads what a vehicle may say of itself.
func FuzzReply(f *testing.F) {
	f.Add([]byte("N4GSD2123C0456"), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		k := []Kind{Mini, Scooter, Crypto, Secure}[kind%4]
		var v values
		if len(b) >= liveSize {
			v.live(b, k)
		}
		for _, r := range readings(k) {
			if len(b) >= r.size {
				r.take(&v, b[:r.size])
			}
		}
		if s, ok := text(b); ok && (s == "" || len(s) > len(b)) {
			t.Errorf("%x is the text %q", b, s)
		}
	})
}

// FuzzParcel reads what the other side of a login may say.
func FuzzParcel(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0x0D, 1, 0}, byte(0x0D))
	f.Add([]byte{1, 0, 1, 2, 3}, byte(1))
	f.Fuzz(func(t *testing.T, b []byte, kind byte) {
		if n, err := announced(b, kind); err == nil && (n < 1 || n > mostPieces) {
			t.Errorf("%x announces %d pieces", b, n)
		}
		if data, err := join(nil, b, int(kind)); err == nil && len(data) != len(b)-2 {
			t.Errorf("the piece %x carries %x", b, data)
		}
		if len(b) == pointSize {
			_, _ = agree(newPrivate(rand.New(rand.NewPCG(1, 2))), b)
		}
	})
}

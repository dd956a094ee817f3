package ninebot

import (
	"bytes"
	"encoding/hex"
	"fmt"
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

// TestRegistersAsOthersReadThem holds our scales to those of ninebot-ble.
func TestRegistersAsOthersReadThem(t *testing.T) {
	for _, r := range load(t).Registers {
		b := unhex(t, r.Bytes)
		got, known := decoded(r.Board, r.Index, r.Name, b)
		if !known {
			continue // a register that is never read
		}
		if want := fmt.Sprint(r.Value); got.String() != want {
			t.Errorf("%s of %x is %v, want %v", r.Name, b, got, want)
		}
	}
}

// decoded reads a register the way that the driver does.
func decoded(board string, index int, name string, b []byte) (mi.Value, bool) {
	block := make([]byte, liveSize)
	put := func(at int) { copy(block[at:], b) }
	var v values
	var field int
	switch name {
	case "NB_INF_SN":
		field = fieldSerial
	case "NB_FW_VER":
		field = fieldFirmware
	case "NB_INF_PRD_RID_MIL":
		field = fieldRange
	case "BAT_HEALTHY":
		field = fieldHealth
	case "NB_INF_ERROR":
		put(0)
		field = fieldError
	case "NB_INF_ALERM":
		put(2)
		field = fieldWarning
	case "NB_INF_BOOL_LOCK":
		put(4)
		field = fieldLocked
	case "NB_SINGLE_MIL":
		put(18)
		field = fieldTrip
	case "NB_INF_BODY_TEMP":
		put(22)
		field = fieldTemperature
	case "NB_INF_DRV_VOLT":
		field = fieldVoltage
	case "BAT_CURRENT_CUR":
		v.cells(append(make([]byte, 4), append(b, make([]byte, 4)...)...))
		return v[fieldCurrent], true
	case "BAT_VOLTAGE_CUR":
		v.cells(append(make([]byte, 6), append(b, 0, 0)...))
		return v[fieldVoltage], true
	case "BAT_TEMP_CUR1":
		v.cells(append(make([]byte, 8), b[0], 0))
		return v[fieldCellTemperature], true
	default:
		return mi.Value{}, false
	}
	v.live(block, Scooter)
	for _, k := range []Kind{Mini, Scooter} {
		for _, r := range readings(k) {
			if int(r.register) == index && (r.board == boardCells) == (board == "bms 0x22") {
				r.take(&v, b)
			}
		}
	}
	return v[field], true
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

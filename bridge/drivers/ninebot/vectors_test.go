package ninebot

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
)

// vectors are recorded bytes of other implementations, outside of the project.
type vectors struct {
	Frames []struct {
		Name, Data, Frame string
		Addr, Cmd, Arg    byte
	} `json:"frames_55aa"`
	Replies []struct {
		Name, Frame string
		OK          bool `json:"checksum_ok"`
	} `json:"replies_55aa"`
	Packets []struct {
		Src, Dst, Cmd, Index byte
		Data, Packet         string
	} `json:"packets_5aa5"`
	Sessions []cryptoSession `json:"nbcrypto"`
	Mi       struct {
		Derive []miDerive `json:"derive"`
		HMAC   []struct {
			AppKey string `json:"app_key"`
			App    string `json:"app_info"`
			Device string `json:"expected_dev_info"`
		} `json:"hmac"`
		UART []struct {
			Key, IV string
			Counter uint32
			Message string `json:"msg_without_crc"`
			Random  string `json:"random4"`
			Frame   string `json:"frame_55ab"`
		} `json:"uart"`
		ECDH []struct {
			Private string `json:"a_priv"`
			Public  string `json:"a_pub64"`
			Other   string `json:"b_pub64"`
			Token   string `json:"token12"`
			ID      string `json:"did_key16"`
		} `json:"ecdh"`
		DID []struct{ Key, DID, Cipher string } `json:"did"`
	} `json:"mi_auth"`
	Registers []struct {
		Board, Name, Bytes string
		Index, Words       int
		Value              any
	} `json:"registers"`
}

type cryptoSession struct {
	Name  string `json:"device_name_16"`
	Steps []struct {
		Stage  string `json:"key_stage"`
		BLE    string `json:"ble"`
		App    string `json:"app"`
		Op     string `json:"op"`
		Plain  string `json:"plain"`
		Cipher string `json:"cipher"`
	} `json:"steps"`
}

type miDerive struct {
	Token  string `json:"token"`
	App    string `json:"app_random"`
	Device string `json:"dev_random"`
	DevKey string `json:"dev_key"`
	AppKey string `json:"app_key"`
	DevIV  string `json:"dev_iv"`
	AppIV  string `json:"app_iv"`
}

func load(t *testing.T) *vectors {
	t.Helper()
	raw, err := os.ReadFile("../../../../shared/vectors/ninebot.json")
	if err != nil {
		t.Skipf("the recorded vectors are not here: %v", err)
	}
	v := &vectors{}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s is %x, want %x", what, got, want)
	}
}

func TestVectorsOfFrames(t *testing.T) {
	v := load(t)
	for _, f := range v.Frames {
		m := message{Board: f.Addr, Cmd: f.Cmd, Arg: f.Arg, Data: unhex(t, f.Data)}
		wantBytes(t, f.Name, plain{}.seal(m), unhex(t, f.Frame))
		got, err := plain{}.open(unhex(t, f.Frame))
		if err != nil || got.Board+replyShift != f.Addr || got.Cmd != f.Cmd || got.Arg != f.Arg {
			t.Errorf("%s reads as %+v, %v", f.Name, got, err)
		}
		wantBytes(t, f.Name, got.Data, m.Data)
	}
	for _, r := range v.Replies {
		m, err := plain{}.open(unhex(t, r.Frame))
		if r.OK != (err == nil) || r.OK && m.Board != boardMotor {
			t.Errorf("%s reads as %+v, %v", r.Name, m, err)
		}
	}
	for _, p := range v.Packets {
		m := message{Board: p.Dst, Cmd: p.Cmd, Arg: p.Index, Data: unhex(t, p.Data)}
		b := appendLong(nil, m)
		b[3] = p.Src
		wantBytes(t, "packet", b, unhex(t, p.Packet))
		if got, err := parseLong(b); err != nil || got.Board != p.Src || got.Arg != p.Index || got.Cmd != p.Cmd {
			t.Errorf("%s reads as %+v, %v", p.Packet, got, err)
		}
	}
}

// TestVectorsOfNinebotCrypto replays both sides of whole sessions.
func TestVectorsOfNinebotCrypto(t *testing.T) {
	for _, s := range load(t).Sessions {
		we, they := newCrypto(string(unhex(t, s.Name))), newCrypto(string(unhex(t, s.Name)))
		for _, step := range s.Steps {
			cipher, clear := unhex(t, step.Cipher), unhex(t, step.Plain)
			switch step.Stage + step.Op {
			case "name+ble":
				we.greeted(unhex(t, step.BLE))
				they.greeted(unhex(t, step.BLE))
			case "app+ble":
				we.paired(unhex(t, step.App))
				they.paired(unhex(t, step.App))
			case "encrypt":
				m := message{Board: clear[4], Cmd: clear[5], Arg: clear[6], Data: clear[7:]}
				wantBytes(t, "our frame", we.seal(m), cipher)
				wantMessage(t, they, cipher, clear)
			case "decrypt":
				wantMessage(t, we, cipher, clear)
				wantReverse(t, they, cipher, clear)
			}
		}
	}
}

func wantMessage(t *testing.T, c *crypto, cipher, clear []byte) {
	t.Helper()
	m, err := c.open(cipher)
	if err != nil {
		t.Errorf("%x: %v", cipher, err)
		return
	}
	wantBytes(t, "the message", append([]byte{m.Board, m.Cmd, m.Arg}, m.Data...), append([]byte{clear[3]}, clear[5:]...))
}

// wantReverse makes the vehicle's frame: its sender is not ours.
func wantReverse(t *testing.T, c *crypto, cipher, clear []byte) {
	t.Helper()
	count := uint32(cipher[len(cipher)-1])
	got := bytes.Clone(clear)
	if count == 0 {
		c.greet(got[3:])
		wantBytes(t, "the greeting", got, cipher[:len(got)])
		return
	}
	c.count = count
	tag := c.tag(count, clear)
	stream(c.block, c.start(count), got[3:])
	wantBytes(t, "the vehicle's frame", append(append(got, tag[:]...), 0, byte(count)), cipher)
}

func TestVectorsOfMiLogin(t *testing.T) {
	v := load(t)
	for i, d := range v.Mi.Derive {
		k, err := login(unhex(t, d.Token), unhex(t, d.App), unhex(t, d.Device))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what      string
			got, want []byte
		}{
			{"device key", k.device, unhex(t, d.DevKey)}, {"app key", k.app, unhex(t, d.AppKey)},
			{"device iv", k.deviceIV, unhex(t, d.DevIV)}, {"app iv", k.appIV, unhex(t, d.AppIV)},
			{"our proof", k.proof(), unhex(t, v.Mi.HMAC[i].App)},
		} {
			wantBytes(t, c.what, c.got, c.want)
		}
		proof := unhex(t, v.Mi.HMAC[i].Device)
		if !k.genuine(proof) {
			t.Error("the device's proof does not count")
		}
		if proof[0]++; k.genuine(proof) {
			t.Error("a forged proof counts")
		}
	}
	for _, e := range v.Mi.ECDH {
		own, err := ecdh.P256().NewPrivateKey(unhex(t, e.Private))
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "public key", publicOf(own), unhex(t, e.Public))
		b, err := agree(own, unhex(t, e.Other))
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "token", b.token, unhex(t, e.Token))
		wantBytes(t, "identity key", b.id, unhex(t, e.ID))
	}
	for _, d := range v.Mi.DID {
		b := bond{id: unhex(t, d.Key)}
		wantBytes(t, "identity", b.identity([]byte(d.DID)), unhex(t, d.Cipher))
	}
}

func TestVectorsOfSecureFrames(t *testing.T) {
	for _, u := range load(t).Mi.UART {
		clear, pad := unhex(t, u.Message), unhex(t, u.Random)
		key, iv, frame := unhex(t, u.Key), unhex(t, u.IV), unhex(t, u.Frame)
		s := &secure{k: keys{app: key, appIV: iv, device: key, deviceIV: iv}, rand: rand.New(fixed(pad)), count: u.Counter, heard: u.Counter}
		m := message{Board: clear[3], Cmd: clear[4], Arg: clear[5], Data: clear[6:]}
		wantBytes(t, "frame", s.seal(m), frame)
		got, err := s.open(frame)
		if err != nil || got.Board+replyShift != m.Board || got.Cmd != m.Cmd || got.Arg != m.Arg {
			t.Errorf("%x reads as %+v, %v", frame, got, err)
		}
		wantBytes(t, "data", got.Data, m.Data)
		frame[6] ^= 1
		if _, err := s.open(frame); err == nil {
			t.Errorf("a forged frame counts")
		}
	}
}

// fixed draws the given bytes.
type fixedSource struct{ left []byte }

func fixed(b []byte) *fixedSource { return &fixedSource{bytes.Clone(b)} }

func (f *fixedSource) Uint64() uint64 {
	b := f.left[0]
	f.left = f.left[1:]
	return uint64(b) << 32
}

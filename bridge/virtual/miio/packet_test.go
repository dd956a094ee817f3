package miio

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func mustAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type vector struct {
	Name, Token, Packet, Plaintext, Ciphertext, Key, IV, Direction string
	DID                                                            uint64
	Stamp                                                          uint32
}

type vectors struct {
	Packets, Negative, Quirks, Exchange []vector
	Keys                                []vector `json:"key_iv"`
	Token                               string
	DID                                 uint64
	Probe                               string
	ProbeReplies                        []struct {
		Packet   string
		Stamp    uint32
		Since    uint32 `json:"sub_ts"`
		Kind     byte   `json:"sub_type"`
		Wildcard bool
	} `json:"probe_replies"`
}

// shared reads a file of the neighbouring folder of test vectors.
func shared(t testing.TB, name string) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "vectors", name))
	if err != nil {
		t.Skipf("needs ../shared/vectors/%s beside the project: %v", name, err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsOpenAndClose(t *testing.T) {
	v := shared(t, "miio.json")
	if len(v.Packets) != 13 || len(v.Keys) == 0 {
		t.Fatalf("%d packets, %d keys", len(v.Packets), len(v.Keys))
	}
	for _, p := range v.Packets {
		s, err := newSeal(p.Token)
		if err != nil {
			t.Fatal(err)
		}
		want := unhex(t, p.Plaintext)
		if got, err := s.open(unhex(t, p.Packet)); err != nil || !bytes.Equal(got, bytes.TrimRight(want, "\x00")) {
			t.Errorf("%s: open = %q, %v, want %q", p.Name, got, err, want)
		}
		if got := hex.EncodeToString(s.close(p.DID, p.Stamp, want)); got != p.Packet {
			t.Errorf("%s: close = %s, want %s", p.Name, got, p.Packet)
		}
	}
}

func TestVectorsRefused(t *testing.T) {
	v := shared(t, "miio.json")
	if len(v.Negative) == 0 {
		t.Fatal("no negative vectors")
	}
	for _, p := range v.Negative {
		s, err := newSeal(p.Token)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := s.open(unhex(t, p.Packet)); err == nil && json.Valid(text) {
			t.Errorf("%s: opens as %q", p.Name, text)
		}
	}
}

func TestVectorsPush(t *testing.T) {
	v := shared(t, "miot-push.json")
	h, _, err := parseHeader(unhex(t, v.Probe))
	if p := parseProbe(h); err != nil || !p.vendor || p.client != 81985529216486895 {
		t.Errorf("probe = %+v, %v", p, err)
	}
	for _, r := range v.ProbeReplies {
		if !r.Wildcard {
			continue // our devices that push take everything
		}
		if got := hex.EncodeToString(subscription(v.DID, r.Stamp, r.Since, r.Kind)); got != r.Packet {
			t.Errorf("reply = %s, want %s", got, r.Packet)
		}
	}
	s, err := newSeal(v.Token)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range v.Exchange {
		if text, err := s.open(unhex(t, e.Packet)); err != nil || !json.Valid(text) {
			t.Errorf("%s: %q, %v", e.Name, text, err)
		}
	}
}

// The first datagram of the vectors is a miIO.info made by a foreign client: a
// device with its token, did and stamp answers it.
func TestForeignRequestIsAnswered(t *testing.T) {
	const request = "213100500000000003a1b2c3000004d337841696e299c2072e00b610b72a11b92a36b2b7afa85bd6a9f1ed82b485a3d6" +
		"c2c13a12855c97fc9a0bd7be55469c61b5393611ac2c922588d969ad8c226bde"
	h := &Home{recorder: nobody{}, specs: map[string]*instance{}}
	d := &Device{home: h, model: oldPlug(), did: 60928707, values: map[string]mi.Value{}, subs: map[uint64]*subscriber{}}
	var err error
	if d.seal, err = newSeal("00112233445566778899aabbccddeeff"); err != nil {
		t.Fatal(err)
	}
	d.born = time.Now().Add(-1240 * time.Second)
	out := d.receive(unhex(t, request), mustAddr("10.0.0.1:4000"))
	if len(out) != 1 {
		t.Fatalf("%d answers", len(out))
	}
	text, err := d.seal.open(out[0].Data)
	if err != nil || !bytes.HasPrefix(text, []byte(`{"id":1,"result":{`)) || !bytes.Contains(text, []byte(`"model":"chuangmi.plug.m1"`)) {
		t.Errorf("%s, %v", text, err)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x21\x31\x00\x20"), []byte(`{"id":1,"method":"get_properties","params":[{"siid":2,"piid":1}]}`))
	f.Add([]byte{}, []byte(`{"id":2,"method":"action","params":{"siid":2,"aiid":1,"in":[{"value":1}]}}`))
	f.Add([]byte{}, []byte(`{"id":3,"method":"miIO.sub","params":{"did":"7","update_ts":1}}`))
	f.Add([]byte{}, []byte(`{"id":4,"result":0}`))
	spec, err := loadSpec("cuco.plug.cp5pro")
	if err != nil {
		f.Fatal(err)
	}
	s, err := newSeal("00112233445566778899aabbccddeeff")
	if err != nil {
		f.Fatal(err)
	}
	from := mustAddr("10.0.0.1:4000")
	f.Fuzz(func(t *testing.T, raw, text []byte) {
		h := &Home{recorder: nobody{}, specs: map[string]*instance{}}
		d := &Device{home: h, model: plug(), spec: spec, seal: s, did: 9}
		d.reset()
		d.receive(raw, from)
		for _, p := range d.receive(s.close(9, d.stamp(), text), from) {
			if _, err := s.open(p.Data); err != nil && len(p.Data) != headerLen {
				t.Errorf("the answer to %q does not open: %v", text, err)
			}
		}
		d.close()
	})
}

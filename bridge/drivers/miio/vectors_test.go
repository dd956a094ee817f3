package miio

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// readShared decodes a file of the neighbouring folder of test vectors.
func readShared(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "vectors", name))
	if err != nil {
		t.Skipf("needs ../shared/vectors/%s beside the project: %v", name, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

type vector struct {
	Name, Token, Packet, Plaintext, Ciphertext, Key, IV string
	Checksum                                            string `json:"checksum_field"`
	DID                                                 uint64
	Stamp                                               uint32
	JSON, Want                                          any
}

type vectorFile struct {
	Hello                                       struct{ Request string }
	Replies                                     []vector `json:"hello_replies"`
	Keys                                        []vector `json:"key_iv"`
	Cipher, Packets, Negative, Quirks, Exchange []vector
	Token, Probe                                string
	DID                                         uint64
	Virtual                                     uint64 `json:"virtual_did"`
	ProbeReplies                                []struct {
		Packet   string
		Stamp    uint32
		Since    uint32 `json:"sub_ts"`
		Wildcard bool
	} `json:"probe_replies"`
}

func TestVectorsHello(t *testing.T) {
	var f vectorFile
	readShared(t, "miio.json", &f)
	if got := hex.EncodeToString(appendHello(nil)); got != f.Hello.Request {
		t.Errorf("hello = %s, want %s", got, f.Hello.Request)
	}
	for _, v := range f.Replies {
		g, err := parseGreeting(unhex(t, v.Packet))
		if err != nil || g.did != v.DID || g.stamp != v.Stamp || hex.EncodeToString(g.token) != v.Token {
			t.Errorf("%s: parseGreeting = %+v, %v, want %+v", v.Name, g, err, v)
		}
	}
}

func TestVectorsKeysAndCipher(t *testing.T) {
	var f vectorFile
	readShared(t, "miio.json", &f)
	for _, v := range f.Keys {
		if k := testKey(t, v.Token); hex.EncodeToString(k.iv[:]) != v.IV {
			t.Errorf("%s: iv = %x, want %s", v.Name, k.iv, v.IV)
		}
	}
	for _, v := range f.Cipher {
		k := testKey(t, v.Token)
		plain := unhex(t, v.Plaintext)
		sealed := k.seal(append(make([]byte, headerLen), plain...), 1, 1)
		if got := hex.EncodeToString(sealed[headerLen:]); got != v.Ciphertext {
			t.Errorf("seal(%s) = %s, want %s", v.Plaintext, got, v.Ciphertext)
		}
		got, err := k.open(sealed)
		if err != nil || !bytes.Equal(got, bytes.TrimRight(plain, "\x00")) {
			t.Errorf("open(seal(%s)) = %x, %v", v.Plaintext, got, err)
		}
	}
}

func TestVectorsPackets(t *testing.T) {
	var f vectorFile
	readShared(t, "miio.json", &f)
	for _, v := range f.Packets {
		k := testKey(t, v.Token)
		got := k.seal(append(make([]byte, headerLen), unhex(t, v.Plaintext)...), v.DID, v.Stamp)
		if hex.EncodeToString(got) != v.Packet {
			t.Errorf("%s: seal = %x, want %s", v.Name, got, v.Packet)
		}
		wantJSON(t, v.Name, k, v.Packet, v.JSON)
	}
	for _, v := range f.Quirks {
		wantJSON(t, v.Name, testKey(t, v.Token), v.Packet, v.Want)
	}
}

func TestVectorsNegative(t *testing.T) {
	var f vectorFile
	readShared(t, "miio.json", &f)
	for _, v := range f.Negative {
		text, err := testKey(t, v.Token).open(unhex(t, v.Packet))
		if err == nil {
			text, err = repair(text)
		}
		if err == nil {
			t.Errorf("%s: took %q", v.Name, text)
		}
	}
}

func TestVectorsPush(t *testing.T) {
	var f vectorFile
	readShared(t, "miot-push.json", &f)
	if got := hex.EncodeToString(appendProbe(nil, f.Virtual)); got != f.Probe {
		t.Errorf("probe = %s, want %s", got, f.Probe)
	}
	for _, v := range f.ProbeReplies {
		g, err := parseGreeting(unhex(t, v.Packet))
		if err != nil || g.did != f.DID || g.stamp != v.Stamp || g.push.able != v.Wildcard || g.push.since != v.Since || g.token != nil {
			t.Errorf("parseGreeting(%s) = %+v, %v, want %+v", v.Packet, g, err, v)
		}
	}
	k := testKey(t, f.Token)
	built := map[string][]byte{
		"subscribe":   append(appendID(nil, 11), subTail("miIO.sub", f.Virtual, 1700000000)...),
		"unsubscribe": append(appendID(nil, 12), subTail("miIO.unsub", f.Virtual, 1700000000)...),
		"push ack":    appendAck(nil, 900),
		"event ack":   appendAck(nil, 901),
	}
	for _, v := range f.Exchange {
		wantJSON(t, v.Name, k, v.Packet, v.JSON)
		if text := built[v.Name]; text != nil {
			packet := k.seal(append(make([]byte, headerLen), text...), f.DID, v.Stamp)
			if got := hex.EncodeToString(packet); got != v.Packet {
				t.Errorf("%s: built %s, want %s", v.Name, got, v.Packet)
			}
		}
	}
}

func wantJSON(t *testing.T, name string, k *key, packet string, want any) {
	t.Helper()
	text, err := k.open(unhex(t, packet))
	if err == nil {
		text, err = repair(text)
	}
	var got any
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
	}
}

package miio

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testKey(t testing.TB, token string) *key {
	t.Helper()
	return newKey([16]byte(unhex(t, token)))
}

// The bytes below were made by an independent implementation.
const (
	seqToken   = "00112233445566778899aabbccddeeff"
	infoPlain  = "7b226964223a20312c20226d6574686f64223a20226d69494f2e696e666f222c2022706172616d73223a205b5d7d00"
	infoPacket = "213100500000000003a1b2c3000004d337841696e299c2072e00b610b72a11b92a36b2b7afa85bd6a9f1ed82b485a3d6c2c13a12855c97fc9a0bd7be55469c61b5393611ac2c922588d969ad8c226bde"
)

func TestSealMakesTheKnownPacket(t *testing.T) {
	b := append(make([]byte, headerLen), unhex(t, infoPlain)...)
	got := testKey(t, seqToken).seal(b, 60928707, 1235)
	if hex.EncodeToString(got) != infoPacket {
		t.Errorf("seal = %x, want %s", got, infoPacket)
	}
}

func TestOpenReadsTheKnownPacket(t *testing.T) {
	k := testKey(t, seqToken)
	for name, tail := range map[string]string{"exact": "", "bytes behind the length": "00ff17"} {
		t.Run(name, func(t *testing.T) {
			got, err := k.open(unhex(t, infoPacket+tail))
			want := bytes.TrimRight(unhex(t, infoPlain), "\x00")
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("open = %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	flip := func(i int) string {
		b := unhex(t, infoPacket)
		b[i] ^= 1
		return hex.EncodeToString(b)
	}
	for _, tc := range []struct {
		name, hex string
		want      error
	}{
		{"nothing", "", errShort},
		{"half a header", infoPacket[:40], errShort},
		{"other magic", flip(0), errMagic},
		{"length below a header", "2131001f" + infoPacket[8:], errLength},
		{"length above the datagram", infoPacket[:158], errLength},
		{"other stamp", flip(15), errChecksum},
		{"other checksum", flip(16), errChecksum},
		{"other body", flip(79), errChecksum},
		{"odd body", "213100310000000000000001000000014b31bb342b36a609df5ca4bc8519d1bf0101010101010101010101010101010101", errBlocks},
		{"bad padding", "213100400000000000000001000000018855f09d8a976f5d271ebac007ff75830101010101010101010101010101010101010101010101010101010101010101", errPadding},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := testKey(t, seqToken).open(unhex(t, tc.hex)); !errors.Is(err, tc.want) {
				t.Errorf("open = %v, want %v", err, tc.want)
			}
		})
	}
}

func TestParseGreeting(t *testing.T) {
	for _, tc := range []struct {
		name, hex string
		want      greeting
	}{
		{"shows its token", "213100200000000003a1b2c3000004d29d3c1b7f60a25e48c4d1f09b8e7a6532", greeting{did: 60928707, stamp: 1234, token: unhex(t, "9d3c1b7f60a25e48c4d1f09b8e7a6532")}},
		{"hides it with ones", "213100200000000003a1b2c300015180ffffffffffffffffffffffffffffffff", greeting{did: 60928707, stamp: 86400}},
		{"hides it with zeros", "21310020000000000368a74a0000000700000000000000000000000000000000", greeting{did: 57190218, stamp: 7}},
		{"high did", "2131002000000000fffffffefffffffeffffffffffffffffffffffffffffffff", greeting{did: 4294967294, stamp: 4294967294}},
		{"64 bit did", "213100200000000200000001000000ffffffffffffffffffffffffffffffffff", greeting{did: 8589934593, stamp: 255}},
		{"free for a subscription", "213100200000000003a1b2c3000013884d5355420000000050554200fe000000", greeting{did: 60928707, stamp: 5000, push: offer{known: true, able: true}}},
		{"subscribed", "213100200000000003a1b2c3000013894d5355426553f10050554201fe000000", greeting{did: 60928707, stamp: 5001, push: offer{known: true, able: true, since: 1700000000}}},
		{"no push", "213100200000000003a1b2c30000138a4d535542000000005055420000000000", greeting{did: 60928707, stamp: 5002, push: offer{known: true}}},
		{"push of a kind not known", "213100200000000003a1b2c30000138a4d535542000000005055420300000000", greeting{did: 60928707, stamp: 5002, push: offer{known: true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseGreeting(unhex(t, tc.hex))
			if err != nil {
				t.Fatal(err)
			}
			if got.did != tc.want.did || got.stamp != tc.want.stamp || got.push != tc.want.push || !bytes.Equal(got.token, tc.want.token) {
				t.Errorf("parseGreeting = %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestParseGreetingRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"own echo":  hex.EncodeToString(appendHello(nil)),
		"did zero":  "2131002000000000000000000000000700000000000000000000000000000000",
		"did ones":  "2131002000000000ffffffff0000000700000000000000000000000000000000",
		"a message": infoPacket,
		"cut":       infoPacket[:60],
	} {
		t.Run(name, func(t *testing.T) {
			if g, err := parseGreeting(unhex(t, text)); err == nil {
				t.Errorf("parseGreeting took %+v", g)
			}
		})
	}
}

func TestProbeNamesTheClient(t *testing.T) {
	const want = "21310020ffffffffffffffffffffffff4d4449440123456789abcdef00000000"
	if got := appendProbe(nil, 0x0123456789abcdef); hex.EncodeToString(got) != want {
		t.Errorf("appendProbe = %x, want %s", got, want)
	}
}

func TestParseToken(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   mi.Secret
		want string // "" is refused
	}{
		{"plain", seqToken, seqToken},
		{"blanks around", " " + seqToken + "\n", seqToken},
		{"old backup", "33990d1a77737e5f93337b7f60880f7711a8e945937ce8136da08d4c9a0793fe0143db63ee66b0cdff9f69917680151e", seqToken},
		{"placeholder", "ffffffffffffffffffffffffffffffff", ""},
		{"short", "0011", ""},
		{"no hex", "zz112233445566778899aabbccddeeff", ""},
		{"96 digits of noise", seqToken + seqToken + seqToken, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseToken(tc.in)
			if tc.want == "" {
				if !errors.Is(err, mi.ErrDenied) {
					t.Errorf("parseToken = %v, want ErrDenied", err)
				}
				return
			}
			if err != nil || hex.EncodeToString(got[:]) != tc.want {
				t.Errorf("parseToken = %x, %v, want %s", got, err, tc.want)
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	k := testKey(f, seqToken)
	f.Add(unhex(f, infoPacket))
	f.Add(appendHello(nil))
	f.Add(appendProbe(nil, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := parseGreeting(b); err == nil && (g.did == 0 || len(b) < headerLen) {
			t.Errorf("parseGreeting(%x) = %+v", b, g)
		}
		sealed := k.seal(append(make([]byte, headerLen), b...), 7, 9)
		plain, err := k.open(bytes.Clone(sealed))
		if len(sealed) < 1<<16 && (err != nil || !bytes.Equal(plain, bytes.TrimRight(b, "\x00"))) {
			t.Errorf("open(seal(%x)) = %x, %v", b, plain, err)
		}
		if _, err := k.open(b); err == nil && len(b) < headerLen+16 {
			t.Errorf("open took %x", b)
		}
	})
}

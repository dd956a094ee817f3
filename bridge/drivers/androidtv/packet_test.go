package androidtv

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The bytes in this file were made by androidtvremote2 0.3.2, both those that it
// sends and those that it understands.

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessagesAreThoseOfAnotherClient(t *testing.T) {
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"configuration":   {configuration(639 & allWeCan), "1e0a1c08e704121718012201312a0961747672656d6f74653205312e302e30"},
		"activation":      {activation(639 & allWeCan), "05120308e704"},
		"pong":            {pong(300), "054a0308ac02"},
		"key":             {keyPress(codeVolumeUp), "06520408181003"},
		"app link":        {appLink("market://launch?id=com.netflix.ninja"), "29d205260a246d61726b65743a2f2f6c61756e63683f69643d636f6d2e6e6574666c69782e6e696e6a61"},
		"pairing request": {pairingRequest("mihome2mqtt"), "1f080210c80152180a0961747672656d6f7465120b6d69686f6d65326d717474"},
		"pairing options": {pairingOptions(), "10080210c801a201080a04080310061801"},
		"pairing config":  {pairingConfig(), "10080210c801f201080a04080310061001"},
		"pairing secret": {
			pairingSecret(unhex(t, "3dbf7631f527094b87dc2305314ad8874574ae4620dbd5b890fdca9f78c63e76")),
			"2a080210c801c202220a203dbf7631f527094b87dc2305314ad8874574ae4620dbd5b890fdca9f78c63e76",
		},
	} {
		if !bytes.Equal(c.got, unhex(t, c.want)) {
			t.Errorf("%s: %x, want %s", name, c.got, c.want)
		}
	}
}

// only returns the one part of a message of the TV.
func only(t *testing.T, text string, num protowire.Number) []byte {
	t.Helper()
	parts, err := split(unhex(t, text))
	if err != nil || len(parts) != 1 || parts[0].num != num {
		t.Fatalf("%s: %v, %v", text, parts, err)
	}
	return parts[0].b
}

func TestReadsWhatATVSays(t *testing.T) {
	a, err := parseConfigure(only(t, "0a4f08ff04124a0a064d49424f583412065869616f6d6918012201322a24636f6d2e676f6f676c652e616e64726f69642e74762e72656d6f74652e73657276696365320d352e322e343733323534313333", partConfigure))
	if want := (about{639, "MIBOX4", "Xiaomi", "5.2.473254133"}); err != nil || a != want {
		t.Errorf("configure: %+v, %v", a, err)
	}
	v, err := parseVolume(only(t, "920314080110021a064d49424f58342003300f38044001", partVolume))
	if want := (loudness{4, 15, true}); err != nil || v != want || v.percent() != 27 {
		t.Errorf("volume: %+v, %v", v, err)
	}
	app, err := parseApp(only(t, "a2013c0a35080210ffffffffffffffffff015207596f7554756265621d636f6d2e676f6f676c652e616e64726f69642e796f75747562652e74761203120178", partIMEKeyInject))
	if err != nil || app != "com.google.android.youtube.tv" {
		t.Errorf("app: %q, %v", app, err)
	}
	for _, c := range []struct {
		text string
		num  protowire.Number
		want uint64
	}{{"c202020801", partStart, 1}, {"c20200", partStart, 0}, {"420508ac021007", partPingRequest, 300}} {
		if n, err := first(only(t, c.text, c.num)); err != nil || n != c.want {
			t.Errorf("%s: %d, %v", c.text, n, err)
		}
	}
}

func TestReadsAnswersToPairing(t *testing.T) {
	for _, c := range []struct {
		text string
		want protowire.Number
		kind error
	}{
		{"080210c8015a0c0a0a426564726f6f6d205456", partRequestAck, nil},
		{"080210c801a201080a04080310061802", partOptions, nil},
		{"080210c801fa0100", partConfigAck, nil},
		{"080210c801ca02220a203dbf7631f527094b87dc2305314ad8874574ae4620dbd5b890fdca9f78c63e76", partSecretAck, nil},
		{"080210c801fa0100", partSecretAck, mi.ErrProtocol},
		{"0802109203", partSecretAck, mi.ErrInvalid},
		{"0802109103", partConfigAck, mi.ErrDenied},
		{"08", partConfigAck, mi.ErrProtocol},
	} {
		if err := parsePairing(unhex(t, c.text), c.want); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", c.text, err, c.kind)
		}
	}
}

func certificate(t *testing.T, modulus string) *x509.Certificate {
	return &x509.Certificate{PublicKey: &rsa.PublicKey{N: new(big.Int).SetBytes(unhex(t, modulus)), E: 65537}}
}

func TestSecretIsThatOfAnotherClient(t *testing.T) {
	client := certificate(t, "b69102f01e5008fad0008f4cb7c26aeac4a8cfb22918dbba8d1f0573f0d09479718d126db8c84ba424c4104d6749b1c2d7fa6a8518407ddd5876656a1bd07a28"+
		"0103f3a3b9f73ee7e117f574569f65e564ccfd061ab2d7750d116583b018a1f44b49b1d5e8154cbce381dde1004e3d269647b801c5fe5d93b52b489cb04aa98b"+
		"bb7e15fbeb5e5dde598f96f7b09a277e077778cc9940f36522be608e2cc3bac57ca661f9a58ac4b2e61a86fd38b91e190080ac78cc53d002683a2ccbc2110ec4"+
		"023b66cc417891e26d9bd779861f48e702e98a43bad80c38165cbc2f59bab839cdb7d5beec06c07fa135a15c38415a5bdd1e0aa99f8929062f404048a40f6dad")
	server := certificate(t, "b087276f27319538d3cd70f34342e99af3f0e4a44b9547444d163244ea4db57b88ad9beffa10528cdbeadd31e04107f0069b01d14d7af7c5cb5b9c2c72ec724f"+
		"ea85403e7c448180b7681bd613d99b5df7e73bd9e3bb537ea24c76c1843276260555bd94716382e4b45aba7f2912b173115c1779f1b191ac55e2cfbf6e4a642d"+
		"5d8fd98bd9ad839dc1b3676c191619f29247e7d3aa3f1cdfbbfc7262066426c1066d5ba59c117966921fa1565f050c6f49b81152752019f507ce857598b1b0a1"+
		"f7facb450be4f7b0c8b739e23407ad848172602570519c736f21cd02d36f0814cf94cd2d96df86f4625c44f8d5018932c611edcb14514a82f476c6dc29ce1125")
	want := unhex(t, "3dbf7631f527094b87dc2305314ad8874574ae4620dbd5b890fdca9f78c63e76")
	for _, code := range []string{"3DA73C", " 3da73c ", "3D-A7-3C"} {
		if got, err := secretOf(client, server, code); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %x, %v", code, got, err)
		}
	}
	for _, code := range []string{"3CA73C", "3DA73D", "3DA73", "3DA73C00", "3DA7XY", ""} {
		got, err := secretOf(client, server, code)
		if !errors.Is(err, mi.ErrInvalid) || got != nil {
			t.Errorf("%q: %x, %v", code, got, err)
		}
		if code != "" && strings.Contains(err.Error(), code) {
			t.Errorf("the code shows in %v", err)
		}
	}
	if _, err := secretOf(client, &x509.Certificate{}, "3DA73C"); !errors.Is(err, mi.ErrProtocol) {
		t.Errorf("a TV without an RSA key: %v", err)
	}
}

func TestVolumeAsPeopleSeeIt(t *testing.T) {
	for most := range 150 {
		v := loudness{most: most}
		for v.level = range most + 1 {
			if p := v.percent(); p < 0 || p > 100 || v.steps(p) != v.level && most <= 100 && most > 0 {
				t.Fatalf("%d of %d is %d percent, which is %d", v.level, most, p, v.steps(p))
			}
		}
	}
}

func TestModels(t *testing.T) {
	for want, f := range map[string]facts{
		"google.androidtv.tv":      {},
		"xiaomi.androidtv.mibox4":  {Vendor: "Xiaomi", Model: "MIBOX4"},
		"sony.androidtv.bravia_4k": {Vendor: "Sony ", Model: "BRAVIA 4K"},
	} {
		if got := f.model(); got != want {
			t.Errorf("model %s, want %s", got, want)
		}
	}
}

// FuzzMessage feeds whatever a TV may say to every parser: none panics, and what
// they let through stays within its bounds.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		"0a4f08ff04124a0a064d49424f583412065869616f6d6918012201322a24636f6d2e676f6f676c652e616e64726f69642e74762e72656d6f74652e73657276696365320d352e322e343733323534313333",
		"920314080110021a064d49424f58342003300f38044001", "a2013c0a35080210ffffffffffffffffff015207596f7554756265621d636f6d2e676f6f676c652e616e64726f69642e796f75747562652e74761203120178",
		"c202020801", "420508ac021007", "080210c801ca02220a203dbf7631f527094b87dc2305314ad8874574ae4620dbd5b890fdca9f78c63e76",
	} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, err := split(b)
		if err != nil && !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("an error of no kind: %v", err)
		}
		for _, p := range parts {
			if v, err := parseVolume(p.b); err == nil && (v.level < 0 || v.level > v.most || v.most > maxVolume) {
				t.Errorf("volume %+v", v)
			}
			a, _ := parseConfigure(p.b)
			model := (&facts{Vendor: a.vendor, Model: a.model}).model()
			if strings.ContainsAny(model, "\n/#+ ") || strings.Count(model, ".") != 2 {
				t.Errorf("model %q", model)
			}
			if app, _ := parseApp(p.b); len(app) > maxText || strings.ContainsAny(app, "\n\x00") {
				t.Errorf("app %q", app)
			}
			_, _ = first(p.b)
		}
		_ = parsePairing(b, partSecretAck)
		if a, ok := parseAnnouncement(b); ok && len(a.name) > maxText {
			t.Errorf("name %q", a.name)
		}
	})
}

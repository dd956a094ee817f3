package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// keys are made once for all tests: to derive one takes a while.
var (
	none    = NewKey("", mi.World{Seed: 1}.Rand("salt"))
	first   = NewKey("the first passphrase", mi.World{Seed: 1}.Rand("salt"))
	second  = NewKey("the second passphrase", mi.World{Seed: 2}.Rand("salt"))
	secrets = []byte(`{"token":"canary"}`)
)

func encoded(t testing.TB, k *Key, secret bool) []byte {
	t.Helper()
	raw, err := k.Encode(secrets, secret)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestOnlySecretsAreEncrypted(t *testing.T) {
	for _, tc := range []struct {
		name    string
		key     *Key
		secret  bool
		visible bool
	}{
		{"nil key", nil, true, true}, {"no passphrase", none, true, true}, {"no secret", first, false, true}, {"secret", first, true, false},
	} {
		raw := encoded(t, tc.key, tc.secret)
		if got := bytes.Contains(raw, []byte("canary")); got != tc.visible {
			t.Errorf("%s: visible is %v in %q", tc.name, got, raw)
		}
		if body, err := tc.key.Decode(raw); err != nil || !bytes.Equal(body, secrets) {
			t.Errorf("%s: Decode = %q, %v", tc.name, body, err)
		}
		if again := encoded(t, tc.key, tc.secret); !bytes.Equal(raw, again) {
			t.Errorf("%s: the same body makes another file", tc.name)
		}
	}
}

func TestDecodeTellsWhatIsWrong(t *testing.T) {
	raw := encoded(t, first, true)
	change := func(old, by string) []byte { return bytes.Replace(raw, []byte(old), []byte(by), 1) }
	for _, tc := range []struct {
		name string
		key  *Key
		raw  []byte
		want error
	}{
		{"another key", second, raw, ErrSealed}, {"no key", nil, raw, ErrSealed}, {"no passphrase", none, raw, ErrSealed},
		{"newer", first, change(`"version":1`, `"version":2`), ErrNewer}, {"no head", first, secrets, ErrDamaged},
		{"many rounds", first, change(`"rounds":600000`, `"rounds":60000000`), ErrDamaged}, {"empty", first, nil, ErrDamaged},
		{"other rounds", first, change(`"rounds":600000`, `"rounds":60000`), ErrSealed},
	} {
		if body, err := tc.key.Decode(tc.raw); !errors.Is(err, tc.want) || body != nil {
			t.Errorf("%s: Decode = %q, %v, want %v", tc.name, body, err, tc.want)
		}
	}
	for n := range raw {
		if _, err := first.Decode(raw[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(raw), err)
		}
	}
}

// Files of the first builds told no number of rounds.
func TestFilesWithoutRoundsOpen(t *testing.T) {
	const file = "{\"version\":1,\"crc\":%CRC%,\"salt\":\"c2FsdHNhbHRzYWx0c2FsdA==\"}\n"
	k := NewKey("an old passphrase", mi.World{Seed: 3}.Rand("salt"))
	h := head{Version: Version, Salt: []byte("saltsaltsaltsalt")}
	body, err := k.shut(h, secrets)
	if err != nil {
		t.Fatal(err)
	}
	raw := strings.Replace(file, "%CRC%", fmt.Sprint(crc32.ChecksumIEEE(body)), 1) + string(body)
	if got, err := k.Decode([]byte(raw)); err != nil || !bytes.Equal(got, secrets) {
		t.Errorf("Decode = %q, %v", got, err)
	}
	if k.hides([]byte(raw)) {
		t.Error("so few rounds are left as they are")
	}
}

// folder is a data folder that holds a secret under k, its copy, a damaged copy, and
// files without secrets.
func folder(t testing.TB, k *Key) *world.Disk {
	t.Helper()
	d := world.NewDisk(5)
	for _, name := range []string{"account/session.json", "device-tokens.json"} {
		for range 2 {
			if err := d.WriteFile(name, encoded(t, k, true)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if k.open() {
		d.Put("device-tokens.json.bad", []byte("canary in half a file"))
	}
	d.Put("devices.json", encoded(t, nil, false)[:20])
	d.Put("names.json", []byte(strings.ReplaceAll(string(encoded(t, nil, false)), "canary", "name42")))
	d.Put("backup/2026.json", []byte("{\n}"))
	return d
}

// showing returns the files that show the secret, or that k does not open.
func showing(t testing.TB, d *world.Disk, k *Key) (shown, shut []string) {
	t.Helper()
	names, err := d.List("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := d.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("canary")) {
			shown = append(shown, name)
		}
		if _, err := k.Decode(raw); errors.Is(err, ErrSealed) {
			shut = append(shut, name)
		}
	}
	return shown, shut
}

func TestResealLeavesNothingOfBefore(t *testing.T) {
	for _, tc := range []struct {
		name     string
		from, to *Key
		open     bool
	}{
		{"first key", none, first, false}, {"another key", first, second, false}, {"no key any more", second, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := folder(t, tc.from)
			n, err := tc.to.Reseal(d, tc.from)
			if n != 2 || err != nil {
				t.Errorf("Reseal = %d, %v", n, err)
			}
			shown, shut := showing(t, d, tc.to)
			if (len(shown) > 0) != tc.open || len(shut) > 0 {
				t.Errorf("the secret shows in %v; %v are shut", shown, shut)
			}
			if raw, err := d.ReadFile("backup/2026.json"); string(raw) != "{\n}" || err != nil {
				t.Errorf("a foreign file is %q (%v)", raw, err)
			}
			writes, _ := d.Wear()
			if n, err := tc.to.Reseal(d, tc.from); n != 0 || err != nil {
				t.Errorf("again: %d, %v", n, err)
			}
			if after, _ := d.Wear(); after != writes {
				t.Errorf("again: %d writes", after-writes)
			}
		})
	}
}

func TestResealLeavesAloneWhatItCannotOpen(t *testing.T) {
	d := folder(t, first)
	n, err := second.Reseal(d, none)
	if n != 0 || !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), "account/session.json") {
		t.Errorf("Reseal = %d, %v", n, err)
	}
	if _, shut := showing(t, d, first); len(shut) > 0 {
		t.Errorf("%v changed", shut)
	}
}

// TestResealCutAnywhereGoesOn cuts the power in each write; afterwards every file is
// open to one of the two keys, and the next try brings it to its end.
func TestResealCutAnywhereGoesOn(t *testing.T) {
	for _, from := range []*Key{none, first} {
		for cut := 1; cut <= 4; cut++ {
			d := folder(t, from)
			d.KillAt(cut)
			if _, err := second.Reseal(d, from); err == nil {
				t.Fatalf("cut %d: no error", cut)
			}
			d.PowerOn(false)
			if _, err := second.Reseal(d, from); err != nil {
				t.Fatalf("cut %d: %v", cut, err)
			}
			for _, name := range []string{"account/session.json", "device-tokens.json"} {
				raw, err := d.ReadFile(name)
				if body, wrong := second.Decode(raw); err != nil || wrong != nil || !bytes.Equal(body, secrets) {
					t.Errorf("cut %d: %s holds %q (%v, %v)", cut, name, body, err, wrong)
				}
			}
			if shown, shut := showing(t, d, second); len(shown)+len(shut) > 0 {
				t.Errorf("cut %d: the secret shows in %v; %v are shut", cut, shown, shut)
			}
		}
	}
}

func TestDamagedFileIsResealedFromItsCopy(t *testing.T) {
	d := folder(t, none)
	d.Put("device-tokens.json", []byte("canary"))
	if n, err := first.Reseal(d); n != 2 || err != nil {
		t.Errorf("Reseal = %d, %v", n, err)
	}
	if shown, _ := showing(t, d, first); len(shown) > 0 {
		t.Errorf("the secret shows in %v", shown)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, first, true))
	f.Add(encoded(f, nil, true))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if h, _, err := split(raw); err == nil && len(h.Salt) > 0 {
			return // to derive keys takes too long
		}
		if body, err := first.Decode(raw); err != nil && body != nil {
			t.Errorf("%q, %v", body, err)
		}
	})
}

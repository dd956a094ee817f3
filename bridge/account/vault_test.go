package account

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

type kept struct{ Text string }

func vaultOn(d mi.Disk, key mi.Secret) *vault {
	w := mi.World{Disk: d, Seed: 3, Now: time.Now}
	return newVault(w, sealed.NewKey(key, w.Rand("salt")), zerolog.Nop())
}

func TestVaultSurvivesEveryCut(t *testing.T) {
	for _, key := range []mi.Secret{"", "key"} {
		d := world.NewDisk(1)
		v := vaultOn(d, key)
		v.save("account/x", kept{"before"})
		v.save("account/x", kept{"after"})
		whole, err := d.ReadFile("account/x.json")
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole {
			d.Put("account/x.json", whole[:n])
			var got kept
			if err := v.load("account/x", &got); err != nil || got.Text != "before" {
				t.Fatalf("key %d, cut at %d: %+v, %v", len(key), n, got, err)
			}
		}
	}
}

func TestVaultWithAnotherKeyIsLeftAlone(t *testing.T) {
	for name, key := range map[string]mi.Secret{"none": "", "another": "other key"} {
		d := world.NewDisk(1)
		vaultOn(d, "the key").save("account/x", kept{"secret"})
		before, _ := d.ReadFile("account/x.json")
		v := vaultOn(d, key)
		var got kept
		if err := v.load("account/x", &got); !errors.Is(err, ErrSealed) || got.Text != "" {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
		if v.save("account/x", kept{"new"}) {
			t.Errorf("%s: it was overwritten", name)
		}
		v.remove("account/x")
		if after, _ := d.ReadFile("account/x.json"); string(after) != string(before) {
			t.Errorf("%s: the file changed", name)
		}
		if err := v.trouble(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: trouble %v", name, err)
		}
	}
}

func TestVaultOfANewerVersionIsLeftAlone(t *testing.T) {
	d := world.NewDisk(1)
	v := vaultOn(d, "")
	v.save("account/x", kept{"new things"})
	raw, _ := d.ReadFile("account/x.json")
	d.Put("account/x.json", []byte(strings.Replace(string(raw), `"version":1`, `"version":9`, 1)))
	var got kept
	if err := v.load("account/x", &got); err == nil || v.save("account/x", kept{"old"}) {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestVaultLeavesNoOpenCopyBehind(t *testing.T) {
	d := world.NewDisk(1)
	open := vaultOn(d, "")
	open.save("account/x", kept{"secret 1"})
	open.save("account/x", kept{"secret 2"})
	v := vaultOn(d, "key")
	var got kept
	if err := v.load("account/x", &got); err != nil || got.Text != "secret 2" {
		t.Fatalf("%+v, %v", got, err)
	}
	v.save("account/x", got)
	names, _ := d.List("")
	for _, name := range names {
		if raw, _ := d.ReadFile(name); strings.Contains(string(raw), "secret ") {
			t.Errorf("%s holds %s", name, raw)
		}
	}
	got = kept{}
	if err := vaultOn(d, "key").load("account/x", &got); err != nil || got.Text != "secret 2" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestVaultWithoutADisk(t *testing.T) {
	v := vaultOn(nil, "")
	if v.save("account/x", kept{}) || !errors.Is(v.load("account/x", &kept{}), fs.ErrNotExist) {
		t.Error("something was kept")
	}
	v.remove("account/x")
}

func FuzzVault(f *testing.F) {
	d := world.NewDisk(1)
	vaultOn(d, "").save("account/x", kept{"text"})
	seed, _ := d.ReadFile("account/x.json")
	f.Add(seed)
	f.Add([]byte("{\"version\":1,\"crc\":0,\"salt\":\"AA==\"}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := world.NewDisk(1)
		d.Put("account/x.json", raw)
		var got kept
		if err := vaultOn(d, "").load("account/x", &got); err != nil && got.Text != "" {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

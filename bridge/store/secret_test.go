package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

const canary = "c0ffee00c0ffee11c0ffee22c0ffee33"

var (
	rightKey = sealed.NewKey("the right passphrase", mi.World{Seed: 1}.Rand("salt"))
	wrongKey = sealed.NewKey("a wrong passphrase", mi.World{Seed: 2}.Rand("salt"))
	lamp     = mi.Info{DID: "123", Model: "x.light.y", Name: "Lamp", Addr: "192.0.2.7:54321", Token: canary}
	hub      = mi.Info{Addr: "192.0.2.8:54321", Token: canary}
)

// oldDevices is a list as it was when tokens stood beside the devices.
var oldDevices = plainFile([]byte(`[{"DID":"123","Model":"x.light.y","Name":"Lamp","Addr":"192.0.2.7:54321","Token":"` + canary + `"}]`))

// holding returns the files of a disk that hold text.
func holding(t *testing.T, d *world.Disk, text string) (names []string) {
	t.Helper()
	all, err := d.List("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		raw, err := d.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(text)) {
			names = append(names, name)
		}
	}
	return names
}

func TestTokensAreSealedAndDevicesAreNot(t *testing.T) {
	d := world.NewDisk(1)
	s := New(d, rightKey, zerolog.Nop())
	s.SaveDevices([]mi.Info{lamp, hub})
	s.flush(true)
	if got := holding(t, d, canary); len(got) > 0 {
		t.Errorf("a token stands in %v", got)
	}
	if got := holding(t, d, "Lamp"); len(got) != 1 || got[0] != "devices.json" {
		t.Errorf("the name stands in %v", got)
	}
	if got := New(d, rightKey, zerolog.Nop()).LoadDevices(); len(got) != 2 || got[0] != lamp || got[1] != hub {
		t.Errorf("got %+v", got)
	}
}

// TestWrongKeyLosesNoDevice starts with a wrong key, or none, learns of another
// device, and starts with the right one again.
func TestWrongKeyLosesNoDevice(t *testing.T) {
	for name, key := range map[string]*sealed.Key{"none": nil, "wrong": wrongKey} {
		t.Run(name, func(t *testing.T) {
			d := world.NewDisk(1)
			s := New(d, rightKey, zerolog.Nop())
			s.SaveDevices([]mi.Info{lamp})
			s.flush(true)
			var said strings.Builder
			s = New(d, key, zerolog.New(&said))
			bare := lamp
			bare.Token = ""
			if got := s.LoadDevices(); len(got) != 1 || got[0] != bare {
				t.Errorf("got %+v", got)
			}
			if !strings.Contains(said.String(), "MIHOME2MQTT_DATA_KEY") || strings.Contains(said.String(), canary) {
				t.Errorf("the log says %s", said.String())
			}
			s.SaveDevices([]mi.Info{bare, {DID: "124", Token: "00"}})
			s.flush(true)
			if got := New(d, rightKey, zerolog.Nop()).LoadDevices(); len(got) != 2 || got[0] != lamp {
				t.Errorf("with the right key: %+v", got)
			}
		})
	}
}

func TestTokensMoveOutOfOldLists(t *testing.T) {
	for name, key := range map[string]*sealed.Key{"open": nil, "sealed": rightKey} {
		t.Run(name, func(t *testing.T) {
			for cut := range 6 {
				d := world.NewDisk(uint64(cut))
				for _, file := range []string{"devices.json", "devices.json.prev", "devices.json.bad"} {
					d.Put(file, oldDevices)
				}
				s := New(d, key, zerolog.Nop())
				s.LoadDevices()
				if cut > 0 {
					d.KillAt(cut)
				}
				s.flush(true)
				d.PowerOn(false)
				s = New(d, key, zerolog.Nop())
				if got := s.LoadDevices(); len(got) != 1 || got[0] != lamp {
					t.Fatalf("cut %d: %+v", cut, got)
				}
				s.flush(true)
				shown := holding(t, d, canary)
				if key == nil {
					shown = filter(shown, "device-tokens.json", "device-tokens.json.prev")
				}
				if len(shown) > 0 {
					t.Errorf("cut %d: the token stands in %v", cut, shown)
				}
			}
		})
	}
}

// filter leaves out what may hold tokens.
func filter(names []string, without ...string) (out []string) {
	for _, n := range names {
		if n != without[0] && n != without[1] {
			out = append(out, n)
		}
	}
	return out
}

// picky is a disk that does not take one file.
type picky struct {
	*world.Disk
	refused string
}

func (d *picky) WriteFile(name string, data []byte) error {
	if name == d.refused {
		return errors.New("refused")
	}
	return d.Disk.WriteFile(name, data)
}

func TestTokensAreWrittenBeforeTheListThatHeldThem(t *testing.T) {
	d := &picky{world.NewDisk(1), "device-tokens.json"}
	d.Put("devices.json", oldDevices)
	s := New(d, nil, zerolog.Nop())
	s.LoadDevices()
	s.flush(true)
	if got := holding(t, d.Disk, canary); len(got) != 1 || got[0] != "devices.json" {
		t.Errorf("the token stands in %v", got)
	}
	d.refused = ""
	s.flush(true)
	if got := holding(t, d.Disk, canary); len(got) != 1 || got[0] != "device-tokens.json" {
		t.Errorf("with room again the token stands in %v", got)
	}
}

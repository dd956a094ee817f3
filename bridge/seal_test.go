package bridge

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// TestKeyOfTheDataFolder starts bridges on one data folder: without a key, with one,
// with a wrong one, and with another one beside the former.
func TestKeyOfTheDataFolder(t *testing.T) {
	const token = "00112233445566778899aabbccddeeff"
	disk := world.NewDisk(1)
	disk.Put("device-tokens.json", []byte("{\"version\":1,\"crc\":1309940780,\"secret\":true}\n{\"1\":\""+token+"\"}"))
	disk.Put("devices.json", []byte("{\"version\":1,\"crc\":3940925019}\n[{\"DID\":\"1\",\"Model\":\"a.light.b\"}]"))
	for _, tc := range []struct {
		name, key, old string
		token          mi.Secret
		open           bool
	}{
		{"no key", "", "", token, true},
		{"a key", "the first passphrase", "", token, false},
		{"a wrong key", "a wrong passphrase", "", "", false},
		{"no key any more", "", "", "", false},
		{"another key", "the second passphrase", "the first passphrase", token, false},
		{"the other key alone", "the second passphrase", "", token, false},
	} {
		conf, err := config.Load([]string{"MIHOME2MQTT_DATA_KEY=" + tc.key, "MIHOME2MQTT_DATA_KEY_OLD=" + tc.old, "MIHOME2MQTT_CLOUD=false"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		b, err := New(Options{Config: conf, World: mi.World{Disk: disk, Now: time.Now, Seed: 1}, Log: zerolog.New(&log), Alone: true})
		if err != nil {
			t.Fatal(err)
		}
		if d := b.home.Device("1"); d == nil || d.Info().Token != tc.token {
			t.Errorf("%s: the device is %+v\n%s", tc.name, d, &log)
		}
		raw, err := disk.ReadFile("device-tokens.json")
		if err != nil || bytes.Contains(raw, []byte(token)) != tc.open {
			t.Errorf("%s: the file is %q (%v)", tc.name, raw, err)
		}
		if asked := strings.Contains(log.String(), "give the key that it was written with"); asked != (tc.token == "") {
			t.Errorf("%s: the key is asked for: %v\n%s", tc.name, asked, &log)
		}
	}
}

func TestFormerKeyAloneIsRefused(t *testing.T) {
	conf, err := config.Load([]string{"MIHOME2MQTT_DATA_KEY_OLD=the first passphrase"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(Options{Config: conf, World: mi.World{Disk: world.NewDisk(1), Now: time.Now, Seed: 1}, Log: zerolog.Nop(), Alone: true})
	if err == nil || !strings.Contains(err.Error(), "DATA_KEY is not") {
		t.Errorf("New = %v", err)
	}
}

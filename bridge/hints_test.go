package bridge

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// oneCard is a machine with one interface.
type oneCard struct{ mi.Network }

func (oneCard) Interfaces() ([]mi.Interface, error) { return []mi.Interface{{Name: "eth0"}}, nil }

func TestHints(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		config config.Config
		want   string // "" is nothing
	}{
		{config.Config{Language: "en", Interfaces: config.List{"eth0"}}, ""},
		{config.Config{Language: "de-AT"}, ""},
		{config.Config{Language: "en-GB"}, ""},
		{config.Config{Language: "xx"}, `"language":"xx"`},
		{config.Config{Language: "en", Interfaces: config.List{"nosuch0"}}, `"interface":"nosuch0"`},
		{config.Config{Devices: "10.0.0.1,00112233445566778899aabbccddeeff;10.0.0.1,ff112233445566778899aabbccddeeff"},
			`"setting":"MIHOME2MQTT_DEVICES","entries":"entry 1, entry 2","both":"10.0.0.1:54321","counts":"entry 2 counts where it differs"`},
	} {
		var said bytes.Buffer
		b := &Bridge{opt: Options{Config: &tc.config, World: mi.World{Net: oneCard{}}, Log: zerolog.New(&said)}}
		b.hint(rules)
		if got := said.String(); tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%+v says %q, want %q", tc.config.Interfaces, got, tc.want)
		}
		if strings.Contains(said.String(), "2233445566") {
			t.Errorf("a token shows: %s", &said)
		}
	}
}

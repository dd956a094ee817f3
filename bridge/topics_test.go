package bridge

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

func TestOwnEntitiesSpeakTheLanguageOfTheSettings(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	b := &Bridge{opt: Options{Config: &config.Config{Language: "de"}}}
	if got := b.mqttOptions(rules).Translate("Log level"); got != "Protokollstufe" {
		t.Errorf("the log level is called %q", got)
	}
}

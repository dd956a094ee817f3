package bridge_test

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

func TestEveryDangerCanBeForbidden(t *testing.T) {
	for _, kind := range append(entity.Dangers(), "remove") {
		var f config.Forbidden
		if err := f.UnmarshalText([]byte(kind)); err != nil {
			t.Error(err)
		}
	}
}

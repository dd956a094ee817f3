package bridge

import (
	"maps"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/store"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

func TestChoicesOutliveARestart(t *testing.T) {
	disk := world.NewDisk(1)
	c := loadChoices(store.New(disk, nil, zerolog.Nop()))
	c.keep("1", device.Choice{Name: "Lamp", Reach: device.ReachLocal})
	c.keep("2", device.Choice{Hidden: true})
	c.keep("1", device.Choice{Name: "Desk", Detail: "all"})
	c.keep("2", device.Choice{})
	want := map[string]device.Choice{"1": {Name: "Desk", Detail: "all"}}
	for _, again := range []*choices{c, loadChoices(c.memory)} {
		if got := again.all(); !maps.Equal(got, want) {
			t.Errorf("kept %+v, want %+v", got, want)
		}
	}
}

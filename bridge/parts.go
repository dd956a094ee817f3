package bridge

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/diagnosis"
)

// newDiagnosis makes the one that finds out what is wrong.
func (b *Bridge) newDiagnosis() *diagnosis.Watch {
	o := diagnosis.Options{
		World: b.opt.World, Config: b.opt.Config, Alone: b.opt.Alone, Home: func() *device.Home { return b.home },
		Topics: b.topics, Accounts: b.accounts, Receivers: b.air.Receivers, LAN: b.lan, Specs: b.specs.library, Store: b.store,
	}
	if b.opt.Files.Mappings != nil {
		o.Mapping = b.mistake.get
	}
	return diagnosis.New(o)
}

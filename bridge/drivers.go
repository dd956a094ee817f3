package bridge

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// routes is the table of drivers, in the order in which a device's routes are
// preferred.
func (b *Bridge) routes(known []mi.Info) []device.Route {
	o := &b.opt
	return []device.Route{
		{Name: "lan", Driver: miio.New(o.World, miio.Options{
			Specs: b.specs, Profiles: b.specs, Memory: b.store, Log: o.Log,
			Interfaces: o.Config.Interfaces, NoBroadcast: o.Alone,
			Known: func() []mi.Info { return known },
		})},
	}
}

package bridge

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/camera"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/yeelight"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// routes is the table of drivers, in the order in which a device's routes are
// preferred: what reports by itself goes before what must be asked.
func (b *Bridge) routes(devices []mi.Info) []device.Route {
	o, c := &b.opt, b.opt.Config
	known := func() []mi.Info { return devices }
	changed := func(model string) { b.home.SpecArrived(model) }
	gatewayKeys, _ := c.GatewayKeyMap() // config has checked these two
	bleKeys, _ := c.BLE.KeyMap()
	ninebots, all := vehicles(c)
	routes := []device.Route{
		{Name: "lan", Driver: yeelight.New(o.World, yeelight.Options{
			Specs: b.specs, Profiles: b.specs, Memory: b.store, Log: o.Log,
			Interfaces: c.Interfaces, NoMulticast: o.Alone, Known: known,
		})},
		{Name: "lan", Driver: miio.New(o.World, miio.Options{
			Specs: b.specs, Profiles: b.specs, Memory: b.store, Log: o.Log,
			Interfaces: c.Interfaces, NoBroadcast: o.Alone, Known: known,
		})},
		{Name: "gateway", Driver: lumi.New(o.World, lumi.Options{
			Keys: gatewayKeys, ClearAfter: c.MotionClear, Log: o.Log,
			Interfaces: c.Interfaces, NoMulticast: o.Alone, Known: known,
		})},
		{Name: "lan", Driver: tv.New(o.World, tv.Options{
			TVs: tvs(c.TVs), Memory: b.store, Log: o.Log, Interfaces: c.Interfaces, NoFind: o.Alone, WakePort: o.WakePort,
		})},
		{Name: "lan", Driver: androidtv.New(o.World, androidtv.Options{
			TVs: androidTVs(c.AndroidTVs), Memory: b.store, Log: o.Log, Interfaces: c.Interfaces, NoFind: o.Alone, WakePort: o.WakePort,
		})},
		{Name: "lan", Trusted: true, Driver: router.New(o.World, router.Options{
			Routers: routers(c), Presence: c.Presence, AwayAfter: c.AwayAfter, Interval: c.Poll,
			Writes: c.RouterWrites, Log: o.Log,
		})},
		{Name: "lan", Driver: camera.New(o.World, camera.Options{Cameras: cameras(c.Cameras), Log: o.Log})},
		{Name: "bluetooth", Driver: ble.New(o.World, ble.Options{
			Receivers: b.air.Receivers, Keys: bleKeys, Devices: c.BLE.Devices, ClearAfter: c.MotionClear,
			Known: func() []mi.Info { return b.heard(devices) }, Memory: b.store, Specs: b.specs, Changed: changed, Log: o.Log,
		})},
		{Name: "bluetooth", Driver: ninebot.New(o.World, ninebot.Options{
			Receivers: b.air.Receivers, Centrals: b.air.Centrals, Vehicles: ninebots, All: all, Writes: c.NinebotWrites,
			Interval: c.NinebotPoll, AwayAfter: c.AwayAfter, Memory: b.store, Log: o.Log,
		})},
	}
	if b.accounts != nil {
		routes = append(routes, device.Route{Name: "cloud", Trusted: true, Driver: cloud.New(o.World, cloud.Options{
			Account: cloudAccount{b.accounts}, Specs: b.specs, Profiles: b.specs, Memory: b.store, NoEnergy: !c.Energy, Changed: changed, Log: o.Log,
		})})
	}
	return routes
}

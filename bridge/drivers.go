package bridge

import (
	"context"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/camera"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/multimode"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/yeelight"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
)

// routes is the table of drivers, in the order in which a device's routes are
// preferred: what reports by itself goes before what must be asked, what is near
// before what is not.
func (b *Bridge) routes(devices []mi.Info) []device.Route {
	return slices.Concat(b.lanRoutes(devices), b.netRoutes(devices), b.airRoutes(devices), b.cloudRoutes())
}

// lanRoutes are for the devices of the network and what hangs on their gateways.
func (b *Bridge) lanRoutes(devices []mi.Info) []device.Route {
	o, c := &b.opt, b.opt.Config
	known := func() []mi.Info { return devices }
	keys, _ := c.GatewayKeyMap() // config has checked them
	lan := miio.New(o.World, miio.Options{
		Specs: b.specs, Profiles: b.specs, Memory: b.store, Log: o.Log,
		Interfaces: c.Interfaces, NoBroadcast: o.Alone, Known: known,
	})
	b.lan = lan
	lamps := yeelight.Options{
		Specs: b.specs, Profiles: b.specs, Memory: b.store, Log: o.Log, Music: c.YeelightMusic,
		Interfaces: c.Interfaces, NoMulticast: o.Alone, Known: known,
	}
	if c.YeelightLAN {
		lamps.Ask = lan.Ask
	}
	return []device.Route{
		{Name: "lan", Driver: yeelight.New(o.World, lamps)},
		{Name: "gateway", Driver: lumi.New(o.World, lumi.Options{
			Keys: keys, ClearAfter: c.MotionClear, Log: o.Log, Ask: lan.Ask,
			Interfaces: c.Interfaces, NoMulticast: o.Alone, Known: known,
		})},
		{Name: "gateway", Driver: b.multimode(known)},
		{Name: "lan", Driver: lan},
	}
}

// multimode is for gateways that have a broker of their own. What they hear of
// Bluetooth sensors is heard like that of any receiver.
func (b *Bridge) multimode(known func() []mi.Info) mi.Driver {
	o, c := &b.opt, b.opt.Config
	connect := o.Guest
	if connect == nil {
		connect = func(ctx context.Context, address string) (mi.Bus, error) {
			return mqtt.Guest(ctx, o.World, address, o.Log)
		}
	}
	d := multimode.New(o.World, multimode.Options{
		Gateways: gateways(c.Multimode), Connect: connect, ClearAfter: c.MotionClear, Known: known, Specs: b.specs,
		Product: ble.ProductNumbers(), Log: o.Log,
	})
	for _, r := range d.Receivers() {
		b.air.Receivers = append(b.air.Receivers, bluetooth.Share(r))
	}
	return d
}

// netRoutes are for what is on the network beside the devices.
func (b *Bridge) netRoutes(devices []mi.Info) []device.Route {
	o, c := &b.opt, b.opt.Config
	return []device.Route{
		{Name: "lan", Driver: tv.New(o.World, tv.Options{
			TVs: tvs(c.TVs), Memory: b.store, Log: o.Log, Interfaces: c.Interfaces, NoFind: o.Alone, WakePort: o.WakePort,
			Known: func() []mi.Info { return b.listed(devices) },
			Rouse: func(ctx context.Context, host string, macs []string) error { return rouse(ctx, b.home, host, macs) },
		})},
		{Name: "lan", Driver: androidtv.New(o.World, androidtv.Options{
			TVs: androidTVs(c.AndroidTVs), Memory: b.store, Log: o.Log, Interfaces: c.Interfaces, NoFind: o.Alone, WakePort: o.WakePort,
		})},
		{Name: "lan", Trusted: true, Driver: router.New(o.World, router.Options{
			Routers: routers(c), Presence: c.Presence, AwayAfter: c.AwayAfter, Interval: c.Poll,
			Writes: c.RouterWrites, Log: o.Log,
		})},
		{Name: "lan", Driver: camera.New(o.World, camera.Options{Cameras: cameras(c.Cameras), Log: o.Log})},
	}
}

// airRoutes are for what is on the air.
func (b *Bridge) airRoutes(devices []mi.Info) []device.Route {
	o, c := &b.opt, b.opt.Config
	keys, _ := c.BLE.KeyMap() // config has checked them
	ninebots, all := vehicles(c)
	return []device.Route{
		{Name: "bluetooth", Driver: ble.New(o.World, ble.Options{
			Receivers: b.air.Receivers, Keys: keys, Devices: c.BLE.Devices, ClearAfter: c.MotionClear,
			Known: func() []mi.Info { return b.heard(devices) }, Memory: b.store, Specs: b.specs, Changed: b.specChanged, Log: o.Log,
		})},
		{Name: "bluetooth", Driver: ninebot.New(o.World, ninebot.Options{
			Receivers: b.air.Receivers, Centrals: b.air.Centrals, Vehicles: ninebots, All: all, Writes: c.NinebotWrites,
			Interval: c.NinebotPoll, AwayAfter: c.AwayAfter, Memory: b.store, Log: o.Log,
		})},
	}
}

// cloudRoutes are for what nothing else reaches.
func (b *Bridge) cloudRoutes() []device.Route {
	if b.accounts == nil {
		return nil
	}
	o := &b.opt
	return []device.Route{{Name: "cloud", Trusted: true, Driver: cloud.New(o.World, cloud.Options{
		Account: cloudAccount{b.accounts}, Specs: b.specs, Profiles: b.specs, Memory: b.store, NoEnergy: !o.Config.Energy, Events: logged(o.Config.CloudEvents),
		Changed: b.specChanged, Log: o.Log,
	})}}
}

// logged reports whether the account's log of a device's events is to be read; nil
// where no device's is.
func logged(words []string) func(mi.Info) bool {
	if len(words) == 0 {
		return nil
	}
	return func(info mi.Info) bool { return slices.Contains(words, "all") || mqtt.Names(words, info) }
}

// specChanged has devices of a model look at their spec again.
func (b *Bridge) specChanged(model string) { b.home.SpecArrived(model) }

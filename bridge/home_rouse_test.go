package bridge_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/bridgetest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	virtualmiio "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	virtualtv "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
)

// TestATVIsSwitchedOnAsADeviceOfMIoT has one TV by both of its interfaces. Magic
// packets do not reach it; the action that MIoT has for that does.
func TestATVIsSwitchedOnAsADeviceOfMIoT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, there, here := bridgetest.Street(7)
		miot, err := virtualmiio.New(there, virtualmiio.Options{Models: []string{"xiaomi.tv.eaffh1", "cuco.plug.cp5pro"}, Address: bridgetest.Address, Still: true})
		if err != nil {
			t.Fatal(err)
		}
		const host, did = "10.1.0.10", "mitv.024d54560001"
		screen, err := virtualtv.New(there, virtualtv.Options{Addr: host + ":6095", WakePort: 4000})
		if err != nil {
			t.Fatal(err)
		}
		defer screen.Close()
		specs := spec.New(here, spec.Options{Sources: []spec.Source{spec.NewFolder(virtualmiio.Specs())}, Offline: true, Log: zerolog.Nop()})
		var home *device.Home
		home = device.New(device.Options{World: here, View: &drivertest.View{}, Log: zerolog.Nop(), Routes: []device.Route{
			{Name: "lan", Driver: miio.New(here, miio.Options{Specs: specs, Log: zerolog.Nop(), Known: miot.Infos})},
			{Name: "lan", Driver: tv.New(here, tv.Options{
				NoFind: true, Known: miot.Infos, Log: zerolog.Nop(),
				Rouse: func(ctx context.Context, host string, macs []string) error {
					return bridge.Rouse(ctx, home, host, macs)
				},
			})},
		}})
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, run := range []func(context.Context) error{miot.Run, home.Run} {
			all.Go(func() { _ = run(ctx) })
		}
		time.Sleep(2 * time.Minute)
		d := home.Device(did)
		if d == nil || !d.Status().Online {
			t.Fatal("the TV is not found where MIoT knows it")
		}
		_ = screen.Switch(false)
		time.Sleep(2 * time.Minute)
		on := mi.Order{Set: []mi.Change{{Prop: 0, Value: mi.Bool(true)}}}
		if err := drivertest.Order(d, on); err != nil || miot.Infos()[0].Addr != host+":54321" {
			t.Errorf("switch on: %v; MIoT has it at %s", err, miot.Infos()[0].Addr)
		}
		if got := miot.Device(miot.Infos()[0].DID).Value("screen"); got != mi.Bool(true) {
			t.Errorf("the screen is %v", got)
		}
		if err := bridge.Rouse(ctx, home, "10.1.0.11", []string{""}); err == nil {
			t.Error("a plug was roused")
		}
		stop()
		all.Wait()
	})
}

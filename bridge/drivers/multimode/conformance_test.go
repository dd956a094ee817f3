package multimode_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/multimode"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/multimode"
)

// home returns a driver at a virtual gateway.
func home(w mi.World) (*multimode.Driver, *virtual.Gateway) {
	m := virtual.New(w)
	return multimode.New(w, multimode.Options{
		Gateways: []multimode.Gateway{{Host: "192.168.7.9", Name: "Landing"}},
		Connect:  m.Connect, Known: m.Children, Log: zerolog.Nop(),
	}), m
}

const gatewayDID = "multimode.192-168-7-9"

func child(m *virtual.Gateway, did string) (info mi.Info) {
	for _, c := range m.Children() {
		if c.DID == did {
			info = c
		}
	}
	info.Parent = gatewayDID
	return info
}

func TestConformanceOfASensor(t *testing.T) {
	drivertest.Run(t, func(*testing.T) *drivertest.Home {
		w := mi.World{Now: time.Now, Seed: 3}
		d, m := home(w)
		time.AfterFunc(time.Second, m.Beat)
		return &drivertest.Home{
			Driver: d, Device: child(m, virtual.Motion), Found: true,
			Push: func() { synctest.Wait(); m.Stir(17) },
			Noise: func(b []byte) {
				synctest.Wait()
				for _, topic := range []string{"zigbee/send", "miio/report", "miio/command_ack"} {
					m.Say(topic, string(b))
				}
			},
		}
	}, synctest.Test)
}

func TestConformanceOfALamp(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		w := mi.World{Now: time.Now, Seed: 3}
		d, m := home(w)
		time.AfterFunc(time.Second, m.Beat)
		h := &drivertest.Home{
			Driver: d, Device: child(m, virtual.Lamp), Found: true, Mute: m.Mute,
			Reads: []mi.Change{{Prop: 0, Value: mi.Bool(true)}, {Prop: 1, Value: mi.Int(40)}, {Prop: 2, Value: mi.Int(4000)}},
			Write: &mi.Change{Prop: 1, Value: mi.Int(77)},
		}
		return h
	}, synctest.Test)
}

func TestConformanceOfAPlug(t *testing.T) {
	drivertest.Run(t, func(*testing.T) *drivertest.Home {
		w := mi.World{Now: time.Now, Seed: 3}
		d, m := home(w)
		time.AfterFunc(time.Second, m.Beat)
		return &drivertest.Home{
			Driver: d, Device: child(m, virtual.Plug), Found: true, Mute: m.Mute,
			Reads: []mi.Change{{Prop: 0, Value: mi.Bool(true)}},
			Write: &mi.Change{Prop: 0, Value: mi.Bool(false)},
			Push:  func() { synctest.Wait(); m.Beat() },
		}
	}, synctest.Test)
}

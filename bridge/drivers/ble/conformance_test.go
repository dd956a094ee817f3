package ble_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ble"
)

func TestConformance(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		w := mi.World{Now: time.Now, Seed: 3}
		radio := virtual.NewRadio(w)
		d := ble.New(w, ble.Options{Receivers: radio.Receivers(), Keys: radio.Keys(), Log: zerolog.Nop()})
		if strings.HasSuffix(t.Name(), "finds_the_device") {
			time.AfterFunc(time.Second, func() { radio.Battery(virtual.Motion, 90) })
		}
		return &drivertest.Home{
			Driver: d, Found: true,
			Device: mi.Info{DID: did(radio, virtual.Motion), Model: "lumi.motion.bmgl01"},
			Event:  func() { settle(radio, virtual.Motion) },
			Push:   func() { settle(radio, virtual.Motion) },
			Noise:  func(b []byte) { radio.Say(virtual.Motion, 0xfe95, b) },
		}
	}, synctest.Test)
}

// settle makes a device heard before, and then sends the motion that is news.
func settle(radio *virtual.Radio, device int) {
	synctest.Wait() // until the receivers listen
	radio.Battery(device, 90)
	radio.Stir(device, 0)
}

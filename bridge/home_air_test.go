package bridge_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ble"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtualble "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/ble"
)

// teller is the route of an account that lists devices and reaches none.
type teller struct{ told chan mi.Info }

func (a teller) Find(ctx context.Context, found func(mi.Info)) error {
	for {
		select {
		case info := <-a.told:
			found(info)
		case <-ctx.Done():
			return nil
		}
	}
}

func (teller) Open(context.Context, mi.Info, mi.Sink) (mi.Link, error) {
	return nil, mi.ErrUnsupported
}

// TestSensorThatWasHeardIsUnlockedByTheAccount: a sensor is heard before anybody signs
// in and cannot be read. The account tells its did, name and key: it is the same device
// then, and does not stay behind. The same after a restart with what was saved.
func TestSensorThatWasHeardIsUnlockedByTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := mi.World{Now: time.Now, Seed: 3}
		radio, account := virtualble.NewRadio(w), teller{make(chan mi.Info)}
		var saved []mi.Info
		for round := range 2 {
			home := device.New(device.Options{
				World: w, View: &diary{opened: map[string]int{}}, Log: zerolog.Nop(), Known: saved, Changed: func(all []mi.Info) { saved = all },
				Routes: []device.Route{
					{Name: "bluetooth", Driver: ble.New(w, ble.Options{Receivers: radio.Receivers(), Log: zerolog.Nop()})},
					{Name: "cloud", Driver: account, Trusted: true},
				},
			})
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = home.Run(ctx) })
			stir := func() {
				for range 3 {
					time.Sleep(10 * time.Second)
					radio.Battery(virtualble.Motion, 90)
					radio.Stir(virtualble.Motion, 0)
				}
				time.Sleep(10 * time.Second)
			}
			stir()
			all := home.All()
			if len(all) != 1 || !strings.HasPrefix(all[0].ID(), "ble_") {
				t.Fatalf("round %d: %d devices before the sign-in", round, len(all))
			}
			d, mac := all[0], all[0].Info().MAC
			account.told <- mi.Info{DID: "blt.3.abc", Model: "lumi.motion.bmgl01", Name: "Hall", MAC: strings.ToUpper(mac), Token: radio.Keys()[strings.ReplaceAll(mac, ":", "")]}
			stir()
			if got := home.All(); len(got) != 1 || got[0] != d || home.Device("blt.3.abc") != d {
				t.Fatalf("round %d: %d devices after the sign-in", round, len(got))
			}
			if s := d.Status(); !s.Online || s.Connection != "bluetooth" || d.Info().Name != "Hall" || s.LastError != "" {
				t.Errorf("round %d: %+v, called %s", round, s, d.Info().Name)
			}
			known := 0
			for _, v := range d.Values(nil) {
				if v.Known() {
					known++
				}
			}
			if known < 3 {
				t.Errorf("round %d: %d values are known", round, known)
			}
			stop()
			running.Wait()
		}
	})
}

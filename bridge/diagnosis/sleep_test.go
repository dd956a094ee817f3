package diagnosis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
)

// TestAccountWakesUp lets the machine sleep while the session ends and a device is
// paired anew: the account renews itself, and brings the new token.
func TestAccountWakesUp(t *testing.T) {
	t.Parallel()
	inWard(t, func(w *ward) {
		w.settle(plugModel, "yeelink.light.color5")
		w.signIn(cloud.Options{Home: w.home}, cloud.User)
		w.run(func() {
			time.Sleep(time.Minute)
			for _, d := range w.home.Devices() {
				if err := d.Retoken(mi.Secret(strings.Repeat("5a", 16))); err != nil {
					w.Fatal(err)
				}
			}
			w.clock.Step(8 * time.Hour)
			w.heaven.Step(8 * time.Hour)
			w.home.Lapse(8 * time.Hour)
			w.cloud.Expire(false)
			time.Sleep(8 * time.Minute) // a token that once was right is doubted after five
			for _, p := range w.problems("") {
				if w.home.Device(p.Device) != nil || strings.HasPrefix(p.ID, "account.") || p.ID == "clock.wrong" {
					w.Errorf("after the night: %s: %s %s", p.ID, p.Text, p.Proof)
				}
			}
		})
	})
}

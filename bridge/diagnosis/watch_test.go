package diagnosis_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/diagnosis"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// silence is a driver whose devices never answer, each for a reason of its own.
type silence map[string]error

func (s silence) Find(ctx context.Context, _ func(mi.Info)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s silence) Open(_ context.Context, d mi.Info, _ mi.Sink) (mi.Link, error) {
	return mute{s[d.DID]}, nil
}

type mute struct{ why error }

func (m mute) Spec(context.Context) (*mi.Spec, error) { return nil, m.why }
func (mute) Close() error                             { return nil }

// calm is a bridge with which all is well.
type calm struct{ mi.Network }

func (calm) Connection() mqtt.Connection                { return mqtt.Connection{Up: true} }
func (calm) Platform() mqtt.Platform                    { return mqtt.Platform{Seen: true} }
func (calm) SeekPlatform(context.Context) mqtt.Platform { return mqtt.Platform{Seen: true} }
func (calm) Proven(string, mi.Info) bool                { return true }
func (calm) Missing(string) spec.Missing                { return spec.Missing{} }
func (calm) Failing() error                             { return nil }
func (calm) Try() error                                 { return nil }
func (calm) Interfaces() ([]mi.Interface, error)        { return nil, nil }

// ear hears, and hears nothing.
type ear struct{}

func (ear) Listen(context.Context, func(mi.Advert)) error { return nil }
func (ear) Name() string                                  { return "ear" }
func (ear) Hearing() error                                { return nil }

func TestWhatIsMerelyOutIsNoProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := fmt.Errorf("not heard: %w", mi.ErrOffline)
		world := mi.World{Net: calm{}, Now: time.Now}
		home := device.New(device.Options{
			World: world, View: &drivertest.View{}, Log: zerolog.Nop(),
			Routes: []device.Route{{Name: web.Bluetooth, Driver: silence{"ble.mini": mi.Diagnose("device.asleep", gone), "ble.door": gone}, Trusted: true}},
			Known:  []mi.Info{{DID: "ble.mini", Name: "Anna's mini"}, {DID: "ble.door", Name: "Door"}},
		})
		var noted []web.Problem
		w := diagnosis.New(diagnosis.Options{
			World: world, Config: &config.Config{Web: config.Web{Listen: "127.0.0.1:0"}}, Alone: true, Home: func() *device.Home { return home },
			Topics: calm{}, Specs: calm{}, Store: calm{}, Receivers: []mi.Receiver{ear{}}, Noted: func(all []web.Problem) { noted = all },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- home.Run(ctx) }()
		go func() { w.Run(ctx); ended <- nil }()
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		texts := func(all []web.Problem) (out []string) {
			for _, p := range all {
				out = append(out, p.Severity+": "+p.Text)
			}
			return out
		}
		door := "broken: No Bluetooth receiver hears Door any more. It is most likely out of reach, or its battery is empty."
		if diff := cmp.Diff([]string{door, "note: Anna's mini is not near, or switched off. That is normal."}, texts(w.Problems())); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{door}, texts(noted)); diff != "" || noted[0].Since.IsZero() {
			t.Errorf("noted (-want +got):\n%s%v", diff, noted)
		}
		if got := w.Standing(home.Device("ble.mini")).State; got != web.Asleep {
			t.Errorf("the mini is %s", got)
		}
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

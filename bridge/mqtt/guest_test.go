package mqtt

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/multimode"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtualmultimode "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/multimode"
)

func TestGuestHearsSpeaksAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		ctx, cancel := context.WithCancel(t.Context())
		bus, err := Guest(ctx, w, listen, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		var e ear
		over := make(chan error, 1)
		go func() { over <- bus.Subscribe(ctx, "zigbee/send", e.take) }()
		time.Sleep(time.Second)
		u := mustConnect(t, w, "gateway")
		u.say("zigbee/send", "one", false)
		if got := e.heard(); !slices.Equal(got, []string{"zigbee/send one false"}) {
			t.Errorf("heard %q", got)
		}
		if err := bus.Publish(ctx, "zigbee/recv", []byte("x")); err != nil {
			t.Errorf("publish: %v", err)
		}
		kept := b.down()
		time.Sleep(10 * time.Second)
		if err := bus.Publish(ctx, "zigbee/recv", []byte("x")); !errors.Is(err, mi.ErrOffline) {
			t.Errorf("publish without a broker: %v", err)
		}
		b.up(kept)
		time.Sleep(2 * time.Minute)
		u = mustConnect(t, w, "gateway")
		u.say("zigbee/send", "two", false)
		if got := e.heard(); !slices.Equal(got, []string{"zigbee/send two false"}) {
			t.Errorf("after the broker came back heard %q", got)
		}
		cancel()
		if err := <-over; err != nil {
			t.Errorf("Subscribe = %v", err)
		}
		u.Disconnect(0)
		time.Sleep(time.Minute)
		b.down()
	})
}

func TestGuestRefusesAnAddressWithoutPort(t *testing.T) {
	if _, err := Guest(t.Context(), testWorld(), "192.168.1.5", zerolog.Nop()); !errors.Is(err, mi.ErrInvalid) {
		t.Errorf("err = %v", err)
	}
}

// TestAGatewayIsReadOverItsOwnBroker runs the driver of multimode gateways over
// MQTT: what the gateway says, and what it is told.
func TestAGatewayIsReadOverItsOwnBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		ctx, cancel := context.WithCancel(t.Context())
		g := virtualmultimode.New(w)
		other := w
		other.Seed++ // another client
		side, err := Guest(ctx, other, listen, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- g.Serve(ctx, side) }()
		d := multimode.New(w, multimode.Options{
			Gateways: []multimode.Gateway{{Host: listen}}, Known: g.Children, Log: zerolog.Nop(),
			Connect: func(ctx context.Context, to string) (mi.Bus, error) { return Guest(ctx, w, to, zerolog.Nop()) },
		})
		var sink drivertest.Sink
		link, err := d.Open(ctx, mi.Info{DID: virtualmultimode.Lamp, Model: "xiaomi.mesh.3416", Parent: "multimode.127-0-0-1"}, &sink)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := link.(mi.Setter).Set(ctx, []mi.Change{{Prop: 1, Value: mi.Int(77)}}); err != nil {
			t.Error(err)
		}
		got, err := link.(mi.Getter).Get(ctx, []int{0, 1}, nil)
		if want := []mi.Change{{Prop: 0, Value: mi.Bool(true)}, {Prop: 1, Value: mi.Int(77)}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("Get = %v, %v, want %v", got, err, want)
		}
		if err := link.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		<-served
		time.Sleep(time.Minute)
		b.down()
	})
}

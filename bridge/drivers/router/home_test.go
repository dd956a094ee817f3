package router_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/router"
)

// lamp is a driver with one device that answers at once, beside the router.
type lamp struct{}

var lampSpec = mi.Spec{Model: "test.light.v1", Type: "light", Services: []mi.Service{{IID: 2, Name: "light", Key: "light"}}, Props: []mi.Property{
	{SIID: 2, PIID: 1, Key: "light/brightness", Name: "brightness", Format: mi.FormatInt, Access: mi.Read},
}}

func (lamp) Find(ctx context.Context, found func(mi.Info)) error {
	found(mi.Info{DID: "lamp", Model: "test.light.v1"})
	<-ctx.Done()
	return nil
}

func (lamp) Open(_ context.Context, d mi.Info, _ mi.Sink) (mi.Link, error) {
	if d.DID != "lamp" {
		return nil, mi.ErrUnsupported
	}
	return lampLink{}, nil
}

type lampLink struct{}

func (lampLink) Spec(context.Context) (*mi.Spec, error) { return &lampSpec, nil }
func (lampLink) Close() error                           { return nil }
func (lampLink) Get(_ context.Context, _ []int, into []mi.Change) ([]mi.Change, error) {
	return append(into, mi.Change{Value: mi.Int(time.Now().Unix())}), nil
}

// TestHome runs the driver as the bridge does: 250 clients and a lamp, a router
// that is well, hangs and returns.
func TestHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 250
		h := build(t, func(theirs *virtual.Options, o *router.Options) {
			theirs.Clients, o.Presence = many, []string{"all"}
		})
		for i := range many {
			h.router.Move(i, true)
		}
		w := &drivertest.View{}
		home := device.New(device.Options{
			World: h.world, View: w, Log: zerolog.Nop(),
			Routes: []device.Route{{Name: "lamp", Driver: lamp{}, Trusted: true}, {Name: "router", Driver: h.driver}},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var runs sync.WaitGroup
		runs.Go(func() { _ = home.Run(ctx) })
		time.Sleep(3 * time.Minute)
		if got := w.Up(); got != many+4 {
			t.Errorf("%d devices are online after 3 minutes, want %d clients, the router, two nodes and the lamp", got, many)
		}
		before := h.router.Counters().Requests
		for i := range 50 {
			h.router.Move(i, false)
		}
		time.Sleep(10 * time.Minute)
		for i, mac := range h.router.Clients() {
			got := w.First(phone(mac).DID)
			if want := mi.Bool(i >= 50); len(got) == 0 || got[len(got)-1] != want {
				t.Errorf("client %d shows %v, want %v last", i, got, want)
			}
		}
		if n := h.router.Counters().Requests - before; n > 20*5 {
			t.Errorf("%d requests in 20 rounds", n)
		}
		if w.Lost("") != 0 {
			t.Errorf("%d devices went offline while the router was well", w.Lost(""))
		}

		h.router.Mute()
		silent, lit := h.router.Counters().Requests, len(w.First("lamp"))
		time.Sleep(10 * time.Minute)
		if got := w.Up(); got != 1 {
			t.Errorf("%d devices are online while the router hangs, want the lamp alone", got)
		}
		if n := h.router.Counters().Requests - silent; n > 60 {
			t.Errorf("%d requests in 10 minutes to a router that hangs", n)
		}
		if n := len(w.First("lamp")) - lit; n < 19 {
			t.Errorf("the lamp was read %d times in 10 minutes while the router hung", n)
		}
		h.router.Answer(1)
		time.Sleep(3 * time.Minute)
		if got := w.Up(); got != many+4 {
			t.Errorf("%d devices are online after the router returned, want %d", got, many+4)
		}
		cancel()
		runs.Wait()
	})
}

// A home that was told of everything before finds its way without a new sighting.
func TestHomeKnowsItsDevicesAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(_ *virtual.Options, o *router.Options) { o.Presence = []string{"all"} })
		client := phone(h.router.Clients()[2])
		w := &drivertest.View{}
		var said strings.Builder
		home := device.New(device.Options{
			World: h.world, View: w, Log: zerolog.New(zerolog.SyncWriter(&said)).Level(zerolog.WarnLevel), Known: []mi.Info{own(), client},
			Routes: []device.Route{{Name: "router", Driver: h.driver}},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var runs sync.WaitGroup
		runs.Go(func() { _ = home.Run(ctx) })
		time.Sleep(2 * time.Minute)
		if d := home.Device(ownDID); d == nil || !w.Online(ownDID) || !strings.HasPrefix(d.Info().Model, "xiaomi.router.") {
			t.Error("the router is not back")
		}
		if got := w.First(client.DID); len(got) > 0 && got[len(got)-1].Known() {
			t.Errorf("a client that is missing since the start shows %v before its time", got)
		}
		time.Sleep(3 * time.Minute)
		if got := w.First(client.DID); len(got) == 0 || got[len(got)-1] != mi.Bool(false) {
			t.Errorf("a client that is missing for 5 minutes shows %v", got)
		}
		cancel()
		runs.Wait()
		if said.Len() > 0 {
			t.Errorf("a start at which all is well warns: %s", &said)
		}
	})
}

package androidtv_test

import (
	"context"
	"crypto/tls"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

func set(prop int, v mi.Value) mi.Order { return mi.Order{Set: []mi.Change{{Prop: prop, Value: v}}} }

func run(action int, args ...mi.Value) mi.Order {
	return mi.Order{Calls: []mi.Call{{Action: action, Args: args}}}
}

// street is a home with two TVs that are found by their addresses.
type street struct {
	home *device.Home
	view *drivertest.View
	tvs  []*virtual.TV
}

const badDID = "atv.024154560002"

func newStreet(t *testing.T) (*street, func()) {
	t.Helper()
	n := world.NewNet(5)
	segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
	bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
	s := &street{view: &drivertest.View{Plan: device.Plan{Fast: []int{0, 2, 3, 4, 5, 6}}}}
	for _, o := range []virtual.Options{
		{Addr: tvAddr, MAC: tvMAC, Key: tvKey()}, {Addr: "192.168.7.31:6466", MAC: "02:41:54:56:00:02", Key: badKey()},
	} {
		tv, err := virtual.New(mi.World{Net: segment, Now: time.Now, Seed: 5}, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tv.Close() })
		s.tvs = append(s.tvs, tv)
	}
	w := mi.World{Net: bridge, Now: time.Now}
	s.home = device.New(device.Options{World: w, View: s.view, Log: zerolog.Nop(), Routes: []device.Route{{
		Name: "lan", Driver: androidtv.New(w, androidtv.Options{
			TVs: []androidtv.Config{{Addr: "192.168.7.30"}, {Addr: "192.168.7.31"}}, Memory: newMemory(t), Log: zerolog.Nop(),
		}),
	}}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.home.Run(ctx) }()
	return s, func() { cancel(); <-ended }
}

// badKey is the key of the second TV.
var badKey = sync.OnceValue(func() *tls.Certificate {
	key, err := virtual.Key("Kitchen TV", "02:41:54:56:00:02")
	if err != nil {
		panic(err)
	}
	return key
})

// TestTwoTVsInOneHome pairs two TVs by orders, lets one be off for hours, which is no
// reason to call it away, and the other hang, which holds nobody up and makes few
// connections.
func TestTwoTVsInOneHome(t *testing.T) {
	tvKey()
	badKey()
	androidtv.SomeKey()
	synctest.Test(t, func(t *testing.T) {
		s, stop := newStreet(t)
		defer stop()
		after(time.Minute)
		good, bad := s.tvs[0], s.tvs[1]
		one, other := s.home.Device(tvDID), s.home.Device(badDID)
		for i, d := range []*device.Device{one, other} {
			if err := drivertest.Order(d, run(1)); err != nil {
				t.Fatalf("pair: %v", err)
			}
			if err := drivertest.Order(d, run(2, mi.Text(s.tvs[i].Code()))); err != nil {
				t.Fatalf("code: %v", err)
			}
		}
		after(time.Minute)
		before := []int{s.view.Lost(tvDID), s.view.Lost(badDID)} // they were paired
		if v := other.Values(nil); v[0] != mi.Bool(true) || v[2] != mi.Int(20) {
			t.Errorf("paired, it shows %v", v)
		}
		bad.Hurt(virtual.Trouble{Hangs: true})
		calls, start := bad.State().Calls, time.Now()
		for _, on := range []bool{false, true} {
			if err := drivertest.Order(one, set(0, mi.Bool(on))); err != nil {
				t.Errorf("on %v: %v", on, err)
			}
			after(3 * time.Hour)
			if v := one.Values(nil)[0]; v != mi.Bool(on) || good.State().On != on {
				t.Errorf("three hours after on=%v the TV shows %v and is %v", on, v, good.State().On)
			}
		}
		if err := drivertest.Order(one, set(2, mi.Int(30))); err != nil || good.State().Level != 15 {
			t.Errorf("volume: %v, %d", err, good.State().Level)
		}
		if took := time.Since(start) - 6*time.Hour; took > 2*time.Second {
			t.Errorf("three orders took %v beside a TV that hangs", took)
		}
		if good, bad := s.view.Lost(tvDID)-before[0], s.view.Lost(badDID)-before[1]; good != 0 || bad != 1 {
			t.Errorf("called away: the good one %d times, the one that hangs %d times", good, bad)
		}
		if made := bad.State().Calls - calls; made > 6*60*4 {
			t.Errorf("a TV that hangs got %d connections in six hours", made)
		}
		bad.Hurt(virtual.Trouble{})
		after(2 * time.Minute)
		if !other.Status().Online {
			t.Error("a TV that came to itself stays away")
		}
	})
}

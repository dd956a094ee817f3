package lumi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// stranger is somebody else on the same network.
func (h *house) stranger(addr string) func(data string) {
	h.t.Helper()
	m := h.net.Machine(world.Topology{Prefix: netip.MustParsePrefix(addr + "/24")})
	conn, err := m.ListenUDP(h.t.Context(), addr+":9898")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	return func(data string) {
		to := netip.MustParseAddrPort("224.0.0.50:9898")
		if err := conn.WriteBatch([]mi.Packet{{Data: []byte(data), Addr: to}}); err != nil {
			h.t.Error(err)
		}
		settle()
	}
}

func forged(sid, model, data string) string {
	text, _ := json.Marshal(data)
	return fmt.Sprintf(`{"cmd":"report","model":%q,"sid":%q,"data":%s}`, model, sid, text)
}

func TestReportsFromElsewhereAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		found, end := h.find()
		defer end()
		settle()
		link, e := h.open(button)
		defer link.Close()
		say := h.stranger("192.168.7.66")
		sid := h.infos[button].DID[5:]
		say(forged(sid, "switch", `{"status":"click"}`))
		if c := h.driver.Counters(); c.Unknown == 0 || len(e.heard()) > 0 {
			t.Errorf("a stranger's press: counters %+v, events %v", c, e.heard())
		}

		// Now it says that it is the gateway, while the real one beats.
		say(fmt.Sprintf(`{"cmd":"heartbeat","model":"gateway","sid":%q,"token":"0123456789abcdef","data":"{}"}`, h.gateway.SID()))
		say(forged(sid, "switch", `{"status":"double_click"}`))
		if c := h.driver.Counters(); c.Spoofed == 0 || len(e.heard()) > 0 {
			t.Errorf("a false gateway: counters %+v, events %v", c, e.heard())
		}
		for n := range 500 {
			say(fmt.Sprintf(`{"cmd":"heartbeat","model":"gateway","sid":"34ce%08x","token":"0123456789abcdef","data":"{}"}`, n))
		}
		time.Sleep(time.Minute)
		if n := len(found()); n > 100 {
			t.Errorf("made-up gateways became %d devices", n)
		}
	})
}

func TestOneDeviceCannotFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		_, end := h.find()
		defer end()
		settle()
		link, e := h.open(button)
		defer link.Close()
		time.Sleep(2 * time.Second)
		for n := range 200 {
			h.gateway.Report(h.infos[button].DID[5:], map[string]any{"status": "click", "n": n})
		}
		settle()
		if n := len(e.heard()); n != 20 || h.driver.Counters().Flooded != 180 {
			t.Errorf("%d events of 200, counters %+v", n, h.driver.Counters())
		}
	})
}

func TestKeysThatDoNotFitLeaveReadingAlone(t *testing.T) {
	for name, keys := range map[string]map[string]mi.Secret{
		"none": nil, "wrong": {"": "0000000000000000"}, "short": {"": "abc"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, func(o *lumi.Options) { o.Keys = keys })
				defer h.stop()
				link, _ := h.open(0)
				defer link.Close()
				err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(true)}})
				if !errors.Is(err, mi.ErrUnsupported) {
					t.Errorf("Set = %v, want ErrUnsupported", err)
				}
				if got, err := link.(mi.Getter).Get(t.Context(), []int{0}, nil); err != nil || len(got) != 1 {
					t.Errorf("Get = %v, %v", got, err)
				}
				if got := h.gateway.Wrote(); len(got) > 0 {
					t.Errorf("the gateway took %v", got)
				}
			})
		})
	}
}

func TestOpenTakesOnlyItsOwn(t *testing.T) {
	d := lumi.New(mi.World{Net: nowhere{}}, lumi.Options{})
	for _, info := range []mi.Info{
		{DID: "123456789", Model: "lumi.gateway.v3", Addr: "192.168.7.20:54321"},
		{DID: "lumi.158d0001a2b3c4", Model: "lumi.sensor_motion.aq2", Parent: "123456789", Addr: "192.168.7.20:9898"},
		{DID: "lumi.158d0001a2b3c4", Model: "lumi.sensor_motion.aq2"},
		{DID: "lumi.158d0001a2b3c4", Model: "lumi.airrtc.tcpecn02", Parent: "lumi.34ce0088aabb", Addr: "192.168.7.20:9898"},
		{DID: "lumi.0", Model: "lumi.gateway.mgl03", Addr: "192.168.7.20:9898"},
	} {
		link, err := d.Open(t.Context(), info, deaf{})
		if !errors.Is(err, mi.ErrUnsupported) {
			t.Errorf("Open(%+v) = %v, %v", info, link, err)
		}
	}
}

func TestGatewayThatMovedIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		found, end := h.find()
		defer end()
		settle()
		link, e := h.open(door)
		defer link.Close()
		h.stop()
		yard := h.net.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.99/24")})
		g, err := virtual.New(mi.World{Net: yard, Now: time.Now, Seed: 5}, virtual.Options{Address: "192.168.7.99:9898", Still: true})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		h.gateway = g
		done := make(chan error, 1)
		go func() { done <- g.Run(t.Context()) }()
		time.Sleep(time.Minute)
		h.report(door, "status", "open")
		h.want(e, "magnet-sensor/contact-state", mi.Bool(false))
		if !slices.ContainsFunc(found(), func(i mi.Info) bool { return i.DID == h.infos[door].DID && i.Addr == "192.168.7.99:9898" }) {
			t.Error("the new address was not reported")
		}
		_ = g.Close()
	})
}

// TestGatewayOnAnotherPortIsFollowed hears the heartbeat, which tells no port,
// before the answer to whois.
func TestGatewayOnAnotherPortIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.stop()
		g, err := virtual.New(mi.World{Net: h.yard, Now: time.Now, Seed: 5}, virtual.Options{Address: "192.168.7.20:9899", Still: true})
		if err != nil {
			t.Fatal(err)
		}
		found, end := h.find()
		defer end()
		settle()
		done := make(chan error, 1)
		go func() { done <- g.Run(t.Context()) }() // it beats at once
		time.Sleep(time.Minute)
		if n := len(found()); n < 7 {
			t.Errorf("%d devices were found", n)
		}
		_ = g.Close()
	})
}

// TestUnicastOnLoopback talks over real sockets where there is no multicast.
func TestUnicastOnLoopback(t *testing.T) {
	w := mi.World{Net: host.Network(), Now: time.Now, Seed: 9}
	g, err := virtual.New(w, virtual.Options{Unicast: true, Still: true})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, gateway: g, infos: g.Infos(), driver: lumi.New(w, lumi.Options{
		NoMulticast: true, Known: g.Infos, Keys: map[string]mi.Secret{"": g.Key()}, Log: zerolog.Nop(),
	})}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- g.Run(ctx) }()
	defer func() { cancel(); <-done }()
	found, end := h.find()
	defer end()
	drivertest.Await(t, "all are found", func() bool { return len(found()) >= 7 })
	link, e := h.open(plug)
	defer link.Close()
	if err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	drivertest.Await(t, "the plug reports", func() bool { return e.value("switch/on") == mi.Bool(true) })
	g.Report(h.infos[plug].DID[5:], map[string]any{"load_power": "12.5"})
	drivertest.Await(t, "the power", func() bool { return e.value("power-consumption/electric-power") == mi.Float(12.5) })
}

package tv_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// TestTwoTVsInOneHome lets one TV be off for hours, which is no reason to call it
// away, and the other hang, which holds nobody up and makes few calls.
func TestTwoTVsInOneHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(5)
		segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
		bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
		good := putUp(t, segment, "192.168.7.20:6095", "3c:bd:3e:00:00:01")
		bad := putUp(t, segment, "192.168.7.21:6095", "3c:bd:3e:00:00:02")
		view := &drivertest.View{Plan: device.Plan{Fast: []int{0, 2, 3}, Slow: []int{4}}}
		home := device.New(device.Options{
			World: mi.World{Net: bridge, Now: time.Now}, View: view, Log: zerolog.Nop(),
			Routes: []device.Route{{Name: "tv", Driver: tv.New(mi.World{Net: bridge, Now: time.Now}, tv.Options{
				TVs: []tv.Config{{Addr: "192.168.7.20"}, {Addr: "192.168.7.21"}}, Log: zerolog.Nop(),
			})}},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- home.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		after(time.Minute)
		one := home.Device("mitv.3cbd3e000001")

		bad.Hurt(virtual.Trouble{Hangs: true})
		calls := bad.State().Calls
		start := time.Now()
		for _, on := range []bool{false, true} {
			if err := drivertest.Order(one, mi.Order{Set: []mi.Change{{Prop: 0, Value: mi.Bool(on)}}}); err != nil {
				t.Errorf("on %v: %v", on, err)
			}
			after(3 * time.Hour)
			if v := one.Values(nil)[0]; v != mi.Bool(on) || good.On() != on {
				t.Errorf("three hours after on=%v the TV shows %v and is %v", on, v, good.On())
			}
		}
		if err := drivertest.Order(one, mi.Order{Set: []mi.Change{{Prop: 2, Value: mi.Int(11)}}}); err != nil || good.State().Volume != 11 {
			t.Errorf("volume: %v, %d", err, good.State().Volume)
		}
		if took := time.Since(start) - 6*time.Hour; took > 2*time.Second {
			t.Errorf("three orders took %v beside a TV that hangs", took)
		}
		if view.Lost("mitv.3cbd3e000001") > 0 {
			t.Error("a TV that was merely off was called away")
		}
		if view.Lost("mitv.3cbd3e000002") != 1 {
			t.Errorf("a TV that hangs for six hours was called away %d times", view.Lost("mitv.3cbd3e000002"))
		}
		if made := bad.State().Calls - calls; made > 6*60*3 {
			t.Errorf("a TV that hangs got %d calls in six hours", made)
		}
		bad.Hurt(virtual.Trouble{})
		after(2 * time.Minute)
		if !home.Device("mitv.3cbd3e000002").Status().Online {
			t.Error("a TV that came to itself stays away")
		}
	})
}

func putUp(t *testing.T, n mi.Network, addr, mac string) *virtual.TV {
	t.Helper()
	device, err := virtual.New(mi.World{Net: n, Now: time.Now}, virtual.Options{Addr: addr, MAC: mac})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	return device
}

// TestAnAnnouncedTVIsFound answers the question for TVs beside a TV.
func TestAnAnnouncedTVIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(5)
		segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
		bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
		putUp(t, segment, tvAddr, tvMAC)
		conn := announce(t, segment)
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var got mi.Info
		err := tv.New(mi.World{Net: bridge, Now: time.Now}, tv.Options{
			TVs: []tv.Config{{Addr: "192.168.7.99", MAC: "3c:bd:3e:00:00:01"}}, Log: zerolog.Nop(),
		}).Find(ctx, func(i mi.Info) {
			if i.Addr == tvAddr {
				got = i
				cancel()
			}
		})
		want := mi.Info{DID: tvDID, Addr: tvAddr, MAC: tvMAC, Name: "Living room TV", Model: "xiaomi.tv.mitv606", Firmware: "16777498"}
		if err != nil || got != want {
			t.Errorf("found %+v, %v, want %+v", got, err, want)
		}
	})
}

// announce answers questions for TVs from the address of one.
func announce(t *testing.T, n mi.Network) mi.PacketConn {
	t.Helper()
	hear, err := n.ListenUDP(t.Context(), "0.0.0.0:5353")
	say, err2 := n.ListenUDP(t.Context(), "192.168.7.20:5353")
	cards, err3 := n.Interfaces()
	if err := errors.Join(err, err2, err3, hear.Join(cards[1], netip.MustParseAddr("224.0.0.251"))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = say.Close() })
	answer := announcement(t)
	go func() {
		in := []mi.Packet{{Data: make([]byte, 0, 2000)}}
		for {
			got, err := hear.ReadBatch(in)
			if err != nil {
				return
			}
			if got == 1 && len(in[0].Data) > 0 {
				_ = say.WriteBatch([]mi.Packet{{Data: answer, Addr: in[0].Addr}})
			}
		}
	}()
	return hear
}

func announcement(t *testing.T) []byte {
	t.Helper()
	service := dnsmessage.MustNewName("_rc._tcp.local.")
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}, Answers: []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: service, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET, TTL: 120},
		Body:   &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName("Living room TV._rc._tcp.local.")},
	}}}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

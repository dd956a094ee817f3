package tv_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

func TestWrongOrdersAreRefused(t *testing.T) {
	in(t, virtual.Options{}, func(h *house) {
		h.Spec()
		calls := h.tv.State().Calls
		for _, link := range []string{"", "file:///etc/passwd", "javascript:alert(1)", "http://", "rtsp://a/b", "http://a/" + strings.Repeat("x", 5000)} {
			if err := h.Run("play-url", mi.Text(link)); !errors.Is(err, mi.ErrInvalid) {
				h.Errorf("play %.40q = %v", link, err)
			}
		}
		for _, c := range []mi.Change{{Prop: 2, Value: mi.Int(-1)}, {Prop: 2, Value: mi.Text("loud")}, {Prop: 0}, {Prop: 99, Value: mi.Bool(true)}} {
			if err := h.Link.(mi.Setter).Set(h.Context(), []mi.Change{c}); !errors.Is(err, mi.ErrInvalid) {
				h.Errorf("set %v = %v", c, err)
			}
		}
		if n := h.tv.State().Calls - calls; n != 0 {
			h.Errorf("%d calls came to the TV all the same", n)
		}
		err := h.Link.(mi.Setter).Set(h.Context(), []mi.Change{{Prop: h.Prop("television/input-control"), Value: mi.Text("hdmi3")}})
		if !errors.Is(err, mi.ErrInvalid) { // this TV has two
			h.Errorf("set hdmi3 = %v", err)
		}
	})
}

func TestDescribe(t *testing.T) {
	in(t, virtual.Options{Name: "Panorama"}, func(h *house) {
		got, err := h.Link.(mi.Describer).Describe(h.Context())
		want := mi.Info{Name: "Panorama", Model: "xiaomi.tv.mitv606", MAC: tvMAC, Firmware: "16777498"}
		if err != nil || got != want {
			h.Errorf("Describe = %+v, %v, want %+v", got, err, want)
		}
	})
}

// TestFind starts with the TV off: it is found once it is on, with the user's name.
func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, virtual.Options{Off: true})
		defer h.tv.Close()
		ctx, cancel := context.WithCancel(t.Context())
		found, ended := make(chan mi.Info, 1000), make(chan error, 1)
		go func() { ended <- h.driver.Find(ctx, func(i mi.Info) { found <- i }) }()
		after(5 * time.Minute)
		if len(found) > 0 {
			t.Errorf("found %v", <-found)
		}
		if err := h.tv.Switch(true); err != nil {
			t.Fatal(err)
		}
		got := <-found
		want := mi.Info{DID: tvDID, Addr: tvAddr, MAC: tvMAC, Name: "Den", Model: "xiaomi.tv.mitv606", Firmware: "16777498"}
		if got != want {
			t.Errorf("found %+v, want %+v", got, want)
		}
		calls := h.tv.State().Calls
		after(time.Hour)
		if n := h.tv.State().Calls - calls; n > 130 {
			t.Errorf("looking for one TV makes %d calls an hour", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// wifiMAC is the TV's other address.
const wifiMAC = "02:4d:54:57:00:01"

// TestATVOfTheAccountIsFound asks where the account knows a TV; a plug is not asked,
// nor an address that the user named already. It is found by the MAC address by which
// the account knows it, so that home platforms see one TV.
func TestATVOfTheAccountIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, virtual.Options{})
		defer h.tv.Close()
		known := []mi.Info{
			{DID: "1", Model: "cuco.plug.cp5pro", Addr: "192.168.7.20:54321"}, {DID: "2", Model: "xiaomi.tv.eaffh1", Addr: "192.168.7.21:54321"},
			{DID: "3", Model: "xiaomi.tvbox.b1"}, {DID: tvDID, Model: "xiaomi.tv.mitv606", Addr: tvAddr},
		}
		var moved atomic.Bool
		d := tv.New(mi.World{Net: h.bridge, Now: time.Now}, tv.Options{Log: zerolog.Nop(), NoFind: true, Known: func() []mi.Info {
			if moved.Load() {
				return append(known, mi.Info{DID: "2", Model: "xiaomi.tv.eaffh1", Name: "Anna's", MAC: wifiMAC, Addr: "192.168.7.20:54321"})
			}
			return known
		}})
		ctx, cancel := context.WithCancel(t.Context())
		found, ended := make(chan mi.Info, 1000), make(chan error, 1)
		go func() { ended <- d.Find(ctx, func(i mi.Info) { found <- i }) }()
		after(5 * time.Minute)
		if n := h.tv.State().Calls; n > 0 || len(found) > 0 {
			t.Errorf("%d calls and %d TVs by what is known of others", n, len(found))
		}
		moved.Store(true)
		after(2 * time.Minute)
		want := mi.Info{DID: tvDID, Addr: tvAddr, MAC: wifiMAC, Name: "Living room TV", Model: "xiaomi.tv.mitv606", Firmware: "16777498"}
		if len(found) == 0 {
			t.Fatal("it is not found")
		}
		if got := <-found; got != want {
			t.Errorf("found %+v, want %+v", got, want)
		}
		link, err := d.Open(ctx, want, &drivertest.Sink{})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		if got, err := link.(mi.Describer).Describe(ctx); err != nil || got.MAC != wifiMAC {
			t.Errorf("it describes itself by %s, %v; home platforms take it for another one", got.MAC, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestMagicPacketsGoToEverybody hears one beside the TV: routers and switches soon
// forget where a sleeping TV is.
func TestMagicPacketsGoToEverybody(t *testing.T) {
	in(t, virtual.Options{}, func(h *house) {
		h.Spec()
		if err := h.tv.Switch(false); err != nil {
			h.Fatal(err)
		}
		neighbour := h.net.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.55/24")})
		conn, err := neighbour.ListenUDP(h.Context(), "0.0.0.0:9")
		if err != nil {
			h.Fatal(err)
		}
		defer conn.Close()
		h.Set("television/on", mi.Bool(true))
		var heard []string
		for len(heard) < 2 { // by cable and by Wi-Fi, in any order
			in := []mi.Packet{{Data: make([]byte, 0, 200)}}
			if _, err := conn.ReadBatch(in); err != nil {
				h.Fatal(err)
			}
			heard = append(heard, hex.EncodeToString(in[0].Data))
		}
		slices.Sort(heard)
		for i, mac := range []string{"024d54570001", "3cbd3e000001"} {
			if heard[i] != "ffffffffffff"+strings.Repeat(mac, 16) {
				h.Errorf("heard %s", heard[i])
			}
		}
	})
}

// TestNobodyIsAskedWhoIsNotKnown keeps a demo on loopback from waking the house.
func TestNobodyIsAskedWhoIsNotKnown(t *testing.T) {
	in(t, virtual.Options{}, func(h *house) {
		d := tv.New(mi.World{Net: h.bridge, Now: time.Now}, tv.Options{NoFind: true})
		_ = h.Link.Close()
		var err error
		if h.Link, err = d.Open(h.Context(), info(), &drivertest.Sink{}); err != nil {
			h.Fatal(err)
		}
		defer h.Link.Close()
		h.Spec()
		if err := h.tv.Switch(false); err != nil {
			h.Fatal(err)
		}
		sent := h.net.Traffic().Sent
		h.Set("television/on", mi.Bool(true))
		after(time.Second)
		if n := h.net.Traffic().Sent - sent; n != 2 || !h.tv.On() { // one for each of its addresses
			h.Errorf("%d packets left, on: %v", n, h.tv.On())
		}
	})
}

func TestReadsAreFew(t *testing.T) {
	in(t, virtual.Options{}, func(h *house) {
		h.Want(shows(20, "com.mitv.tvhome"))
		calls := h.tv.State().Calls
		for range 10 {
			h.Want(shows(20, "com.mitv.tvhome"))
		}
		if n := h.tv.State().Calls - calls; n != 20 { // alive and volume; the app is still known
			h.Errorf("ten reads make %d calls", n)
		}
	})
}

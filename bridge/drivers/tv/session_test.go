package tv_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/store"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// house is a driver and a TV in one network in memory.
type house struct {
	drivertest.Talk
	net    *world.Net
	bridge *world.Machine
	tv     *virtual.TV
	driver *tv.Driver
}

const (
	tvAddr = "192.168.7.20:6095"
	tvMAC  = "3c:bd:3e:00:00:01"
	tvDID  = "mitv.3cbd3e000001"
)

func newHouse(t *testing.T, o virtual.Options) *house {
	t.Helper()
	n := world.NewNet(5)
	segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
	bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
	o.Addr, o.MAC = tvAddr, tvMAC
	device, err := virtual.New(mi.World{Net: segment, Now: time.Now, Seed: 5}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	h := &house{Talk: drivertest.Talk{T: t}, net: n, tv: device, bridge: bridge}
	h.driver = tv.New(mi.World{Net: bridge, Now: time.Now, Seed: 6}, tv.Options{
		TVs: []tv.Config{{Addr: "192.168.7.20", Name: "Den"}}, Memory: store.New(world.NewDisk(5), nil, zerolog.Nop()), Log: zerolog.Nop(),
	})
	return h
}

// in runs a case in simulated time with an open TV, and takes all down.
func in(t *testing.T, o virtual.Options, f func(*house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, o)
		defer h.tv.Close()
		link, err := h.driver.Open(t.Context(), info(), &drivertest.Sink{})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		h.Link = link
		f(h)
	})
}

func info() mi.Info { return mi.Info{DID: tvDID, Addr: tvAddr, MAC: tvMAC} }

func shows(volume int, app string) map[mi.Key]mi.Value {
	names := map[string]string{"com.mitv.tvhome": "Home", "org.xbmc.kodi": "Kodi"}
	return map[mi.Key]mi.Value{
		"television/on": mi.Bool(true), "speaker/volume": mi.Int(int64(volume)),
		"speaker/mute": mi.Bool(volume == 0), "app-launcher/app": mi.Text(app), "app-launcher/current-app": mi.Text(names[app]),
	}
}

func isOff() map[mi.Key]mi.Value {
	return map[mi.Key]mi.Value{"television/on": mi.Bool(false)}
}

func after(d time.Duration) { <-time.After(d) }

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		h := newHouse(t, virtual.Options{})
		return &drivertest.Home{
			Driver: h.driver, Device: info(), Found: true,
			Reads: []mi.Change{{Prop: 0, Value: mi.Bool(true)}, {Prop: 2, Value: mi.Int(20)}, {Prop: 3, Value: mi.Bool(false)}, {Prop: 4, Value: mi.Text("com.mitv.tvhome")}},
			Write: &mi.Change{Prop: 2, Value: mi.Int(33)},
			Call:  &mi.Call{Action: 7},
			Mute:  func() { h.tv.Hurt(virtual.Trouble{Hangs: true}) },
			Close: func() { _ = h.tv.Close() },
		}
	}, synctest.Test)
}

func TestAnEveningInFrontOfTheTV(t *testing.T) {
	in(t, virtual.Options{}, func(h *house) {
		h.Want(shows(20, "com.mitv.tvhome"))
		h.Set("television/input-control", mi.Text("hdmi2"))
		h.Set("app-launcher/app", mi.Text("org.xbmc.kodi"))
		h.Set("speaker/volume", mi.Int(41))
		h.Want(shows(41, "org.xbmc.kodi"))
		h.Set("speaker/mute", mi.Bool(true))
		h.Want(shows(0, "org.xbmc.kodi"))
		h.Set("speaker/mute", mi.Bool(false))
		if err := h.Run("play-url", mi.Text("http://192.168.7.2/film.mp4")); err != nil {
			h.Error(err)
		}
		for _, key := range []string{"home", "volume-down"} {
			if err := h.Run(key); err != nil {
				h.Errorf("%s: %v", key, err)
			}
		}
		after(2 * time.Minute) // the app in front is asked for rarely
		h.Want(shows(40, "com.mitv.tvhome"))
		s := h.tv.State()
		if s.Source != "hdmi2" || s.Played != "http://192.168.7.2/film.mp4" || !slices.Equal(s.Keys, []string{"home", "volumedown"}) {
			h.Errorf("the TV does %+v", s)
		}
	})
}

// TestOffIsAState goes through off and on again: no read fails, and the TV never
// shows what it is not about to do.
func TestOffIsAState(t *testing.T) {
	in(t, virtual.Options{Lazy: 20 * time.Second}, func(h *house) {
		h.Spec()
		h.Set("television/on", mi.Bool(true)) // it is
		h.Set("television/on", mi.Bool(false))
		h.Set("television/on", mi.Bool(false)) // the key must not be pressed again
		h.Want(isOff())                        // though it still answers
		after(time.Minute)
		h.Want(isOff())
		if h.tv.On() || !slices.Equal(h.tv.State().Keys, []string{"power"}) {
			h.Errorf("the TV is on: %v, after %v", h.tv.On(), h.tv.State().Keys)
		}
		h.Set("television/on", mi.Bool(true))
		if got, err := h.Read(); err != nil || got["television/on"] != mi.Bool(true) {
			h.Errorf("woken: %v, %v", got, err)
		}
		after(10 * time.Second)
		h.Want(shows(20, "com.mitv.tvhome"))
		if err := h.tv.Switch(false); err != nil {
			h.Fatal(err)
		}
		h.Want(isOff())
	})
}

func TestWakingThatFailsIsNotClaimedForLong(t *testing.T) {
	in(t, virtual.Options{WakePort: 4000}, func(h *house) { // it hears no magic packet
		h.Spec()
		if err := h.tv.Switch(false); err != nil {
			h.Fatal(err)
		}
		h.Set("television/on", mi.Bool(true))
		err := h.Link.(mi.Setter).Set(h.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(false)}})
		if !errors.Is(err, mi.ErrBusy) {
			h.Errorf("off while it wakes = %v", err)
		}
		after(2 * time.Minute)
		h.Want(isOff())
	})
}

func TestATVThatIsOffIsRemembered(t *testing.T) {
	in(t, virtual.Options{}, func(h *house) {
		was := h.Spec()
		if err := h.tv.Switch(false); err != nil {
			h.Fatal(err)
		}
		_ = h.Link.Close()
		h.Link, _ = h.driver.Open(h.Context(), info(), &drivertest.Sink{})
		defer h.Link.Close()
		is := h.Spec()
		if len(is.Props[4].List) != 5 || !slices.Equal(is.Props[4].List, was.Props[4].List) || is.Model != was.Model || is.Props[2].Range.Max != 60 {
			h.Errorf("remembered %+v of %+v", is.Props, was.Props)
		}
		h.Want(isOff())
		if err := h.Run("toggle-power"); err != nil {
			h.Error(err)
		}
		after(time.Second)
		h.Want(shows(20, "com.mitv.tvhome"))
	})
}

func TestATVThatNobodyEverMetHasNoSpecYet(t *testing.T) {
	in(t, virtual.Options{Off: true}, func(h *house) {
		if _, err := h.Link.Spec(h.Context()); !errors.Is(err, mi.ErrOffline) {
			h.Errorf("Spec = %v", err)
		}
	})
}

func TestKeysHelpWhereSignaturesFail(t *testing.T) {
	for name, trouble := range map[string]virtual.Trouble{
		"other signatures":          {Unsigned: true},
		"and the older volume call": {Unsigned: true, OldOnly: true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, virtual.Options{}, func(h *house) {
				h.tv.Hurt(trouble)
				h.Set("speaker/volume", mi.Int(23))
				h.Set("speaker/volume", mi.Int(21))
				want := []string{"volumeup", "volumeup", "volumeup", "volumedown", "volumedown"}
				if s := h.tv.State(); s.Volume != 21 || !slices.Equal(s.Keys, want) {
					h.Errorf("volume %d after %v", s.Volume, s.Keys)
				}
				got, err := h.Read()
				if err != nil || got["speaker/volume"] != mi.Int(21) {
					h.Errorf("read %v, %v", got, err)
				}
				if _, told := got["app-launcher/app"]; told && got["app-launcher/app"].Known() {
					h.Errorf("an app without a picture: %v", got)
				}
			})
		})
	}
}

// TestAHangingTVHoldsNobodyUp counts time and calls.
func TestAHangingTVHoldsNobodyUp(t *testing.T) {
	in(t, virtual.Options{}, func(h *house) {
		h.Spec()
		h.tv.Hurt(virtual.Trouble{Hangs: true})
		start, calls := time.Now(), h.tv.State().Calls
		for range 3 {
			if _, err := h.Read(); !errors.Is(err, mi.ErrTimeout) {
				h.Errorf("read = %v", err)
			}
		}
		if took := time.Since(start); took > 10*time.Second {
			h.Errorf("three reads took %v", took)
		}
		if n := h.tv.State().Calls - calls; n != 3 {
			h.Errorf("three reads made %d calls", n)
		}
		h.tv.Hurt(virtual.Trouble{})
		h.Want(shows(20, "com.mitv.tvhome"))
	})
}

func TestSilentAndOddTVs(t *testing.T) {
	in(t, virtual.Options{}, func(h *house) {
		h.Spec()
		h.tv.Hurt(virtual.Trouble{Drops: true}) // the screen is off
		h.Want(isOff())
		h.tv.Hurt(virtual.Trouble{Garbage: true})
		got, err := h.Read()
		if err != nil || got["television/on"] != mi.Bool(true) || got["speaker/volume"].Known() {
			h.Errorf("a TV that talks nonsense shows %v, %v", got, err)
		}
		err = h.Run("up")
		if !errors.Is(err, mi.ErrProtocol) {
			h.Errorf("a key at a TV that talks nonsense = %v", err)
		}
		h.tv.Hurt(virtual.Trouble{})
		h.net.Hurt(netip.MustParseAddr("192.168.7.20"), chaos.Fault{Kind: chaos.Cut, To: time.Hour * 24})
		start := time.Now()
		h.Want(isOff())
		if took := time.Since(start); took > 3*time.Second {
			h.Errorf("a TV that is unplugged takes %v", took)
		}
	})
}

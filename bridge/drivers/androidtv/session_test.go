package androidtv_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

const (
	tvAddr = "192.168.7.30:6466"
	tvMAC  = "02:41:54:56:00:01"
	tvDID  = "atv.024154560001"
	tvHome = "com.google.android.apps.tv.launcherx"
)

// tvKey is the key of every virtual TV: making one takes a moment.
var tvKey = sync.OnceValue(func() *tls.Certificate {
	key, err := virtual.Key("Bedroom TV", tvMAC)
	if err != nil {
		panic(err)
	}
	return key
})

// memory remembers JSON.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
}

func newMemory(t *testing.T) *memory {
	m := &memory{files: map[string][]byte{}}
	m.Save(androidtv.KeyName, androidtv.SomeKey())
	return m
}

func (m *memory) Load(name string, v any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files[name] != nil && json.Unmarshal(m.files[name], v) == nil
}

func (m *memory) Save(name string, v any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name], _ = json.Marshal(v)
}

// recorder remembers what was reported.
type recorder struct {
	drivertest.Sink
	mu  sync.Mutex
	all []mi.Change
}

func (r *recorder) Changed(c []mi.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, c...)
}

func (r *recorder) reported(c mi.Change) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.all, c)
}

// house is a driver and a TV in one network in memory.
type house struct {
	drivertest.Talk
	net    *world.Net
	tv     *virtual.TV
	driver *androidtv.Driver
	memory *memory
	log    bytes.Buffer
	sink   *recorder
}

func newHouse(t *testing.T, mac string) *house {
	t.Helper()
	n := world.NewNet(5)
	segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
	bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
	device, err := virtual.New(mi.World{Net: segment, Now: time.Now, Seed: 5}, virtual.Options{Addr: tvAddr, MAC: tvMAC, Key: tvKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	h := &house{Talk: drivertest.Talk{T: t}, net: n, tv: device, memory: newMemory(t), sink: &recorder{}}
	h.driver = androidtv.New(mi.World{Net: bridge, Now: time.Now, Seed: 6}, androidtv.Options{
		TVs: []androidtv.Config{{Addr: "192.168.7.30", MAC: mac, Name: "Den"}}, Memory: h.memory, Log: zerolog.New(zerolog.SyncWriter(&h.log)),
	})
	return h
}

// in runs a case in simulated time with a TV, paired if so, and takes all down.
func in(t *testing.T, paired bool, f func(*house)) {
	t.Helper()
	tvKey() // outside of simulated time
	androidtv.SomeKey()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "")
		defer h.tv.Close()
		h.open()
		defer func() { _ = h.Link.Close() }()
		if paired {
			h.befriend()
		}
		f(h)
	})
}

func (h *house) open() {
	h.Helper()
	link, err := h.driver.Open(h.Context(), info(), h.sink)
	if err != nil {
		h.Fatal(err)
	}
	h.Link = link
}

func info() mi.Info { return mi.Info{DID: tvDID, Addr: tvAddr} }

// befriend pairs as people do.
func (h *house) befriend() {
	h.Helper()
	if err := h.Run("pair"); err != nil {
		h.Fatalf("pair: %v", err)
	}
	h.Shows("pairing/status", mi.Int(1))
	if err := h.Run("enter-code", mi.Text(h.tv.Code())); err != nil {
		h.Fatalf("code: %v", err)
	}
}

func isOn(percent int64, muted bool, app, front string) map[mi.Key]mi.Value {
	return map[mi.Key]mi.Value{
		"television/on": mi.Bool(true), "speaker/volume": mi.Int(percent), "speaker/mute": mi.Bool(muted),
		"app-launcher/app": mi.Text(app), "app-launcher/current-app": mi.Text(front), "pairing/status": mi.Int(2),
	}
}

func isOff() map[mi.Key]mi.Value {
	return map[mi.Key]mi.Value{"television/on": mi.Bool(false), "pairing/status": mi.Int(2)}
}

func after(d time.Duration) { <-time.After(d) }

func TestDriver(t *testing.T) {
	tvKey()
	androidtv.SomeKey()
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		h := newHouse(t, "")
		h.open()
		h.befriend()
		_ = h.Link.Close()
		return &drivertest.Home{
			Driver: h.driver, Device: info(), Found: true,
			Reads: []mi.Change{{Prop: 0, Value: mi.Bool(true)}, {Prop: 2, Value: mi.Int(20)}, {Prop: 3, Value: mi.Bool(false)}, {Prop: 4, Value: mi.Text(tvHome)}, {Prop: 6, Value: mi.Int(2)}},
			Write: &mi.Change{Prop: 2, Value: mi.Int(34)},
			Call:  &mi.Call{Action: 9},
			Push:  func() { h.tv.Press(164) },
			Mute:  func() { h.tv.Hurt(virtual.Trouble{Hangs: true}); after(20 * time.Second) },
			Close: func() { _ = h.tv.Close() },
		}
	}, synctest.Test)
}

func TestAnEveningInFrontOfTheTV(t *testing.T) {
	in(t, true, func(h *house) {
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		h.Set("speaker/volume", mi.Int(64))
		h.Set("speaker/mute", mi.Bool(true))
		h.Set("speaker/mute", mi.Bool(true)) // it is
		h.Set("app-launcher/app", mi.Text("com.netflix.ninja"))
		h.Set("television/input-control", mi.Text("hdmi2"))
		synctest.Wait()
		h.Want(isOn(64, true, "com.netflix.ninja", "Netflix"))
		h.Set("speaker/volume", mi.Int(60))
		if err := h.Run("play-url", mi.Text("https://www.youtube.com/watch?v=x")); err != nil {
			h.Error(err)
		}
		if err := h.Run("back"); err != nil {
			h.Error(err)
		}
		synctest.Wait()
		h.Want(isOn(60, true, "com.google.android.youtube.tv", "YouTube"))
		s := h.tv.State()
		keys := slices.Concat(slices.Repeat([]int{24}, 22), []int{164, 244, 25, 25, 4})
		if !slices.Equal(s.Keys, keys) || !slices.Equal(s.Links, []string{"market://launch?id=com.netflix.ninja", "https://www.youtube.com/watch?v=x"}) {
			h.Errorf("the TV got %v and %v", s.Keys, s.Links)
		}
	})
}

// TestOffIsAState goes through off and on again: no read fails, the key is never
// pressed twice, and the TV never shows what it is not about to do.
func TestOffIsAState(t *testing.T) {
	in(t, true, func(h *house) {
		h.tv.Hurt(virtual.Trouble{Lazy: true})
		h.Set("television/on", mi.Bool(true)) // it is
		h.Set("television/on", mi.Bool(false))
		h.Set("television/on", mi.Bool(false))
		h.Want(isOff()) // before the TV says so
		after(10 * time.Second)
		h.Want(isOff())
		if s := h.tv.State(); s.On || !slices.Equal(s.Keys, []int{26}) {
			h.Errorf("the TV is %+v", s)
		}
		h.Set("television/on", mi.Bool(true))
		h.Shows("television/on", mi.Bool(true))
		after(10 * time.Second)
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		h.tv.Sleep()
		after(10 * time.Second)
		h.Want(isOff())
		h.Set("television/on", mi.Bool(false)) // it is
		if err := h.Try("television/on", mi.Bool(true)); !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "MAC address") {
			h.Errorf("on without a MAC address = %v", err)
		}
		if err := h.Run("home"); !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "switch it on first") {
			h.Errorf("a key of a TV that is off = %v", err)
		}
		if err := h.tv.Wake(); err != nil {
			h.Fatal(err)
		}
		after(time.Second) // who was asked just now is not asked again
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
	})
}

// TestABrokenConnectionIsNotOff breaks the connection: nothing is reported, as the
// TV is back at once.
func TestABrokenConnectionIsNotOff(t *testing.T) {
	in(t, true, func(h *house) {
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		_ = h.Link.Close()
		h.sink = &recorder{}
		h.open()
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		talks := h.tv.State().Talks
		h.net.Break(netip.MustParseAddr("192.168.7.30"))
		synctest.Wait()
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		if h.tv.State().Talks != talks+1 || h.sink.reported(mi.Change{Prop: 0, Value: mi.Bool(false)}) {
			h.Errorf("%d connections after %d; reported %v", h.tv.State().Talks, talks, h.sink.all)
		}
	})
}

func TestWakesByMagicPacket(t *testing.T) {
	tvKey()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "3c:bd:3e:00:00:09")
		defer h.tv.Close()
		segment := h.net.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
		ear, err := segment.ListenUDP(t.Context(), "192.168.7.30:9")
		if err != nil {
			t.Fatal(err)
		}
		defer ear.Close()
		i := info()
		i.MAC = "3c:bd:3e:00:00:09"
		h.Link, err = h.driver.Open(t.Context(), i, h.sink)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Link.Close()
		h.befriend()
		h.tv.Sleep()
		after(time.Minute)
		h.Set("television/on", mi.Bool(true))
		in := []mi.Packet{{Data: make([]byte, 0, 2000)}}
		if n, err := ear.ReadBatch(in); err != nil || n != 1 || len(in[0].Data) != 102 || in[0].Data[11] != 9 {
			t.Errorf("%d packets, %v: % x", n, err, in[0].Data)
		}
		h.Shows("television/on", mi.Bool(true))
		after(2 * time.Minute)
		h.Want(isOff())
	})
}

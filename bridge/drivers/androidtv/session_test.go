package androidtv_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"maps"
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
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual"
)

const (
	tvAddr = "192.168.7.30:6466"
	tvMAC  = "02:41:54:56:00:01"
	tvDID  = "atv.024154560001"
	tvHome = "com.google.android.apps.tv.launcherx"
)

// tvKey is the key of every virtual TV: making one takes a moment.
var tvKey = sync.OnceValue(func() *tls.Certificate {
	key, err := virtual.AndroidTVKey("Bedroom TV", tvMAC)
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
	*testing.T
	net    *virtual.Net
	tv     *virtual.AndroidTV
	driver *androidtv.Driver
	memory *memory
	log    bytes.Buffer
	sink   *recorder
	link   mi.Link
}

func newHouse(t *testing.T, mac string) *house {
	t.Helper()
	n := virtual.NewNet(5)
	segment := n.Segment(virtual.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
	bridge := n.Machine(virtual.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
	device, err := virtual.NewAndroidTV(mi.World{Net: segment, Now: time.Now, Seed: 5}, virtual.AndroidTVOptions{Addr: tvAddr, MAC: tvMAC, Key: tvKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	h := &house{T: t, net: n, tv: device, memory: newMemory(t), sink: &recorder{}}
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
		defer func() { _ = h.link.Close() }()
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
	h.link = link
}

func info() mi.Info { return mi.Info{DID: tvDID, Addr: tvAddr} }

// befriend pairs as people do.
func (h *house) befriend() {
	h.Helper()
	if err := h.call("pair"); err != nil {
		h.Fatalf("pair: %v", err)
	}
	h.shows("pairing/status", mi.Int(1))
	if err := h.call("enter-code", mi.Text(h.tv.Code())); err != nil {
		h.Fatalf("code: %v", err)
	}
}

func (h *house) spec() *mi.Spec {
	h.Helper()
	spec, err := h.link.Spec(h.Context())
	if err != nil {
		h.Fatalf("Spec = %v", err)
	}
	return spec
}

func (h *house) prop(key mi.Key) int {
	h.Helper()
	i := slices.IndexFunc(h.spec().Props, func(p mi.Property) bool { return p.Key == key })
	if i < 0 {
		h.Fatalf("no property %s", key)
	}
	return i
}

// read returns every readable property that is known, by its key.
func (h *house) read() (map[mi.Key]mi.Value, error) {
	h.Helper()
	spec := h.spec()
	var props []int
	for i := range spec.Props {
		if spec.Props[i].Access&mi.Read != 0 {
			props = append(props, i)
		}
	}
	got, err := h.link.(mi.Getter).Get(h.Context(), props, nil)
	out := map[mi.Key]mi.Value{}
	for _, c := range got {
		if c.Value.Known() {
			out[spec.Props[c.Prop].Key] = c.Value
		}
	}
	return out, err
}

func (h *house) want(want map[mi.Key]mi.Value) {
	h.Helper()
	got, err := h.read()
	if err != nil || !maps.Equal(got, want) {
		h.Errorf("the TV shows %v, %v, want %v", got, err, want)
	}
}

func (h *house) shows(key mi.Key, want mi.Value) {
	h.Helper()
	got, err := h.read()
	if err != nil || got[key] != want {
		h.Errorf("%s = %v, %v, want %v", key, got[key], err, want)
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

func (h *house) try(key mi.Key, v mi.Value) error {
	h.Helper()
	return h.link.(mi.Setter).Set(h.Context(), []mi.Change{{Prop: h.prop(key), Value: v}})
}

func (h *house) set(key mi.Key, v mi.Value) {
	h.Helper()
	if err := h.try(key, v); err != nil {
		h.Errorf("set %s to %s = %v", key, v, err)
	}
}

func (h *house) call(name string, args ...mi.Value) error {
	h.Helper()
	i := slices.IndexFunc(h.spec().Actions, func(a mi.Action) bool { return a.Name == name })
	_, err := h.link.(mi.Caller).Call(h.Context(), i, args)
	return err
}

func after(d time.Duration) { <-time.After(d) }

func TestDriver(t *testing.T) {
	tvKey()
	androidtv.SomeKey()
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		h := newHouse(t, "")
		h.open()
		h.befriend()
		_ = h.link.Close()
		return &drivertest.Home{
			Driver: h.driver, Device: info(), Found: true,
			Reads: []mi.Change{{Prop: 0, Value: mi.Bool(true)}, {Prop: 2, Value: mi.Int(20)}, {Prop: 3, Value: mi.Bool(false)}, {Prop: 4, Value: mi.Text(tvHome)}, {Prop: 6, Value: mi.Int(2)}},
			Write: &mi.Change{Prop: 2, Value: mi.Int(34)},
			Call:  &mi.Call{Action: 9},
			Push:  func() { h.tv.Press(164) },
			Mute:  func() { h.tv.Hurt(virtual.AndroidTVTrouble{Hangs: true}); after(20 * time.Second) },
			Close: func() { _ = h.tv.Close() },
		}
	}, synctest.Test)
}

func TestAnEveningInFrontOfTheTV(t *testing.T) {
	in(t, true, func(h *house) {
		h.want(isOn(20, false, tvHome, "Home (Google TV)"))
		h.set("speaker/volume", mi.Int(64))
		h.set("speaker/mute", mi.Bool(true))
		h.set("speaker/mute", mi.Bool(true)) // it is
		h.set("app-launcher/app", mi.Text("com.netflix.ninja"))
		h.set("television/input-control", mi.Text("hdmi2"))
		synctest.Wait()
		h.want(isOn(64, true, "com.netflix.ninja", "Netflix"))
		h.set("speaker/volume", mi.Int(60))
		if err := h.call("play-url", mi.Text("https://www.youtube.com/watch?v=x")); err != nil {
			h.Error(err)
		}
		if err := h.call("back"); err != nil {
			h.Error(err)
		}
		synctest.Wait()
		h.want(isOn(60, true, "com.google.android.youtube.tv", "YouTube"))
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
		h.tv.Hurt(virtual.AndroidTVTrouble{Lazy: true})
		h.set("television/on", mi.Bool(true)) // it is
		h.set("television/on", mi.Bool(false))
		h.set("television/on", mi.Bool(false))
		h.want(isOff()) // before the TV says so
		after(10 * time.Second)
		h.want(isOff())
		if s := h.tv.State(); s.On || !slices.Equal(s.Keys, []int{26}) {
			h.Errorf("the TV is %+v", s)
		}
		h.set("television/on", mi.Bool(true))
		h.shows("television/on", mi.Bool(true))
		after(10 * time.Second)
		h.want(isOn(20, false, tvHome, "Home (Google TV)"))
		h.tv.Sleep()
		after(10 * time.Second)
		h.want(isOff())
		h.set("television/on", mi.Bool(false)) // it is
		if err := h.try("television/on", mi.Bool(true)); !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "MAC address") {
			h.Errorf("on without a MAC address = %v", err)
		}
		if err := h.call("home"); !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "switch it on first") {
			h.Errorf("a key of a TV that is off = %v", err)
		}
		if err := h.tv.Wake(); err != nil {
			h.Fatal(err)
		}
		after(time.Second) // who was asked just now is not asked again
		h.want(isOn(20, false, tvHome, "Home (Google TV)"))
	})
}

// TestABrokenConnectionIsNotOff breaks the connection: nothing is reported, as the
// TV is back at once.
func TestABrokenConnectionIsNotOff(t *testing.T) {
	in(t, true, func(h *house) {
		h.want(isOn(20, false, tvHome, "Home (Google TV)"))
		_ = h.link.Close()
		h.sink = &recorder{}
		h.open()
		h.want(isOn(20, false, tvHome, "Home (Google TV)"))
		talks := h.tv.State().Talks
		h.net.Break(netip.MustParseAddr("192.168.7.30"))
		synctest.Wait()
		h.want(isOn(20, false, tvHome, "Home (Google TV)"))
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
		segment := h.net.Segment(virtual.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
		ear, err := segment.ListenUDP(t.Context(), "192.168.7.30:9")
		if err != nil {
			t.Fatal(err)
		}
		defer ear.Close()
		i := info()
		i.MAC = "3c:bd:3e:00:00:09"
		h.link, err = h.driver.Open(t.Context(), i, h.sink)
		if err != nil {
			t.Fatal(err)
		}
		defer h.link.Close()
		h.befriend()
		h.tv.Sleep()
		after(time.Minute)
		h.set("television/on", mi.Bool(true))
		in := []mi.Packet{{Data: make([]byte, 0, 2000)}}
		if n, err := ear.ReadBatch(in); err != nil || n != 1 || len(in[0].Data) != 102 || in[0].Data[11] != 9 {
			t.Errorf("%d packets, %v: % x", n, err, in[0].Data)
		}
		h.shows("television/on", mi.Bool(true))
		after(2 * time.Minute)
		h.want(isOff())
	})
}

package yeelight_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/yeelight"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/yeelight"
)

// inHouse runs a test in simulated time.
func inHouse(t *testing.T, f func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		f(t, h)
		h.end()
	})
}

// methods returns what the lamp was told, from the n-th order on.
func methods(l *virtual.Lamp, n int) (out []string) {
	for _, text := range l.Orders()[n:] {
		_, rest, _ := strings.Cut(text, `"method":`)
		out = append(out, strings.TrimSuffix(rest, "}"))
	}
	return out
}

func TestLampThatIsOffComesOnInItsNewColour(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		link, spec := h.open(t, 0, newSink())
		defer link.Close()
		err := link.(mi.Setter).Set(t.Context(), []mi.Change{
			{Prop: prop(t, spec, "light/on"), Value: mi.Bool(true)},
			{Prop: prop(t, spec, "light/brightness"), Value: mi.Int(30)},
			{Prop: prop(t, spec, "light/color"), Value: mi.Int(0x0000ff)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := methods(h.strip, 0), []string{`"set_scene","params":["color",255,30]`}; !slices.Equal(got, want) {
			t.Errorf("the lamp was told %v, want %v", got, want)
		}
		if h.strip.Prop("power") != "on" || h.strip.Prop("rgb") != "255" || h.strip.Prop("bright") != "30" {
			t.Errorf("the lamp is %s, %s, %s", h.strip.Prop("power"), h.strip.Prop("rgb"), h.strip.Prop("bright"))
		}
	})
}

func TestALampThatIsOffRisesSlowlyInItsOwnColour(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		link, spec := h.open(t, 0, newSink())
		defer link.Close()
		err := link.(mi.Mannered).SetSo(t.Context(), []mi.Change{
			{Prop: prop(t, spec, "light/on"), Value: mi.Bool(true)},
			{Prop: prop(t, spec, "light/brightness"), Value: mi.Int(30)},
			{Prop: prop(t, spec, "light/color"), Value: mi.Int(0x00ff00)},
		}, mi.Manner{Fades: true, Fade: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if h.strip.Prop("power") != "on" || h.strip.Prop("flowing") != "1" {
			t.Errorf("the lamp is %s, flowing %s", h.strip.Prop("power"), h.strip.Prop("flowing"))
		}
		time.Sleep(4 * time.Second)
		if h.strip.Prop("rgb") != "65280" || h.strip.Prop("bright") != "30" || h.strip.Prop("flowing") != "0" {
			t.Errorf("afterwards the lamp is %s, %s %%", h.strip.Prop("rgb"), h.strip.Prop("bright"))
		}
	})
}

func TestEffectsAreToldAndHeard(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		heard := newSink()
		link, spec := h.open(t, 0, heard)
		defer link.Close()
		mode := prop(t, spec, "light/mode")
		pick := func(label string) {
			t.Helper()
			i := slices.IndexFunc(spec.Props[mode].List, func(c mi.Choice) bool { return c.Label == label })
			if err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: mode, Value: spec.Props[mode].List[i].Value}}); err != nil {
				t.Fatalf("%s: %v", label, err)
			}
		}
		wait := func(want string) {
			t.Helper()
			for {
				select {
				case c := <-heard.changes:
					i := slices.IndexFunc(spec.Props[mode].List, func(o mi.Choice) bool { return o.Value == c.Value })
					if c.Prop == mode && spec.Props[mode].List[i].Label == want {
						return
					}
				case <-time.After(time.Minute):
					t.Fatalf("mode %s was not reported", want)
				}
			}
		}
		for _, c := range spec.Props[mode].List[3:] {
			if c.Label == "Stop" {
				continue
			}
			pick(c.Label)
			wait(c.Label)
		}
		pick("Stop")
		wait("Stop")
		wait("Day")
		if h.strip.Prop("flowing") != "0" {
			t.Error("the lamp still flows")
		}
		pick("WhatsApp") // ends by itself
		wait("WhatsApp")
		wait("Day")
		pick("Stop") // of nothing
		wait("Stop")
		wait("Day")
	})
}

func TestBackgroundIsALightOfItsOwn(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		link, spec := h.open(t, 1, newSink())
		defer link.Close()
		set := func(key mi.Key, v mi.Value) {
			t.Helper()
			if err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: prop(t, spec, key), Value: v}}); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
		set("ambient-light/color", mi.Int(0x123456))
		set("light/on", mi.Bool(false))
		on, back := prop(t, spec, "light/on"), prop(t, spec, "ambient-light/on")
		got, err := link.(mi.Getter).Get(t.Context(), []int{on, back}, nil)
		if want := []mi.Change{{Prop: on, Value: mi.Bool(false)}, {Prop: back, Value: mi.Bool(true)}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("Get = %v, %v, want %v", got, err, want)
		}
		set("light/night-light-mode", mi.Bool(true))
		if h.dining.Prop("active_mode") != "1" || h.dining.Prop("main_power") != "on" {
			t.Errorf("night light: mode %s, power %s", h.dining.Prop("active_mode"), h.dining.Prop("main_power"))
		}
	})
}

func TestConnectionComesBackAfterAPowerCut(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		heard := newSink()
		link, spec := h.open(t, 0, heard)
		defer link.Close()
		h.strip.Drop()
		h.strip.Press() // while nobody listens
		select {
		case c := <-heard.changes:
			if want := (mi.Change{Prop: prop(t, spec, "light/on"), Value: mi.Bool(true)}); c != want {
				t.Errorf("heard %v, want %v", c, want)
			}
		case <-time.After(time.Minute):
			t.Error("what happened while the connection was lost was never told")
		}
		if !link.(mi.Pusher).Pushing() {
			t.Error("the link does not say that the lamp reports by itself")
		}
	})
}

func TestRefusedConnectionSaysWhatToDo(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		info := h.info(0)
		info.Addr = "192.168.7.77:54321"
		link, err := h.driver.Open(t.Context(), info, newSink())
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		if _, err := link.Spec(t.Context()); !errors.Is(err, mi.ErrOffline) || !strings.Contains(err.Error(), "LAN control") {
			t.Errorf("Spec = %v, want ErrOffline and advice", err)
		}
	})
}

// memory keeps facts in memory.
type memory map[string][]byte

func (m memory) Save(name string, v any) { m[name], _ = json.Marshal(v) }
func (m memory) Load(name string, v any) bool {
	return m[name] != nil && json.Unmarshal(m[name], v) == nil
}

func TestLampWithoutPowerIsKnownFromBefore(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		facts := memory{}
		for _, reachable := range []bool{true, false} {
			d := yeelight.New(h.world, yeelight.Options{Memory: facts, Log: zerolog.Nop()})
			info := h.info(1)
			if !reachable {
				info.Model, info.Addr = "", ""
			}
			link, err := d.Open(t.Context(), info, newSink())
			if err != nil {
				t.Fatal(err)
			}
			spec, err := link.Spec(t.Context())
			if err != nil || len(spec.Services) != 2 {
				t.Errorf("reachable %v: Spec = %v, %v", reachable, spec, err)
			}
			if _, err := link.(mi.Getter).Get(t.Context(), []int{0}, nil); (err == nil) != reachable || !reachable && !errors.Is(err, mi.ErrOffline) {
				t.Errorf("reachable %v: Get = %v", reachable, err)
			}
			if err := link.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestQuietLampIsNeverAsked(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		link, _ := h.open(t, 0, newSink())
		defer link.Close()
		before := h.strip.Asked()
		time.Sleep(time.Hour)
		if n := h.strip.Asked() - before; n != 0 {
			t.Errorf("the lamp was asked %d times in an hour", n)
		}
	})
}

func TestAdvertsThatLieAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(5)
		stranger := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
		d := yeelight.New(mi.World{Net: n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")}), Now: time.Now}, yeelight.Options{Log: zerolog.Nop()})
		ctx, cancel := context.WithCancel(t.Context())
		var found atomic.Int64
		ended := make(chan error, 1)
		go func() { ended <- d.Find(ctx, func(mi.Info) { found.Add(1) }) }()
		conn, err := stranger.ListenUDP(ctx, "192.168.7.66:1982")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		advert := func(did int, host string) {
			text := fmt.Sprintf("NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\nLocation: yeelight://%s:55443\r\nid: 0x%x\r\nmodel: stripe\r\n", host, did)
			_ = conn.WriteBatch([]mi.Packet{{Data: []byte(text), Addr: netip.MustParseAddrPort("239.255.255.250:1982")}})
		}
		advert(1, "192.168.7.200") // the bridge itself
		advert(2, "10.0.0.1")
		time.Sleep(time.Second)
		if n := d.Refused()["spoofed"]; found.Load() != 0 || n != 2 {
			t.Errorf("%d lamps found, %d adverts refused, want 0 and 2", found.Load(), n)
		}
		for i := range 2000 {
			advert(100+i, "192.168.7.66")
		}
		time.Sleep(10 * time.Second)
		if found.Load() != 200 || d.Refused()["flood"] != 1800 {
			t.Errorf("%d made-up lamps found, %d refused, want 200 and 1800", found.Load(), d.Refused()["flood"])
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	})
}

// view is a View that wants to know everything.
type view struct{ opened chan *device.Device }

func (v view) Opened(d *device.Device, spec *mi.Spec) device.Plan {
	select {
	case v.opened <- d:
	default:
	}
	var p device.Plan
	for i := range spec.Props {
		if spec.Props[i].Access&mi.Read != 0 {
			p.Fast = append(p.Fast, i)
		}
	}
	return p
}
func (v view) Changed(*device.Device, []mi.Change) bool { return false }
func (v view) Happened(*device.Device, mi.Happening)    {}
func (v view) Removed(*device.Device)                   {}
func (v view) Status(*device.Device, device.Status)     {}

// TestSliderBurst moves a slider 200 times in ten seconds.
func TestSliderBurst(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		v := view{make(chan *device.Device, 8)}
		home := device.New(device.Options{
			World: h.world, View: v, Log: zerolog.Nop(), Known: h.lamps.Infos()[:1],
			Routes: []device.Route{{Name: "yeelight", Driver: h.driver}},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- home.Run(ctx) }()
		d := <-v.opened
		on, level := prop(t, d.Spec(), "light/on"), prop(t, d.Spec(), "light/brightness")
		failed := atomic.Int64{}
		for i := range 200 {
			value := int64(1 + i*97%100)
			if i == 199 {
				value = 42
			}
			d.Do(device.Request{
				Order: mi.Order{Set: []mi.Change{{Prop: on, Value: mi.Bool(true)}, {Prop: level, Value: mi.Int(value)}}},
				Merge: "light", Cause: "test",
				Done: func(_ []mi.Value, err error) {
					if err != nil && !errors.Is(err, device.ErrReplaced) {
						failed.Add(1)
					}
				},
			})
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(20 * time.Second)
		orders := len(h.strip.Orders())
		if got := h.strip.Prop("bright"); got != "42" || failed.Load() > 0 {
			t.Errorf("the lamp ended at %s with %d failed orders, want 42 and 0", got, failed.Load())
		}
		if h.strip.Refused() != 0 || orders > 60 || orders == 0 {
			t.Errorf("%d orders arrived, %d beyond the quota", orders, h.strip.Refused())
		}
		t.Logf("200 moves became %d orders", orders)
		cancel()
		<-ran
	})
}

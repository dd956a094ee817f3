package camera_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/camera"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/camera"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

const addr = "192.168.42.1:7878"

// house is a driver and a camera in one network in memory.
type house struct {
	*testing.T
	net    *world.Net
	camera *virtual.Camera
	driver *camera.Driver
	link   mi.Link
}

func newHouse(t *testing.T) *house {
	t.Helper()
	n := world.NewNet(5)
	segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.42.1/24")})
	bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.42.200/24")})
	c, err := virtual.New(mi.World{Net: segment, Now: time.Now}, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &house{T: t, net: n, camera: c, driver: camera.New(mi.World{Net: bridge, Now: time.Now}, camera.Options{
		Cameras: []camera.Config{{Addr: "192.168.42.1", Name: "Drone"}}, Log: zerolog.Nop(),
	})}
}

func info() mi.Info { return mi.Info{DID: camera.DID("192.168.42.1"), Addr: addr} }

// in runs a case in simulated time with an open camera, and takes all down.
func in(t *testing.T, f func(*house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.camera.Close()
		link, err := h.driver.Open(t.Context(), info(), &drivertest.Sink{})
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		h.link = link
		f(h)
	})
}

func (h *house) spec() *mi.Spec {
	spec, _ := h.link.Spec(h.Context())
	return spec
}

// read returns every known property by its name.
func (h *house) read() (map[string]mi.Value, error) {
	var props []int
	for i := range h.spec().Props {
		props = append(props, i)
	}
	got, err := h.link.(mi.Getter).Get(h.Context(), props, nil)
	out := map[string]mi.Value{}
	for _, c := range got {
		if c.Value.Known() {
			out[h.spec().Props[c.Prop].Name] = c.Value
		}
	}
	return out, err
}

func (h *house) want(want map[string]mi.Value) {
	h.Helper()
	if got, err := h.read(); err != nil || !maps.Equal(got, want) {
		h.Errorf("the camera shows %v, %v, want %v", got, err, want)
	}
}

func (h *house) set(name string, v mi.Value) error {
	i := slices.IndexFunc(h.spec().Props, func(p mi.Property) bool { return p.Name == name })
	return h.link.(mi.Setter).Set(h.Context(), []mi.Change{{Prop: i, Value: v}})
}

func shows() map[string]mi.Value {
	return map[string]mi.Value{
		"connected": mi.Bool(true), "record": mi.Bool(false), "mode": mi.Text("record"), "stream-address": mi.Text("rtsp://192.168.42.1/live"),
		"battery-level": mi.Int(86), "charging-state": mi.Int(2), "card-inserted": mi.Bool(true), "free-space": mi.Float(3.07), "total-space": mi.Float(7.96),
		"video-resolution": mi.Text("1920x1080 60P 16:9"), "video-quality": mi.Text("S.Fine"), "photo-size": mi.Text("16M (4608x3456 4:3)"),
	}
}

func isAway() map[string]mi.Value {
	return map[string]mi.Value{"connected": mi.Bool(false), "stream-address": mi.Text("rtsp://192.168.42.1/live")}
}

func after(d time.Duration) { <-time.After(d) }

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		h := newHouse(t)
		return &drivertest.Home{
			Driver: h.driver, Device: info(), Found: true,
			Reads: []mi.Change{{Prop: 0, Value: mi.Bool(true)}, {Prop: 1, Value: mi.Bool(false)}, {Prop: 2, Value: mi.Text("record")}, {Prop: 4, Value: mi.Int(86)}},
			Write: &mi.Change{Prop: 1, Value: mi.Bool(true)},
			Call:  &mi.Call{Action: 0},
			Push:  func() { h.camera.Drain(41) },
			Mute:  func() { h.camera.Hurt(virtual.Trouble{Hangs: true}) },
			Close: func() { _ = h.camera.Close() },
		}
	}, synctest.Test)
}

func TestAFlightWithACamera(t *testing.T) {
	in(t, func(h *house) {
		h.want(shows())
		want := shows()
		for _, c := range []struct {
			name string
			v    mi.Value
		}{{"mode", mi.Text("capture")}, {"mode", mi.Text("capture")}, {"video-quality", mi.Text("Fine")}, {"record", mi.Bool(true)}} {
			if err := h.set(c.name, c.v); err != nil {
				h.Errorf("set %s: %v", c.name, err)
			}
			want[c.name] = c.v
		}
		if _, err := h.link.(mi.Caller).Call(h.Context(), 0, nil); err != nil || h.camera.State().Photos != 1 {
			h.Errorf("photo: %v, %+v", err, h.camera.State())
		}
		h.want(want)
		got, err := h.link.(mi.Describer).Describe(h.Context())
		if err != nil || got.Firmware != "YDXJv22_1.4.6" || got.Hardware != "YDXJ_v22" {
			h.Errorf("Describe = %+v, %v", got, err)
		}
		if s := h.camera.State(); s.Sessions != 1 || s.Most != 1 {
			h.Errorf("%d sessions, once %d", s.Sessions, s.Most)
		}
	})
}

func TestWrongOrdersAreRefused(t *testing.T) {
	in(t, func(h *house) {
		for name, v := range map[string]mi.Value{
			"record": mi.Text("maybe"), "mode": mi.Text("fly"), "battery-level": mi.Int(100),
			"video-quality": mi.Text(strings.Repeat("x", 65)), "photo-size": mi.Text("a\nb"),
		} {
			if err := h.set(name, v); !errors.Is(err, mi.ErrInvalid) {
				h.Errorf("set %s = %v", name, err)
			}
		}
		if n := len(h.camera.State().Requests); n > 0 {
			h.Errorf("%d requests came to the camera all the same", n)
		}
	})
}

func TestTheSessionIsGivenBack(t *testing.T) {
	in(t, func(h *house) {
		h.want(shows())
		_ = h.link.Close()
		s := h.camera.State()
		if s.Sessions != 0 || s.Requests[len(s.Requests)-1] != 258 {
			h.Errorf("after Close the camera has %+v", s)
		}
		if _, err := h.read(); !errors.Is(err, mi.ErrOffline) {
			h.Errorf("read after Close = %v", err)
		}
	})
}

func TestAwayIsAState(t *testing.T) {
	in(t, func(h *house) {
		for range 2 {
			h.want(shows())
			if err := h.camera.Switch(false); err != nil {
				h.Fatal(err)
			}
			h.want(isAway())
			if err := h.set("record", mi.Bool(true)); !errors.Is(err, mi.ErrOffline) {
				h.Errorf("record = %v", err)
			}
			if err := h.camera.Switch(true); err != nil {
				h.Fatal(err)
			}
		}
		h.want(shows())
		h.net.Hurt(netip.MustParseAddr("192.168.42.1"), chaos.Fault{Kind: chaos.Cut, To: 24 * time.Hour})
		h.net.Break(netip.MustParseAddr("192.168.42.1"))
		start := time.Now()
		h.want(isAway())
		if took := time.Since(start); took > 3*time.Second {
			h.Errorf("a camera out of reach takes %v", took)
		}
	})
}

// TestAnotherClientHasTheCamera leaves the camera to the phone that took it.
func TestAnotherClientHasTheCamera(t *testing.T) {
	in(t, func(h *house) {
		h.want(shows())
		h.camera.Take()
		before := len(h.camera.State().Requests)
		for range 20 {
			if _, err := h.read(); !errors.Is(err, mi.ErrBusy) {
				h.Errorf("read = %v", err)
			}
			after(30 * time.Second)
		}
		if n := len(h.camera.State().Requests) - before; n > 3 {
			h.Errorf("%d requests in ten minutes to a camera that somebody else uses", n)
		}
		h.camera.Hurt(virtual.Trouble{})
		after(6 * time.Minute)
		h.want(shows())
	})
}

func TestNonsense(t *testing.T) {
	in(t, func(h *house) {
		h.want(shows())
		h.camera.Say([]byte("\r\n]]} noise \""))
		h.want(shows())
		h.camera.Hurt(virtual.Trouble{Garbage: true})
		if _, err := h.read(); !errors.Is(err, mi.ErrProtocol) {
			h.Errorf("read = %v", err)
		}
		h.camera.Hurt(virtual.Trouble{})
		h.want(shows())
	})
}

func TestRealSockets(t *testing.T) {
	w := mi.World{Net: host.Network(), Now: time.Now}
	c, err := virtual.New(w, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	link, err := camera.New(w, camera.Options{}).Open(t.Context(), mi.Info{DID: camera.DID(c.Addr()), Addr: c.Addr()}, &drivertest.Sink{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, camera: c, link: link}
	want := shows()
	want["stream-address"] = mi.Text("rtsp://127.0.0.1/live")
	h.want(want)
	_ = link.Close()
	if s := c.State(); s.Sessions != 0 {
		t.Errorf("%d sessions after Close", s.Sessions)
	}
}

// TestEntities pins what people see of a camera.
func TestEntities(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	in(t, func(h *house) {
		var got []string
		for _, e := range rules.Build(h.spec(), entity.Options{}).Entities {
			line := e.ID + " " + e.Component + " " + e.Name
			if e.Enabled {
				line += " shown"
			}
			got = append(got, line)
		}
		want := []string{
			"p2_1 binary_sensor Connected shown", "p2_2 switch Record shown", "p2_3 select Mode shown", "p2_4 sensor Stream address shown",
			"p3_1 sensor Battery shown", "p3_2 sensor Charging state",
			"p4_1 binary_sensor Card inserted shown", "p4_2 sensor Free space shown", "p4_3 sensor Total space shown",
			"p5_1 text Video resolution", "p5_2 text Video quality", "p5_3 text Photo size", "a2_1 button Take photo shown",
		}
		if !slices.Equal(got, want) {
			h.Errorf("entities:\n%s", strings.Join(got, "\n"))
		}
		if !strings.Contains(h.spec().Text, "experimental") {
			h.Errorf("the device is called %q", h.spec().Text)
		}
	})
}

// TestACameraComesAndGoes lets a home run for hours around a camera.
func TestACameraComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		view := &drivertest.View{Plan: device.Plan{Fast: []int{0, 1, 2, 4}, Slow: []int{7}}}
		home := device.New(device.Options{
			World: mi.World{Now: time.Now}, View: view, Log: zerolog.Nop(), Routes: []device.Route{{Name: "lan", Driver: h.driver}},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- home.Run(ctx) }()
		defer h.camera.Close()
		defer func() { cancel(); <-ended }()
		for _, on := range []bool{true, false, true} {
			if err := h.camera.Switch(on); err != nil {
				t.Fatal(err)
			}
			after(3 * time.Hour)
			d := home.Device(camera.DID(addr))
			if v := d.Values(nil)[0]; v != mi.Bool(on) || !d.Status().Online {
				t.Errorf("three hours after on=%v it shows %v, %+v", on, v, d.Status())
			}
		}
		h.camera.Take()
		after(time.Hour)
		h.camera.Hurt(virtual.Trouble{Hangs: true})
		after(time.Hour)
		h.camera.Hurt(virtual.Trouble{})
		after(10 * time.Minute)
		if s := h.camera.State(); s.Sessions != 1 {
			t.Errorf("%d sessions once all is well again", s.Sessions)
		}
		if n := view.Lost(""); n > 0 {
			t.Errorf("a camera that was merely away was unavailable %d times", n)
		}
		if s := h.camera.State(); s.Most != 1 {
			t.Errorf("%d sessions at once", s.Most)
		}
	})
}

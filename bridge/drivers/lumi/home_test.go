package lumi_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/lumi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// The children of the virtual gateway, by their place in its list.
const (
	motion = 1 + iota
	door
	button
	plug
	weather
	leak
)

// house is a network in memory with a gateway and a driver.
type house struct {
	t       *testing.T
	net     *world.Net
	yard    *world.Machine // where the gateway stands
	gateway *virtual.Gateway
	driver  *lumi.Driver
	infos   []mi.Info
	stop    func()
}

func newHouse(t *testing.T, change ...func(*lumi.Options)) *house {
	t.Helper()
	n := world.NewNet(5)
	yard := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.20/24")})
	desk := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.2/24")})
	g, err := virtual.New(mi.World{Net: yard, Now: time.Now, Seed: 5}, virtual.Options{Address: "192.168.7.20:9898", Still: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lived := make(chan error, 1)
	go func() { lived <- g.Run(ctx) }()
	o := lumi.Options{Keys: map[string]mi.Secret{g.SID(): g.Key()}, Log: zerolog.Nop()}
	for _, c := range change {
		c(&o)
	}
	return &house{
		t: t, net: n, yard: yard, gateway: g, infos: g.Infos(),
		driver: lumi.New(mi.World{Net: desk, Now: time.Now, Seed: 5}, o),
		stop:   func() { cancel(); <-lived },
	}
}

// find runs Find and hands back who was found so far; the end is the caller's.
func (h *house) find() (found func() []mi.Info, end func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	var mu sync.Mutex
	var infos []mi.Info
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.driver.Find(ctx, func(i mi.Info) {
			mu.Lock()
			defer mu.Unlock()
			infos = append(infos, i)
		}); err != nil {
			h.t.Errorf("Find = %v", err)
		}
	}()
	return func() []mi.Info {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(infos)
	}, func() { cancel(); <-done }
}

// ear remembers what a device says.
type ear struct {
	mu     sync.Mutex
	spec   *mi.Spec
	values map[mi.Key]mi.Value
	events []string
	seen   int
}

func (e *ear) Changed(c []mi.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range c {
		e.values[e.spec.Props[one.Prop].Key] = one.Value
	}
	e.seen++
}

func (e *ear) Happened(h mi.Happening) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, string(e.spec.Events[h.Event].Key))
}

func (e *ear) Seen() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen++
}

func (e *ear) value(key mi.Key) mi.Value {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.values[key]
}

func (e *ear) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.events)
}

// open opens a device of the house; what is known of it is said at once.
func (h *house) open(place int) (mi.Link, *ear) {
	h.t.Helper()
	probe, err := h.driver.Open(h.t.Context(), h.infos[place], &drivertest.Sink{})
	if err != nil {
		h.t.Fatal(err)
	}
	spec, err := probe.Spec(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	_ = probe.Close()
	e := &ear{spec: spec, values: map[mi.Key]mi.Value{}}
	link, err := h.driver.Open(h.t.Context(), h.infos[place], e)
	if err != nil {
		h.t.Fatal(err)
	}
	return link, e
}

// report lets a child report one field.
func (h *house) report(place int, field, value string) {
	sid := h.infos[place].DID[len("lumi."):]
	h.gateway.Report(sid, map[string]any{field: value})
	settle()
}

func (h *house) beat(place int) {
	h.gateway.Beat(h.infos[place].DID[len("lumi."):])
	settle()
}

// settle lets datagrams arrive.
func settle() {
	time.Sleep(50 * time.Millisecond)
	synctest.Wait()
}

func (h *house) want(e *ear, key mi.Key, want mi.Value) {
	h.t.Helper()
	if got := e.value(key); got != want {
		h.t.Errorf("%s = %s, want %s", key, got, want)
	}
}

func TestDriverKeepsTheContractOfDrivers(t *testing.T) {
	for place, name := range map[int]string{0: "gateway", button: "button", motion: "motion"} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, func(t *testing.T) *drivertest.Home { return conformance(newHouse(t), place) }, synctest.Test)
		})
	}
}

func conformance(h *house, place int) *drivertest.Home {
	sid := h.infos[place].DID[len("lumi."):]
	home := &drivertest.Home{
		Driver: h.driver, Device: h.infos[place], Found: true,
		Mute: func() { h.gateway.Mute(true) },
	}
	loud, err := h.yard.ListenUDP(h.t.Context(), "192.168.7.20:0")
	if err != nil {
		h.t.Fatal(err)
	}
	home.Noise = func(b []byte) {
		to := netip.MustParseAddrPort("224.0.0.50:9898")
		if err := loud.WriteBatch([]mi.Packet{{Data: b, Addr: to}}); err != nil {
			h.t.Error(err)
		}
	}
	home.Close = func() { _ = loud.Close(); h.stop() }
	switch place {
	case 0:
		home.Reads = []mi.Change{{Prop: 0, Value: mi.Bool(false)}, {Prop: 3, Value: mi.Int(203)}}
		home.Write = &mi.Change{Prop: 0, Value: mi.Bool(true)}
		home.Call = &mi.Call{Action: 1}
		home.Push = func() { h.gateway.Report(sid, map[string]any{"illumination": 700}) }
	case button:
		home.Event = func() { h.gateway.Report(sid, map[string]any{"status": "click"}) }
	case motion:
		home.Push = func() { h.gateway.Report(sid, map[string]any{"status": "motion"}) }
	}
	return home
}

func TestFindReportsTheGatewayAndItsChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		found, end := h.find()
		time.Sleep(10 * time.Second)
		defer end()
		for _, want := range h.infos {
			i := slices.IndexFunc(found(), func(i mi.Info) bool { return i.DID == want.DID })
			if i < 0 {
				t.Errorf("%s was not found", want.DID)
				continue
			}
			got := found()[i]
			got.MAC = ""
			if got != want {
				t.Errorf("found %+v, want %+v", got, want)
			}
		}
	})
}

func TestMotionEndsAfterTheClearTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		_, end := h.find()
		defer end()
		settle()
		link, e := h.open(motion)
		defer link.Close()
		h.want(e, "motion-sensor/motion-state", mi.Bool(false))
		h.want(e, "battery/battery-level", mi.Int(71))
		h.report(motion, "status", "motion")
		h.want(e, "motion-sensor/motion-state", mi.Bool(true))
		time.Sleep(60 * time.Second)
		h.report(motion, "status", "motion") // it lasts from here
		time.Sleep(89 * time.Second)
		h.beat(motion) // a heartbeat that repeats the status changes nothing
		h.want(e, "motion-sensor/motion-state", mi.Bool(true))
		time.Sleep(2 * time.Second)
		h.want(e, "motion-sensor/motion-state", mi.Bool(false))
		h.beat(motion)
		h.want(e, "motion-sensor/motion-state", mi.Bool(false))
		h.report(motion, "status", "motion")
		h.report(motion, "no_motion", "120")
		h.want(e, "motion-sensor/motion-state", mi.Bool(false))
	})
}

func TestOnePressIsOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		_, end := h.find()
		settle()
		link, e := h.open(button)
		h.report(button, "status", "click")
		h.report(button, "status", "click") // the same datagram, heard by a second interface
		if got := e.heard(); !slices.Equal(got, []string{"switch-sensor/click"}) {
			t.Errorf("events %v, want one click", got)
		}
		h.beat(button)
		time.Sleep(time.Second)
		h.report(button, "status", "double_click")
		if got := e.heard(); len(got) != 2 || got[1] != "switch-sensor/double-click" {
			t.Errorf("events %v", got)
		}
		_ = link.Close()
		end()

		again := lumi.New(mi.World{Net: h.net.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.3/24")}), Now: time.Now}, lumi.Options{Log: zerolog.Nop()})
		h.driver = again
		_, end = h.find()
		defer end()
		settle()
		link, e = h.open(button)
		defer link.Close()
		h.beat(button)
		time.Sleep(2 * time.Minute)
		if got := e.heard(); len(got) != 0 {
			t.Errorf("a restart made the events %v", got)
		}
		h.want(e, "battery/battery-level", mi.Int(66))
	})
}

func TestChildrenTellTheirStateAndClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		_, end := h.find()
		defer end()
		settle()
		for _, tc := range []struct {
			place int
			key   mi.Key
			want  mi.Value
			class string
		}{
			{motion, "motion-sensor/illumination", mi.Int(87), "zigbee-battery"},
			{door, "magnet-sensor/contact-state", mi.Bool(true), "zigbee-battery"},
			{plug, "switch/on", mi.Bool(false), "zigbee-mains"},
			{weather, "temperature-humidity-sensor/atmospheric-pressure", mi.Float(1013.25), "zigbee-battery"},
			{leak, "submersion-sensor/submersion-state", mi.Bool(false), "zigbee-battery"},
		} {
			link, e := h.open(tc.place)
			h.want(e, tc.key, tc.want)
			if class := link.(interface{ Class() string }).Class(); class != tc.class {
				t.Errorf("class of %s = %q, want %q", tc.key, class, tc.class)
			}
			if _, readable := link.(mi.Getter); readable {
				t.Errorf("%s can be read; its gateway answers for the dead", tc.key)
			}
			_ = link.Close()
		}
	})
}

func TestLateSessionLearnsTheNewestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		_, end := h.find()
		defer end()
		settle()
		h.report(door, "status", "open")
		h.report(door, "no_close", "60")
		link, e := h.open(door)
		h.want(e, "magnet-sensor/contact-state", mi.Bool(false))
		_ = link.Close()
		h.report(door, "status", "close")
		link, e = h.open(door)
		defer link.Close()
		h.want(e, "magnet-sensor/contact-state", mi.Bool(true))
	})
}

func TestWritesAreSignedWithTheNewestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.stop()
		link, e := h.open(plug) // known from an earlier run: nothing was found yet
		defer link.Close()
		on := []mi.Change{{Prop: 0, Value: mi.Bool(true)}}
		for range 3 {
			if err := link.(mi.Setter).Set(t.Context(), on); err != nil {
				t.Fatalf("Set = %v", err)
			}
			h.beat(0) // and a new token
		}
		h.want(e, "switch/on", mi.Bool(true))
		h.gateway.Mute(true)
		h.gateway.Beat(h.gateway.SID()) // the new token is not heard
		h.gateway.Mute(false)
		if err := link.(mi.Setter).Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(false)}}); err != nil {
			t.Errorf("Set with an old token = %v", err)
		}
		if got := h.gateway.Wrote(); len(got) != 4 || got[3] != h.infos[plug].DID[5:]+" status=off" {
			t.Errorf("the gateway took %v", got)
		}
	})
}

package yeelight_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/yeelight"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/yeelight"
)

// house is a network in memory with lamps that somebody else wrote.
type house struct {
	net           *world.Net
	driver        *yeelight.Driver
	world         mi.World // of the bridge
	lamps         *virtual.Lamps
	strip, dining *virtual.Lamp
	end           func()
}

func lampAddress(i int) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 7, byte(10 + i)}), yeelight.Port).String()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	n := world.NewNet(5)
	segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
	lamps, err := virtual.New(mi.World{Net: segment, Now: time.Now, Seed: 5}, virtual.Options{Address: lampAddress, Search: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lived := make(chan error, 1)
	go func() { lived <- lamps.Run(ctx) }()
	machine := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
	h := &house{
		net: n, lamps: lamps, strip: lamps.Lamps()[0], dining: lamps.Lamps()[1],
		world: mi.World{Net: machine, Now: time.Now, Seed: 6},
		end: func() {
			cancel()
			<-lived
			time.Sleep(time.Minute) // what is under way in the network ends
			synctest.Wait()
		},
	}
	h.driver = yeelight.New(h.world, yeelight.Options{Log: zerolog.Nop()})
	return h
}

func (h *house) info(i int) mi.Info { return h.lamps.Infos()[i] }

// open opens a lamp and learns what it has.
func (h *house) open(t *testing.T, i int, sink mi.Sink) (mi.Link, *mi.Spec) {
	t.Helper()
	link, err := h.driver.Open(t.Context(), h.info(i), sink)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := link.Spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return link, spec
}

func prop(t *testing.T, spec *mi.Spec, key mi.Key) int {
	t.Helper()
	i := slices.IndexFunc(spec.Props, func(p mi.Property) bool { return p.Key == key })
	if i < 0 {
		t.Fatalf("the spec has no %s", key)
	}
	return i
}

// conformance builds the home of the suite around one of the lamps.
func conformance(lamp int, reads []mi.Change, write mi.Change) func(t *testing.T) *drivertest.Home {
	return func(t *testing.T) *drivertest.Home {
		h := newHouse(t)
		l := h.lamps.Lamps()[lamp]
		return &drivertest.Home{
			Driver: h.driver, Device: h.info(lamp), Found: true,
			Reads: reads, Write: &write, Call: &mi.Call{Action: 0},
			Push:  l.Press,
			Noise: func(b []byte) { l.Say(append(b, "\r\n"...)) },
			Mute:  func() { l.Mute(true) },
			Close: h.end,
		}
	}
}

func TestDriverWithLightString(t *testing.T) {
	drivertest.Run(t, conformance(0, []mi.Change{
		{Prop: 0, Value: mi.Bool(false)}, {Prop: 1, Value: mi.Int(80)}, {Prop: 2, Value: mi.Int(4000)},
		{Prop: 3, Value: mi.Int(0xff0000)}, {Prop: 4, Value: mi.Int(2)}, {Prop: 5, Value: mi.Int(0)},
	}, mi.Change{Prop: 3, Value: mi.Int(0x00ff00)}), synctest.Test)
}

func TestDriverWithCeilingLamp(t *testing.T) {
	drivertest.Run(t, conformance(1, []mi.Change{
		{Prop: 0, Value: mi.Bool(true)}, {Prop: 1, Value: mi.Int(60)}, {Prop: 2, Value: mi.Int(3500)},
		{Prop: 3, Value: mi.Int(2)}, {Prop: 4, Value: mi.Bool(false)},
	}, mi.Change{Prop: 1, Value: mi.Int(33)}), synctest.Test)
}

// sink collects what a lamp says unasked.
type sink struct{ changes chan mi.Change }

func (s sink) Seen()                 {}
func (s sink) Happened(mi.Happening) {}
func (s sink) Changed(c []mi.Change) {
	for _, one := range c {
		s.changes <- one
	}
}

func newSink() sink { return sink{make(chan mi.Change, 1000)} }

package router_test

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/router"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

const (
	password = mi.Secret("correct horse battery")
	address  = "192.168.31.1:80"
	ownDID   = "miwifi.5acb52000001"
)

// house is a virtual router in memory and a driver that knows its password.
type house struct {
	router *virtual.Router
	driver *router.Driver
	world  mi.World
	end    func()
}

// build furnishes a house; change may alter both sides before anything starts.
func build(t testing.TB, change func(*virtual.Options, *router.Options)) *house {
	t.Helper()
	net := world.NewNet(1)
	machine := func(addr string) *world.Machine {
		return net.Machine(world.Topology{Prefix: netip.MustParsePrefix(addr + "/16")})
	}
	theirs := virtual.Options{Address: address, Password: password, Still: true, Nodes: 2, Modern: true}
	ours := router.Options{
		Routers: []router.Config{{Addr: "192.168.31.1", Password: password}}, Log: zerolog.Nop(),
	}
	if change != nil {
		change(&theirs, &ours)
	}
	r, err := virtual.New(mi.World{Net: machine("192.168.31.1"), Now: time.Now, Seed: 1}, theirs)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var lives sync.WaitGroup
	lives.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	w := mi.World{Net: machine("192.168.31.50"), Now: time.Now, Seed: 2}
	end := sync.OnceFunc(func() { cancel(); lives.Wait() })
	t.Cleanup(end)
	return &house{router: r, world: w, driver: router.New(w, ours), end: end}
}

// look lets the driver look for devices until stop; found returns the newest
// sighting of each.
func (h *house) look(ctx context.Context) (found func() map[string]mi.Info, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	seen := map[string]mi.Info{}
	var looks sync.WaitGroup
	looks.Go(func() {
		_ = h.driver.Find(ctx, func(i mi.Info) {
			mu.Lock()
			defer mu.Unlock()
			seen[i.DID] = i
		})
	})
	return func() map[string]mi.Info {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(seen)
	}, func() { cancel(); looks.Wait() }
}

func prop(t testing.TB, s *mi.Spec, key string) int {
	t.Helper()
	i := slices.IndexFunc(s.Props, func(p mi.Property) bool { return string(p.Key) == key })
	if i < 0 {
		t.Fatalf("%s has no %s", s.Model, key)
	}
	return i
}

// read returns one value of a link.
func read(t testing.TB, link mi.Link, key string) mi.Value {
	t.Helper()
	s, err := link.Spec(t.Context())
	if err != nil {
		t.Fatalf("Spec = %v", err)
	}
	got, err := link.(mi.Getter).Get(t.Context(), []int{prop(t, s, key)}, nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("Get %s = %v, %v", key, got, err)
	}
	return got[0].Value
}

func (h *house) open(t testing.TB, info mi.Info, sink mi.Sink) mi.Link {
	t.Helper()
	if sink == nil {
		sink = &drivertest.Sink{}
	}
	link, err := h.driver.Open(t.Context(), info, sink)
	if err != nil {
		t.Fatalf("Open %s = %v", info.DID, err)
	}
	return link
}

func own() mi.Info { return mi.Info{DID: ownDID, Addr: address} }

func TestConformance(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) *drivertest.Home {
		h := build(t, nil)
		mute := func() {
			h.router.Mute()
			time.Sleep(time.Minute) // what was heard before is too old now
		}
		link := h.open(t, own(), nil)
		s, err := link.Spec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := link.Close(); err != nil {
			t.Fatal(err)
		}
		at := func(key string) int { return prop(t, s, key) }
		return &drivertest.Home{
			Driver: h.driver, Device: own(), Found: true, Mute: mute, Close: h.end,
			Reads: []mi.Change{
				{Prop: at("router/connected-device-number"), Value: mi.Int(6)},
				{Prop: at("router/temperature"), Value: mi.Float(48)},
				{Prop: at("router/memory-usage"), Value: mi.Int(53)},
				{Prop: at("router/ip-address"), Value: mi.Text("203.0.113.7")},
				{Prop: at("indicator-light/on"), Value: mi.Bool(true)},
			},
			Write: &mi.Change{Prop: at("indicator-light/on"), Value: mi.Bool(false)},
			Call:  &mi.Call{Action: 0},
		}
	}, func(t *testing.T, f func(*testing.T)) { synctest.Test(t, f) })
}

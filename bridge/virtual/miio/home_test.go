package miio

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

func TestHomeIsFurnishedFromItsSeed(t *testing.T) {
	infos := func(seed uint64) []mi.Info {
		h, err := New(mi.World{Net: world.NewNet(1).Segment(world.Topology{Prefix: homeNet}), Seed: seed}, Options{Address: homeAddress})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		return h.Infos()
	}
	a, b, other := infos(1), infos(1), infos(2)
	if !slices.Equal(a, b) || a[0].Token == other[0].Token {
		t.Error("identities do not come from the seed")
	}
	seen, big := map[string]bool{}, 0
	for i, info := range a {
		if did, err := strconv.ParseUint(info.DID, 10, 64); err != nil || seen[info.DID] {
			t.Errorf("did %q: %v", info.DID, err)
		} else if did > 1<<31 {
			big++
		}
		seen[info.DID] = true
		if info.Model != Models()[i] || info.Name == "" || info.Room == "" || len(info.Token.Reveal()) != 32 || info.Addr != homeAddress(i) {
			t.Errorf("device %d: %+v", i, info)
		}
	}
	if big == 0 {
		t.Error("no did is above 2^31")
	}
}

func TestHomeNamesWhatItDoesNotHave(t *testing.T) {
	_, err := New(mi.World{Net: world.NewNet(1).Segment(world.Topology{Prefix: homeNet})}, Options{Models: []string{"acme.thing.v1"}})
	if err == nil || !strings.Contains(err.Error(), `model "acme.thing.v1": there is none`) {
		t.Errorf("%v", err)
	}
}

func TestSpecsAreThereForEveryMIoTModel(t *testing.T) {
	var names []string
	for _, m := range catalogue() {
		if !m.oldOnly() {
			names = append(names, m.name+".json")
		}
	}
	if err := fstest.TestFS(Specs(), names...); err != nil {
		t.Error(err)
	}
}

func TestHomeOnLoopbackLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t)
	h, err := New(mi.World{Net: host.Network(), Seed: 1}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	for _, info := range h.Infos() {
		c := exchange(t, info.Addr)
		got, err := c(unhex(t, plainHello))
		if err != nil || len(got) != headerLen {
			t.Errorf("%s: %x, %v", info.Model, got, err)
		}
	}
	if err := h.Devices()[0].Move(ctx, "127.0.0.1:0"); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTenThousandDevices(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := world.NewNet(1)
	h, err := New(mi.World{Net: n.Segment(world.Topology{Prefix: homeNet}), Seed: 1}, Options{Count: 10_000, Still: true, Address: homeAddress})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	infos := h.Infos()
	dids := map[string]bool{}
	for _, i := range infos {
		dids[i.DID] = true
	}
	if len(dids) != 10_000 {
		t.Errorf("%d devices", len(dids))
	}
	t.Logf("%d KiB a device, sockets in memory included", (after.HeapAlloc-before.HeapAlloc)/10_000/1024)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestPlayedPlanHurtsAndHeals(t *testing.T) {
	var h history.History
	bubble(t, Options{Models: []string{"cuco.plug.cp5pro"}, Still: true, Recorder: &h}, func(s *stage) {
		d, c := s.home.Devices()[0], s.talk()
		c.greet(plainHello)
		did := d.Info().DID
		plan, err := chaos.ParsePlan("seed=1 span=2h cut:" + did + ":10m-20m:0 busy:" + did + ":30m-40m:0 retoken:" + did + ":50m-60m:0 reboot:" + did + ":70m-70m:0 move:" + did + ":80m-90m:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(s.t.Context())
		ended := make(chan bool)
		go func() {
			s.home.Play(ctx, plan, s.net, func(*Device) string { return "10.1.9.9:54321" })
			close(ended)
		}()
		start := time.Now()
		state := func(after time.Duration) string {
			time.Sleep(time.Until(start.Add(after)))
			c.greet(plainHello)
			return c.ask("get_properties", `[{"siid":2,"piid":1}]`)
		}
		for _, tc := range []struct {
			minutes int
			want    string
		}{{5, "value"}, {15, ""}, {25, "value"}, {35, "-9999"}, {45, "value"}, {55, ""}, {65, "value"}, {75, "value"}, {85, ""}} {
			if got := state(time.Duration(tc.minutes) * time.Minute); !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") {
				t.Errorf("minute %d: %q, want %q", tc.minutes, got, tc.want)
			}
		}
		if d.Info().Addr != "10.1.9.9:54321" {
			t.Errorf("at %s", d.Info().Addr)
		}
		stop()
		<-ended
		synctest.Wait()
	})
	gone := 0
	for _, e := range h.Entries() {
		if e.What == history.Reachable && e.Value == "false" {
			gone++
		}
	}
	if gone != 2 {
		t.Errorf("unreachable %d times, want 2", gone)
	}
}

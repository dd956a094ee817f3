package bridge_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// some are models of every kind: with and without push, MIoT and older.
var some = []string{
	"cuco.plug.cp5pro", "dmaker.airpurifier.f20", "chunmi.cooker.eh402", "dreame.vacuum.p2009", "zhimi.humidifier.ca4",
	"dmaker.fan.p10", "philips.light.bulb", "lumi.curtain.hmcn01", "zhimi.airpurifier.m1", "yeelink.light.color5",
}

// staged makes the scene of a plan in which %s stands for each of the dids.
func staged(t *testing.T, external bool, dids int, faults string) scene {
	t.Helper()
	sc := scene{models: some, external: external}
	line := "seed=1 span=1h0m0s"
	for f := range strings.FieldsSeq(faults) {
		if !strings.Contains(f, "%s") {
			line += " " + f
			continue
		}
		for _, did := range sc.dids()[:dids] {
			line += " " + fmt.Sprintf(f, did)
		}
	}
	plan, err := chaos.ParsePlan(line)
	if err != nil {
		t.Fatal(err)
	}
	sc.plan = plan
	return sc
}

// TestHomeBearsEachFault plays the faults that people meet, one kind at a time.
func TestHomeBearsEachFault(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		external bool
		dids     int
		faults   string
	}{
		{"lost, doubled and reordered datagrams", false, 10, "loss:%s:5m-45m:15 double:%s:5m-45m:30 reorder:%s:5m-45m:30"},
		{"reboots", false, 10, "reboot:%s:10m-10m:1 reboot:%s:20m-20m:1"},
		{"new addresses", true, 10, "move:%s:10m-10m:1"},
		{"a tenth dead, one with another token", false, 1, "cut:%s:5m-45m:1 retoken:460000003:5m-40m:1"},
		{"all dead at once", true, 10, "cut:%s:10m-30m:1"},
		{"busy inside", false, 10, "busy:%s:5m-40m:1"},
		{"nothing of the above, disk full and clock wrong", false, 0, "disk-full:world:1m-45m:1 clock:world:10m-40m:90"},
		{"broker away for long", true, 0, "broker-gone:world:5m-45m:1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			check(t, staged(t, tc.external, tc.dids, tc.faults))
		})
	}
}

// readings notes when each device was read, or was heard when it reports by itself.
type readings struct {
	mu sync.Mutex
	at map[string][]time.Time
}

func (r *readings) note(did string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at[did] = append(r.at[did], time.Now())
}

// overheard is a driver whose conversations are noted.
type overheard struct {
	mi.Driver
	note func(did string)
}

func (o *overheard) Open(ctx context.Context, i mi.Info, sink mi.Sink) (mi.Link, error) {
	note := func() { o.note(i.DID) }
	ear := &ear{Sink: sink, note: note}
	l, err := o.Driver.Open(ctx, i, ear)
	if err != nil {
		return nil, err
	}
	talk := l.(conversation)
	ear.pushing.Store(&talk)
	return noting{talk, note}, nil
}

type ear struct {
	mi.Sink
	note    func()
	pushing atomic.Pointer[conversation]
}

func (e *ear) Seen() {
	if c := e.pushing.Load(); c != nil && (*c).Pushing() {
		e.note()
	}
	e.Sink.Seen()
}

type noting struct {
	conversation
	note func()
}

func (n noting) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	got, err := n.conversation.Get(ctx, props, into)
	if err == nil {
		n.note()
	}
	return got, err
}

func (r *readings) flaw(o *device.Options) {
	for i := range o.Routes {
		o.Routes[i].Driver = &overheard{o.Routes[i].Driver, r.note}
	}
}

// TestHomeBearsLossWithoutAFlicker loses a fifth of all datagrams each way for ten
// minutes, three times over: nobody sees anything of it.
func TestHomeBearsLossWithoutAFlicker(t *testing.T) {
	t.Parallel()
	fresh, all := 0, 0
	for range 3 {
		f, a := lossy(t)
		fresh, all = fresh+f, all+a
	}
	if fresh*100 < all*99 {
		t.Errorf("%d of %d samples are of the last two periods", fresh, all)
	}
	t.Logf("%.2f %% of %d samples are of the last two periods", 100*float64(fresh)/float64(all), all)
}

// lossy plays one such home and samples every device every second.
func lossy(t *testing.T) (fresh, all int) {
	r := &readings{at: map[string][]time.Time{}}
	sc := staged(t, false, 10, "loss:%s:5m-15m:20")
	sc.plan.Span, sc.flaw, sc.idle = 20*time.Minute, r.flaw, true
	st := check(t, sc)
	began := st.entries[0].At
	from, to := began.Add(5*time.Minute), began.Add(15*time.Minute)
	for _, e := range st.entries {
		if e.What == history.Available && !e.At.Before(from) && e.At.Before(to) {
			t.Errorf("%s went %s after %v", e.DID, e.Value, e.At.Sub(began))
		}
	}
	if len(r.at) != 10 {
		t.Errorf("%d of 10 devices were heard", len(r.at))
	}
	for _, times := range r.at {
		for at := from; at.Before(to); at = at.Add(time.Second) {
			i, _ := slices.BinarySearchFunc(times, at, time.Time.Compare)
			all++
			if i > 0 && at.Sub(times[i-1]) <= time.Minute {
				fresh++
			}
		}
	}
	return fresh, all
}

// TestOrdersGivenWhileTheBridgeIsAwayNeverRun gives fifty at QoS 1, and retained
// ones, to a broker that the bridge is not connected to.
func TestOrdersGivenWhileTheBridgeIsAwayNeverRun(t *testing.T) {
	t.Parallel()
	sc := scene{models: some, external: true, idle: true, still: true, plan: chaos.Plan{Seed: 3, Span: 10 * time.Minute}}
	sc.script = func(s *stage) {
		time.Sleep(time.Minute)
		s.halt()
		s.user.mu.Lock()
		for i := range 50 {
			d := s.home.Devices()[i%len(some)]
			c := s.user.mirrors[d.Info().Model]
			for _, x := range c.commands {
				topic := base + d.Info().DID + "/" + c.model.Entities[x.entity].ID + "/" + string(x.role) + "/set"
				if err := s.user.client.publish(topic, "ON", 1, i%10 == 0); err != nil {
					t.Error(err)
				}
			}
		}
		s.user.mu.Unlock()
		time.Sleep(time.Minute)
		s.start()
	}
	st := perform(t, sc)
	for _, e := range st.entries {
		if e.What == history.Executed {
			t.Errorf("%v", e)
		}
	}
	if st.tree[base+"460000000/availability"] != "online" {
		t.Error("the bridge did not come back")
	}
}

// TestKilledBridgeComesBackFromItsData cuts the power again and again, in the
// middle of writes too, and gives the next start nothing but the data folder.
func TestKilledBridgeComesBackFromItsData(t *testing.T) {
	t.Parallel()
	kills := 8
	if testing.Short() {
		kills = 3
	}
	sc := scene{models: some, plan: chaos.Plan{Seed: 4, Span: 90 * time.Minute}}
	var trees []map[string]string
	sc.script = func(s *stage) {
		s.forget = true
		time.Sleep(time.Minute)
		for i := range kills {
			if i%2 == 0 {
				s.disk.KillAt(1 + i%3)
			}
			time.Sleep(time.Duration(i*i) * 3_700_000_001 % (3 * time.Minute))
			s.kill(false)
			time.Sleep(time.Minute)
			trees = append(trees, s.retained())
		}
	}
	st := check(t, sc)
	want := announced(st.tree)
	for i, tree := range trees {
		if got := announced(tree); !slices.Equal(got, want) {
			t.Errorf("kill %d: %d devices announced, %d at the end", i, len(got), len(want))
		}
	}
	if st.starts != kills+1 || len(want) != len(some)+1 {
		t.Errorf("%d starts, announced: %v", st.starts, want)
	}
}

// announced lists the discovery topics of a tree.
func announced(tree map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(tree)), func(topic string) bool { return !strings.HasPrefix(topic, "homeassistant/") })
}

// TestHomeBearsASwapOfAddresses has a plug and a lamp get each other's address: each
// keeps its own values, and no order reaches the other.
func TestHomeBearsASwapOfAddresses(t *testing.T) {
	t.Parallel()
	sc := scene{models: some, plan: chaos.Plan{Seed: 6, Span: 40 * time.Minute}}
	sc.script = func(s *stage) {
		time.Sleep(10 * time.Minute)
		a, b := s.home.Devices()[0], s.home.Devices()[9]
		reach := func(how string) {
			for _, d := range []*miio.Device{a, b} {
				s.record(history.Entry{Actor: history.Thing, What: history.Reachable, DID: d.Info().DID, Value: how})
			}
		}
		reach(history.Unclear)
		here, there := a.Info().Addr, b.Info().Addr
		for _, move := range []struct {
			d  *miio.Device
			to string
		}{{a, elsewhere(a)}, {b, here}, {a, there}} {
			if err := move.d.Move(context.Background(), move.to); err != nil {
				t.Error(err)
			}
		}
		reach("true")
	}
	st := check(t, sc)
	for _, did := range sc.dids() {
		if state := st.tree[base+did+"/availability"]; state != "online" {
			t.Errorf("%s is %s", did, state)
		}
	}
}

// TestHomeForADay plays 24 hours.
func TestHomeForADay(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a day")
	}
	check(t, drawn(7, 24*time.Hour))
}

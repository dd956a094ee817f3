package cloud

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/drivertest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// inhabit runs a home on the driver until the test's end.
func inhabit(t testing.TB, k *sky) (*drivertest.View, *device.Home, func()) {
	w := &drivertest.View{}
	h := device.New(device.Options{
		World: mi.World{Now: time.Now, Seed: 1}, View: w, Log: zerolog.Nop(),
		Routes: []device.Route{{Name: "cloud", Driver: newDriver(k), Trusted: true}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = h.Run(ctx) })
	return w, h, func() { cancel(); running.Wait() }
}

// wide gives the lamps of the sky n properties.
func (k *sky) wide(n int) {
	for i := len(k.spec.Props); i < n; i++ {
		k.spec.Props = append(k.spec.Props, mi.Property{
			SIID: 3, PIID: i, Key: mi.Key(fmt.Sprint("extra/p", i)), Name: fmt.Sprint("p", i), Format: mi.FormatInt, Access: mi.Read,
		})
		for _, v := range k.values {
			v[fmt.Sprintf("3.%d", i)] = i
		}
	}
}

func TestThousandDevicesOfTheCloud(t *testing.T) {
	const devices, props, round = 1000, 10, 30 * time.Second
	synctest.Test(t, func(t *testing.T) {
		k := newSky(devices)
		k.wide(props)
		w, h, stop := inhabit(t, k)
		defer stop()
		time.Sleep(65 * time.Second)
		if n := w.Up(); n != devices {
			t.Errorf("%d devices online, want %d", n, devices)
		}
		k.took()
		const rounds = 3
		time.Sleep(rounds * round)
		all := k.took()
		asked, n := 0, paths(all)
		for _, r := range all {
			asked += r.props
		}
		fair := (asked + maxProps - 1) / maxProps
		if n[pathGet] > fair+2*rounds {
			t.Errorf("%d requests for %d properties in %d rounds, want about %d", n[pathGet], asked, rounds, fair)
		}
		if n[pathList] > rounds {
			t.Errorf("asked %d times who is there in %d rounds", n[pathList], rounds)
		}
		if asked < devices*props*rounds*9/10 {
			t.Errorf("%d properties asked in %d rounds of %d devices", asked, rounds, devices)
		}
		t.Logf("%v, %.1f properties each, %.1f requests a round", n, float64(asked)/float64(n[pathGet]), float64(len(all))/rounds)
		if w.Lost("") != 0 {
			t.Errorf("%d devices went offline", w.Lost(""))
		}
		ordersAreQuick(t, h, k)
	})
}

// ordersAreQuick gives an order in the middle of a round.
func ordersAreQuick(t *testing.T, h *device.Home, k *sky) {
	t.Helper()
	k.took()
	for len(k.took()) == 0 {
		time.Sleep(100 * time.Millisecond)
	}
	for i := range 20 {
		d, start := h.Device(fmt.Sprint(1000+47*i)), time.Now()
		ended := make(chan error, 1)
		d.Do(device.Request{Order: mi.Order{Set: []mi.Change{{Prop: propLevel, Value: mi.Int(int64(i))}}}, Cause: "test", Done: func(_ []mi.Value, err error) { ended <- err }})
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("the order took %v of which the cloud took 50 ms", took)
		}
	}
}

// BenchmarkThousandDevices measures one round of 1,000 devices with 10 properties:
// the time of the processor, the cloud's own work included, and what an open link
// holds in memory.
func BenchmarkThousandDevices(b *testing.B) {
	const devices, props = 1000, 10
	k := newSky(devices)
	k.wide(props)
	k.latency = 0
	empty := heap()
	d := newDriver(k)
	links := make([]*session, devices)
	for i := range links {
		link, err := d.Open(b.Context(), mi.Info{DID: fmt.Sprint(1000 + i)}, &silent{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err = link.Spec(b.Context()); err != nil {
			b.Fatal(err)
		}
		links[i] = link.(*session)
	}
	d.pool(place{"me", "de"}).buckets[reading].interval = 0
	b.ReportAllocs()
	requests, began := 0, processor()
	for b.Loop() {
		readRound(b, links, props)
		requests += len(k.took())
	}
	spent := processor() - began
	b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "cpu-ms/round")
	b.ReportMetric(float64(requests)/float64(b.N), "requests/round")
	b.ReportMetric(float64(int64(heap()-empty))/devices, "heap-B/device")
	for _, s := range links {
		_ = s.Close()
	}
}

// readRound reads the first properties of every link.
func readRound(b *testing.B, links []*session, props int) {
	all := make([]int, props)
	for i := range all {
		all[i] = i
	}
	var round sync.WaitGroup
	round.Add(len(links))
	for _, s := range links {
		started := s.Start(all, nil, func(got []mi.Change, ok bool) {
			if !ok || len(got) != props {
				b.Errorf("%d values, %v", len(got), ok)
			}
			round.Done()
		})
		if !started {
			b.Fatal("a link does not start")
		}
	}
	round.Wait()
}

// heap returns the bytes in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// processor returns the time that this process has spent.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestPresenceIsTrue: a device that goes away while the cloud goes on telling its old
// values, and that comes back.
func TestPresenceIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newSky(20)
		w, _, stop := inhabit(t, k)
		defer stop()
		time.Sleep(time.Minute)
		k.put(func(k *sky) { k.off["1003"] = true })
		time.Sleep(lookPresent + 2*time.Minute)
		if n := w.Up(); n != 19 || w.Online("1003") {
			t.Errorf("%d of 20 online, 1003 %v", n, w.Online("1003"))
		}
		k.put(func(k *sky) { k.off["1003"] = false })
		time.Sleep(2 * time.Minute)
		if n := w.Up(); n != 20 || w.Lost("") != 1 {
			t.Errorf("%d of 20 online, %d drops", n, w.Lost(""))
		}
	})
}

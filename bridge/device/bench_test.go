package device

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// instant is a driver that answers at once: what is measured is ours alone.
type instant struct {
	spec  *mi.Spec
	reads atomic.Int64
}

func (i *instant) Find(ctx context.Context, _ func(mi.Info)) error { <-ctx.Done(); return nil }
func (i *instant) Open(context.Context, mi.Info, mi.Sink) (mi.Link, error) {
	return (*instantLink)(i), nil
}

type instantLink instant

func (l *instantLink) Spec(context.Context) (*mi.Spec, error) { return l.spec, nil }
func (l *instantLink) Close() error                           { return nil }
func (l *instantLink) Get(_ context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	for _, p := range props {
		into = append(into, mi.Change{Prop: p, Value: mi.Int(int64(p))})
	}
	l.reads.Add(1)
	return into, nil
}

func (l *instantLink) Set(context.Context, []mi.Change) error { return nil }

type blind struct{ plan Plan }

func (b *blind) Opened(*Device, *mi.Spec) Plan     { return b.plan }
func (b *blind) Changed(*Device, []mi.Change) bool { return false }
func (b *blind) Happened(*Device, mi.Happening)    {}
func (b *blind) Status(*Device, Status)            {}
func (b *blind) Removed(*Device)                   {}
func eightProps() (spec *mi.Spec, plan Plan) {
	spec = &mi.Spec{Model: "acme.plug.one"}
	for i := range 8 {
		spec.Props = append(spec.Props, mi.Property{SIID: 2, PIID: i + 1, Format: mi.FormatInt, Access: mi.Read | mi.Write})
		plan.Fast = append(plan.Fast, i)
	}
	return spec, plan
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func memory() (heap, stacks uint64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.StackInuse
}

// crowd runs n devices that answer at once.
func crowd(n int, idle time.Duration) (h *Home, d *instant, stop func()) {
	spec, plan := eightProps()
	d = &instant{spec: spec}
	o := Options{
		World:     mi.World{Now: time.Now, Seed: 1},
		View:      &blind{plan},
		Routes:    []Route{{Name: "lan", Driver: d}, {Name: "cloud", Driver: d}},
		Log:       zerolog.New(io.Discard),
		Intervals: Intervals{Idle: idle},
	}
	for i := range n {
		o.Known = append(o.Known, mi.Info{DID: fmt.Sprint(100000000 + i), Model: spec.Model})
	}
	h = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = h.Run(ctx) })
	return h, d, func() { cancel(); wg.Wait() }
}

// BenchmarkPolls has 10,000 devices polled as often as b.N asks for, at 10,000 a
// second. It reports the CPU of a poll and the memory of a device.
func BenchmarkPolls(b *testing.B) {
	const devices = 10000
	heap, stacks := memory()
	start := time.Now()
	h, d, stop := crowd(devices, time.Second)
	for d.reads.Load() < devices {
		time.Sleep(time.Millisecond)
	}
	known := time.Since(start)
	time.Sleep(2 * time.Second)
	heapNow, stacksNow := memory()
	b.ResetTimer()
	reads, used := d.reads.Load(), cpu()
	for d.reads.Load() < reads+int64(b.N) {
		time.Sleep(10 * time.Millisecond)
	}
	b.ReportMetric(float64((cpu()-used).Nanoseconds())/float64(d.reads.Load()-reads), "cpu-ns/poll")
	b.ReportMetric(float64(heapNow-heap)/devices, "heap-B/device")
	b.ReportMetric(float64(stacksNow-stacks)/devices, "stack-B/device")
	b.ReportMetric(float64(known.Milliseconds()), "ms-to-first-reads")
	b.StopTimer()
	stop()
	runtime.KeepAlive(h)
}

// BenchmarkOrder measures an order from Do to Done.
func BenchmarkOrder(b *testing.B) {
	h, d, stop := crowd(1, time.Hour)
	for d.reads.Load() < 1 {
		time.Sleep(time.Millisecond)
	}
	dev := h.All()[0]
	done := make(chan error, 1)
	b.ReportAllocs()
	for i := range b.N {
		dev.Do(Request{
			Order: mi.Order{Set: []mi.Change{{Prop: 1, Value: mi.Int(int64(i))}}},
			Cause: "bench",
			Done:  func(_ []mi.Value, err error) { done <- err },
		})
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	stop()
}

func TestManyDevicesLeakNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	_, d, stop := crowd(2000, time.Second)
	deadline := time.Now().Add(20 * time.Second)
	for d.reads.Load() < 2000 {
		if time.Now().After(deadline) {
			t.Fatalf("%d of 2000 read after 20 s", d.reads.Load())
		}
		runtime.Gosched()
	}
	stop()
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}

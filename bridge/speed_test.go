package bridge_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// simSpec is what every device of the load simulator has.
func simSpec() *mi.Spec {
	spec := &mi.Spec{Model: "sim.plug.v1"}
	for _, p := range [][2]int{{2, 1}, {2, 2}, {2, 3}, {2, 4}, {3, 1}, {3, 2}, {11, 1}, {11, 2}} {
		spec.Props = append(spec.Props, mi.Property{SIID: p[0], PIID: p[1], Format: mi.FormatInt, Access: mi.Read | mi.Write})
	}
	return spec
}

type oneSpec struct{ spec *mi.Spec }

func (o oneSpec) Spec(context.Context, string) (*mi.Spec, error) { return o.spec, nil }

// simDevice is what is known of the i-th device of the load simulator, from 1.
func simDevice(i int) mi.Info {
	token := md5.Sum(fmt.Appendf(nil, "sim-%d", i))
	return mi.Info{
		DID:   fmt.Sprint(100000000 + i),
		Model: "sim.plug.v1",
		Addr:  fmt.Sprintf("127.%d.%d.%d:54321", 10+i>>16, i>>8&255, i&255),
		Token: mi.Secret(hex.EncodeToString(token[:])),
	}
}

// startSim builds and starts the load simulator that lies beside the project.
func startSim(b *testing.B, devices int, flags ...string) {
	b.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "shared", "perf"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		b.Skipf("needs ../shared/perf beside the project: %v", err)
	}
	bin := filepath.Join(b.TempDir(), "sim")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", bin, "./sim")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		b.Skipf("the simulator does not build: %v: %s", err, out)
	}
	sim := exec.CommandContext(b.Context(), bin, append([]string{"-n", fmt.Sprint(devices), "-ctl", "127.0.0.1:0"}, flags...)...)
	if err := sim.Start(); err != nil {
		b.Skipf("the simulator does not start: %v", err)
	}
	b.Cleanup(func() {
		_ = sim.Process.Kill()
		_ = sim.Wait()
	})
}

// cpuTime is what this process has used so far, in user and system.
func cpuTime() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// everything is a View that reads every property at every poll and counts nothing
// but values that are new.
type everything struct{ changed atomic.Int64 }

func (e *everything) Opened(_ *device.Device, spec *mi.Spec) device.Plan {
	plan := device.Plan{}
	for i := range spec.Props {
		plan.Fast = append(plan.Fast, i)
	}
	return plan
}

func (e *everything) Changed(_ *device.Device, changes []mi.Change) bool {
	e.changed.Add(int64(len(changes)))
	return false
}
func (e *everything) Happened(*device.Device, mi.Happening) {}
func (e *everything) Status(*device.Device, device.Status)  {}
func (e *everything) Removed(*device.Device)                {}

// countingNet counts the datagrams that leave.
type countingNet struct {
	mi.Network
	sent atomic.Int64
}

type countingConn struct {
	mi.PacketConn
	sent *atomic.Int64
}

func (n *countingNet) ListenUDP(ctx context.Context, address string) (mi.PacketConn, error) {
	c, err := n.Network.ListenUDP(ctx, address)
	return countingConn{c, &n.sent}, err
}

func (c countingConn) WriteBatch(p []mi.Packet) error {
	c.sent.Add(int64(len(p)))
	return c.PacketConn.WriteBatch(p)
}

// simHome runs devices of the load simulator, read every idle, from socket to
// state.
func simHome(b *testing.B, devices int, idle time.Duration) (*device.Home, *countingNet, *everything) {
	net, view := &countingNet{Network: host.Network()}, &everything{}
	world := mi.World{Net: net, Now: time.Now, Seed: 1}
	driver := miio.New(world, miio.Options{
		Specs: oneSpec{simSpec()}, Log: zerolog.Nop(), Listen: "127.0.0.1:0", NoBroadcast: true, NoPush: true,
	})
	o := device.Options{
		World: world, View: view, Log: zerolog.Nop(), Routes: []device.Route{{Name: "lan", Driver: driver}},
		Intervals: device.Intervals{Idle: idle},
	}
	for i := range devices {
		o.Known = append(o.Known, simDevice(i+1))
	}
	home := device.New(o)
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = home.Run(ctx) })
	b.Cleanup(func() {
		stop()
		running.Wait()
	})
	return home, net, view
}

// BenchmarkPoll has 1,000 simulated devices polled as fast as they answer and
// reports the CPU time of one poll of 8 properties. The bare loop needs about 8 µs
// for the same.
func BenchmarkPoll(b *testing.B) {
	const devices = 1000
	startSim(b, devices)
	_, net, view := simHome(b, devices, 10*time.Millisecond)
	for view.changed.Load() < devices*8 || net.sent.Load() < 10*devices {
		time.Sleep(10 * time.Millisecond)
	}
	b.ResetTimer()
	from, used := net.sent.Load(), cpuTime()
	for net.sent.Load() < from+int64(b.N) {
		time.Sleep(10 * time.Millisecond)
	}
	b.ReportMetric(float64((cpuTime()-used).Nanoseconds())/1e3/float64(net.sent.Load()-from), "cpu-µs/poll")
	b.StopTimer()
}

// BenchmarkDead has a tenth of 1,000 devices dead and reports how old the news of
// the others are, in polling intervals: the 99th percentile over 2 minutes. A loop
// that polls everybody in turn and on time comes to 0.99.
func BenchmarkDead(b *testing.B) {
	const devices, interval = 1000, 5 * time.Second
	startSim(b, devices, "-dead", "0.1")
	home, _, view := simHome(b, devices, interval)
	for view.changed.Load() < devices*9/10*8 {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(4 * interval)
	var ages []time.Duration
	for range b.N {
		for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(interval / 7) {
			for _, d := range home.All() {
				if s := d.Status(); s.Online {
					ages = append(ages, time.Since(s.LastSeen))
				}
			}
		}
	}
	slices.Sort(ages)
	b.ReportMetric(ages[len(ages)*99/100].Seconds()/interval.Seconds(), "p99-age/interval")
	b.ReportMetric(float64(len(home.All())), "devices")
}

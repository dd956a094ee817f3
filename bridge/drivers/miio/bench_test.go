package miio_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// simSpec is what every device of the load simulator has.
func simSpec() *mi.Spec {
	spec := &mi.Spec{Model: "sim.device.v1"}
	for _, p := range [][2]int{{2, 1}, {2, 2}, {2, 3}, {2, 4}, {3, 1}, {3, 2}, {11, 1}, {11, 2}} {
		spec.Props = append(spec.Props, mi.Property{SIID: p[0], PIID: p[1], Format: mi.FormatInt, Access: mi.Read})
	}
	return spec
}

type oneSpec struct{ spec *mi.Spec }

func (o oneSpec) Spec(context.Context, string) (*mi.Spec, error) { return o.spec, nil }

type deaf struct{}

func (deaf) Changed([]mi.Change)   {}
func (deaf) Happened(mi.Happening) {}
func (deaf) Seen()                 {}

// startSim builds and starts the load simulator that lies beside the project.
func startSim(b *testing.B, devices int) {
	b.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "..", "shared", "perf"))
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
	sim := exec.CommandContext(b.Context(), bin, "-n", fmt.Sprint(devices), "-ctl", "127.0.0.1:0")
	if err := sim.Start(); err != nil {
		b.Skipf("the simulator does not start: %v", err)
	}
	b.Cleanup(func() {
		_ = sim.Process.Kill()
		_ = sim.Wait()
	})
}

func simDevice(i int) mi.Info {
	token := md5.Sum(fmt.Appendf(nil, "sim-%d", i))
	return mi.Info{
		DID:   fmt.Sprint(100000000 + i),
		Model: "sim.device.v1",
		Addr:  fmt.Sprintf("127.%d.%d.%d:54321", 10+i>>16, i>>8&255, i&255),
		Token: mi.Secret(hex.EncodeToString(token[:])),
	}
}

func cpu() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkPoll reads 8 properties of 1,000 simulated devices as fast as they
// answer, each by its own goroutine, and reports the CPU time of one poll.
func BenchmarkPoll(b *testing.B) {
	const devices = 1000
	startSim(b, devices)
	d := miio.New(mi.World{Net: host.Network(), Now: time.Now, Seed: 1}, miio.Options{
		Specs: oneSpec{simSpec()}, Log: zerolog.Nop(), Listen: "127.0.0.1:0", NoBroadcast: true, NoPush: true,
	})
	links := make([]mi.Link, devices)
	for i := range links {
		link, err := d.Open(b.Context(), simDevice(i+1), deaf{})
		if err != nil {
			b.Fatal(err)
		}
		defer link.Close()
		links[i] = link
	}
	pollAll(b, links, devices) // handshakes
	b.ResetTimer()
	before := cpu()
	pollAll(b, links, b.N)
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/1e3/float64(b.N), "cpu-µs/poll")
}

// pollAll polls n times in all.
func pollAll(b *testing.B, links []mi.Link, n int) {
	b.Helper()
	props := []int{0, 1, 2, 3, 4, 5, 6, 7}
	var left sync.WaitGroup
	for i, link := range links {
		times := n / len(links)
		if i < n%len(links) {
			times++
		}
		left.Go(func() {
			var into []mi.Change
			for range times {
				got, err := link.(mi.Getter).Get(b.Context(), props, into[:0])
				if err != nil || len(got) != len(props) {
					b.Errorf("poll: %d values, %v", len(got), err)
					return
				}
				into = got
			}
		})
	}
	left.Wait()
}

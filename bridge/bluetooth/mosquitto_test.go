package bluetooth_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
)

// mosquitto starts the real broker and returns its address.
func mosquitto(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		t.Skip("mosquitto is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\n", port), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, "-c", config)
	if err := c.Start(); err != nil {
		t.Skip("mosquitto does not start:", err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// connect connects a gateway, which may have to wait for the broker.
func connect(t *testing.T, address string) paho.Client {
	t.Helper()
	o := paho.NewClientOptions().AddBroker("tcp://" + address).SetConnectRetry(true).SetConnectRetryInterval(50 * time.Millisecond)
	c := paho.NewClient(o)
	if token := c.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatal("no connection: ", token.Error())
	}
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// bridgeAt runs the topics of a bridge on a broker.
func bridgeAt(t *testing.T, address string) *mqtt.Home {
	t.Helper()
	disk, err := host.OpenDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := mi.World{Net: host.Network(), Disk: disk, Now: time.Now, Seed: 1}
	home, err := mqtt.New(mqtt.Options{World: w, Log: zerolog.Nop(), URL: "mqtt://" + address, Rules: &entity.Rules{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- home.Run(ctx, device.New(device.Options{World: w, View: home, Log: zerolog.Nop()})) }()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		_ = disk.Close()
	})
	return home
}

// used returns the processor time that this process has used.
func used() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// TestTwoThousandAdvertsASecond has five gateways publish on the real broker what
// 500 sensors say.
func TestTwoThousandAdvertsASecond(t *testing.T) {
	const gateways, perSecond, seconds = 5, 2000, 3
	address := mosquitto(t)
	g := bluetooth.NewGateways(bridgeAt(t, address).Bus(), "", zerolog.Nop())
	var heard atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	listening.Go(func() { _ = g.Listen(ctx, func(mi.Advert) { heard.Add(1) }) })
	defer listening.Wait()
	defer cancel()

	var all []paho.Client
	for range gateways {
		all = append(all, connect(t, address))
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	await := func(n int64, poke func()) {
		for heard.Load() < n {
			select {
			case <-tick.C:
				poke()
			case <-deadline:
				t.Fatalf("heard %d of %d", heard.Load(), n)
			}
		}
	}
	say := func(gateway, n int) {
		mac := fmt.Sprintf("A4C1380A%04X", n%500)
		payload := fmt.Sprintf(`{"id":"A4:C1:38:0A:%02X:%02X","mac_type":0,"adv_type":0,"rssi":%d,"servicedata":"58585b05%02x0e2b381ac1a4081122334455667788990011","servicedatauuid":"0xfe95"}`,
			n%500>>8, n%500&0xFF, -60-gateway, n/500&0xFF)
		all[gateway].Publish(fmt.Sprintf("home/OMG_%d/BTtoMQTT/%s", gateway, mac), 0, false, payload)
	}
	await(1, func() { say(0, 0) })
	start, cpu, sent := heard.Load(), used(), int64(0)
	began := time.Now()
	for i := range seconds * 100 {
		<-tick.C
		for n := range perSecond / 100 {
			say(n%gateways, i*perSecond/100+n)
			sent++
		}
	}
	took := time.Since(began)
	await(start+sent, func() {})
	t.Logf("%d adverts in %v; this process, which also says them, used %.1f %% of one core", sent, took.Round(time.Millisecond), 100*float64(used()-cpu)/float64(took))
	if err := g.Hearing(); err != nil {
		t.Error(err)
	}
	if known := g.Known(); len(known) != gateways {
		t.Errorf("%d gateways known", len(known))
	}
}

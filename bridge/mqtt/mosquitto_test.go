package mqtt

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sockets is the real network.
type sockets struct{ pipes }

func (*sockets) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// mosquitto starts the real broker on a free port and returns its address.
func mosquitto(t *testing.T, port int) (address string, stop func()) {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		t.Skip("mosquitto is not installed")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\n", port), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, "-c", config)
	if err := c.Start(); err != nil {
		t.Skip("mosquitto does not start:", err)
	}
	stop = sync.OnceFunc(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	t.Cleanup(stop)
	return fmt.Sprintf("127.0.0.1:%d", port), stop
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// await waits for a condition, at most 20 s.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(end) {
			t.Fatal("waited in vain for ", what)
		}
		<-tick.C
	}
}

// TestMosquittoForgets runs the bridge against the real thing, which loses all its
// retained messages in a restart.
func TestMosquittoForgets(t *testing.T) {
	port := freePort(t)
	address, stop := mosquitto(t, port)
	w := testWorld()
	w.Net = &sockets{}
	var log logLines
	home, err := New(Options{
		World: w, Log: zerolog.New(&log), URL: "mqtt://" + address, Rules: &entity.Rules{},
		Targets: []Target{{"homeassistant", homeassistant.DeviceForm}},
	})
	if err != nil {
		t.Fatal(err)
	}
	home.build = lampModel
	l := &lamp{values: []mi.Value{mi.Bool(true), mi.Int(50), {}}}
	devices := device.New(device.Options{
		World: w, View: home, Known: []mi.Info{{DID: "d1", Model: "acme.light.one", Token: "1"}},
		Routes: []device.Route{{Name: "lan", Driver: &lamps{byID: map[string]*lamp{"d1": l}}}},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = home.Run(ctx, devices) })
	tasks.Go(func() { _ = devices.Run(ctx) })
	defer tasks.Wait()
	defer cancel()

	complete := func() bool {
		tree := retainedAt(address)
		return among(tree, "mihome2mqtt/d1/p2_1/state ON") && among(tree, "homeassistant/device/mihome2mqtt_d1/config {") &&
			among(tree, "homeassistant/device/mihome2mqtt_bridge/config {") && among(tree, "mihome2mqtt/bridge/availability online")
	}
	await(t, "the first tree", complete)
	stop()
	await(t, "the loss to be noticed", func() bool { return !home.Connection().Up })
	mosquitto(t, port)
	await(t, "the connection", func() bool { return home.Connection().Up })
	back := time.Now()
	await(t, "the tree again", complete)
	if took := time.Since(back); took > 10*time.Second {
		t.Errorf("everything back only after %v", took)
	}
	o := paho.NewClientOptions().AddBroker("tcp://" + address)
	c := paho.NewClient(o)
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	c.Publish("mihome2mqtt/d1/p2_1/state/set", 1, false, "OFF").Wait()
	await(t, "the order", func() bool { return among(retainedAt(address), "mihome2mqtt/d1/p2_1/state OFF") })
	c.Disconnect(100)
	if n := log.count("no connection to the broker"); n == 0 || n > 3 {
		t.Errorf("%d log lines for one restart of the broker", n)
	}
}

// retainedAt returns what a new client finds retained.
func retainedAt(address string) []string {
	var mu sync.Mutex
	var lines []string
	o := paho.NewClientOptions().AddBroker("tcp://" + address).SetAutoReconnect(false)
	end := make(chan struct{}, 1)
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Topic() == "end" {
			select {
			case end <- struct{}{}:
			default:
			}
			return
		}
		lines = append(lines, m.Topic()+" "+string(m.Payload()))
	})
	c := paho.NewClient(o)
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		return nil
	}
	defer c.Disconnect(0)
	c.Subscribe("#", 1, nil).Wait()
	c.Publish("end", 1, false, "").Wait()
	select {
	case <-end:
	case <-time.After(2 * time.Second):
	}
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(lines)
}

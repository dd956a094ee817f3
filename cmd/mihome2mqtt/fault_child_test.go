package main

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// child is a bridge that runs as a process of its own.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	said heard
	gone chan struct{} // closed when it has ended
	err  error         // how; set before gone is closed
}

// heard collects what a process writes.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// startChild runs the command line with nothing but environ set. What is left of
// it at the end of the test is killed.
func startChild(t *testing.T, environ []string, args ...string) *child {
	t.Helper()
	if testing.Short() {
		t.Skip("starts whole processes")
	}
	exe, err := exec.LookPath("mihome2mqtt") // TestMain put it there
	if err != nil {
		t.Fatal(err)
	}
	return startCommand(t, exec.Command(exe, args...), environ)
}

func startCommand(t *testing.T, cmd *exec.Cmd, environ []string) *child {
	t.Helper()
	c := &child{t: t, cmd: cmd, gone: make(chan struct{})}
	cmd.Dir = t.TempDir()
	// What comes and goes by itself is left out: whatever changes is the fault's doing.
	steady := []string{"MIHOME2MQTT_CLOUD=false", "MIHOME2MQTT_BLE_DEVICES=00:00:00:00:00:01", "MIHOME2MQTT_NINEBOTS=;", "MIHOME2MQTT_WEB_LISTEN=off"}
	cmd.Env = slices.Concat([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + cmd.Dir}, steady, environ)
	cmd.Stdout, cmd.Stderr = &c.said, &c.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.gone)
		c.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may be gone already
		<-c.gone
	})
	return c
}

// ends waits for the end of the process and returns its exit code, -1 when a
// signal ended it.
func (c *child) ends(within time.Duration) int {
	c.t.Helper()
	select {
	case <-c.gone:
	case <-time.After(within):
		c.t.Fatalf("it runs on after %s:\n%s", within, &c.said)
	}
	if exit, ok := errors.AsType[*exec.ExitError](c.err); ok {
		return exit.ExitCode()
	}
	if c.err != nil {
		c.t.Fatal(c.err)
	}
	return 0
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// says waits until the process has written text.
func (c *child) says(text string) {
	c.t.Helper()
	c.until("it says "+text, func() bool { return strings.Contains(c.said.String(), text) })
}

// until waits for something to become true while the process lives.
func (c *child) until(what string, so func() bool) {
	c.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(3 * time.Minute) // the machine may be busy
	for !so() {
		select {
		case <-again.C:
		case <-c.gone:
			c.t.Fatalf("ended (%v) before %s:\n%s", c.err, what, &c.said)
		case <-deadline:
			c.t.Fatalf("waited in vain until %s:\n%s", what, &c.said)
		}
	}
}

// streetDevices is how many devices the demo has in the end, without Bluetooth and
// cloud: 19 of miIO, of which one is a gateway with four children, two lamps, a
// gateway with six children, two TVs, a camera, and a router with a node and eight
// clients.
const streetDevices = 45

// allOnline waits until every device of the virtual home is.
func (c *child) allOnline(environ []string) map[string]any {
	c.t.Helper()
	var last map[string]any
	c.until("all devices are online", func() bool {
		last = health(c.t, environ)
		return last != nil && last["devices"] == last["online"] && last["devices"].(float64) >= streetDevices
	})
	return last
}

// ear listens to a broker.
type ear struct {
	paho.Client
	mu       sync.Mutex
	messages []string // "topic payload" in the order of arrival
	retained map[string]string
	lost     chan struct{} // closed when the broker hung up
}

// listenTo subscribes to everything at a broker.
func listenTo(t *testing.T, address string, change func(*paho.ClientOptions)) *ear {
	t.Helper()
	e := &ear{retained: map[string]string{}, lost: make(chan struct{})}
	o := paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID("ear").SetAutoReconnect(false)
	o.SetDefaultPublishHandler(e.arrived)
	o.SetConnectionLostHandler(func(paho.Client, error) { close(e.lost) })
	if change != nil {
		change(o)
	}
	e.Client = paho.NewClient(o)
	for _, token := range []func() paho.Token{e.Connect, func() paho.Token { return e.Subscribe("#", 0, nil) }} {
		if done := token(); !done.WaitTimeout(10*time.Second) || done.Error() != nil {
			t.Fatal("listen to the broker:", done.Error())
		}
	}
	t.Cleanup(func() { e.Disconnect(0) })
	return e
}

func (e *ear) arrived(_ paho.Client, m paho.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.messages = append(e.messages, m.Topic()+" "+string(m.Payload()))
	if m.Retained() && len(m.Payload()) > 0 {
		e.retained[m.Topic()] = string(m.Payload())
	}
}

// heard returns what came so far.
func (e *ear) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.messages...)
}

func (e *ear) say(t *testing.T, topic, payload string) {
	t.Helper()
	if done := e.Publish(topic, 1, false, payload); !done.WaitTimeout(10*time.Second) || done.Error() != nil {
		t.Fatal(topic, done.Error())
	}
}

// urlOf returns the address of a broker as a setting.
func urlOf(address string) string { return (&url.URL{Scheme: "mqtt", Host: address}).String() }

// startMosquitto runs a broker of the user's on address.
func startMosquitto(t *testing.T, address string, lines ...string) *child {
	t.Helper()
	needs(t, false, "mosquitto")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	lines = append([]string{"listener " + port + " " + host, "allow_anonymous true", "persistence false", "user root"}, lines...)
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCommand(t, exec.Command("mosquitto", "-c", conf), nil)
	c.until("mosquitto listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return c
}

// needs leaves a test out where a program is missing or root is needed.
func needs(t *testing.T, root bool, programs ...string) {
	t.Helper()
	if root && os.Getuid() != 0 {
		t.Skip("needs root")
	}
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name, "is not here")
		}
	}
}

package main

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSignalsEndTheBridgeOfflineFirst also closes the terminal (SIGHUP).
func TestSignalsEndTheBridgeOfflineFirst(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			if signal.Ignored(s) {
				t.Skip("nohup keeps it away")
			}
			address := freePort(t)
			environ := []string{"MIHOME2MQTT_BROKER_LISTEN=" + address}
			c := startChild(t, environ, "demo")
			c.allOnline(environ)
			e := listenTo(t, address, nil)
			started := time.Now()
			c.signal(s)
			if code := c.ends(10 * time.Second); code != 0 {
				t.Errorf("ended with %d:\n%s", code, &c.said)
			}
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			gone(t, e)
			if heard := e.heard(); !slices.Contains(heard, "mihome2mqtt/bridge/availability offline") {
				t.Errorf("offline was not said; last: %q", heard[max(0, len(heard)-3):])
			}
			if left, _ := filepath.Glob(filepath.Join(c.cmd.Dir, "mihome2mqtt-demo-*")); len(left) > 0 {
				t.Errorf("the demo left %v behind", left)
			}
		})
	}
}

// TestKilledAtAnyInstantStartsClean kills the bridge again and again. Each start
// must find a data folder that loads, and the last one must show the same home.
func TestKilledAtAnyInstantStartsClean(t *testing.T) {
	t.Parallel()
	kills := 15
	if os.Getenv("MIHOME_LONG") != "" {
		kills = 200
	}
	address := freePort(t)
	environ := []string{"MIHOME2MQTT_BROKER_LISTEN=" + address, "MIHOME2MQTT_DATA=" + filepath.Join(t.TempDir(), "data")}
	first := startChild(t, environ, "demo")
	devices := int(first.allOnline(environ)["devices"].(float64))
	want := first.topicsOf(address, devices)
	first.signal(syscall.SIGKILL)
	first.ends(10 * time.Second)
	for n := range kills {
		c := startChild(t, environ, "demo")
		select {
		case <-time.After(instant(n)):
		case <-c.gone:
			t.Fatalf("start %d ended by itself (%v):\n%s", n, c.err, &c.said)
		}
		c.signal(syscall.SIGKILL)
		c.ends(10 * time.Second)
		if said := c.said.String(); strings.Contains(said, "damaged") || strings.Contains(said, "panic") {
			t.Errorf("after kill %d:\n%s", n, said)
		}
	}
	last := startChild(t, environ, "demo")
	last.allOnline(environ)
	if got := last.topicsOf(address, devices); !slices.Equal(got, want) {
		t.Errorf("retained topics before and after the kills: %s", cmp.Diff(want, got))
	}
}

// instant spreads the kills over the first second and a half of a run, most of
// them early, when much is written.
func instant(n int) time.Duration {
	h := fnv.New32a()
	fmt.Fprint(h, "kill ", n)
	part := float64(h.Sum32()%1000) / 1000
	return time.Duration(part * part * float64(1500*time.Millisecond))
}

// topicsOf returns the topics that the broker keeps, once the bridge and its devices
// are announced and two looks a second apart see the same.
func (c *child) topicsOf(address string, devices int) (topics []string) {
	c.t.Helper()
	c.until("its topics hold still", func() bool {
		before := topics
		topics = retained(c.t, address)
		announced := 0
		for _, topic := range topics {
			if strings.HasPrefix(topic, "homeassistant/") {
				announced++
			}
		}
		return announced == devices+1 && slices.Equal(before, topics)
	})
	return topics
}

// retained returns the topics with a retained message.
func retained(t *testing.T, address string) []string {
	t.Helper()
	e := listenTo(t, address, nil)
	defer e.Disconnect(0)
	<-time.After(time.Second) // nothing tells the last retained message from the others
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.retained))
}

// gone waits until the broker has closed the connection: everything has come by then.
func gone(t *testing.T, e *ear) {
	t.Helper()
	select {
	case <-e.lost:
	case <-time.After(10 * time.Second):
		t.Error("the broker keeps the connection open")
	}
}

func TestSecondBridgeOnTheSameBaseEndsInWords(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startMosquitto(t, address)
	environ := []string{"MIHOME2MQTT_MQTT_URL=" + urlOf(address)}
	first := startChild(t, environ, "demo")
	first.allOnline(environ)
	second := startChild(t, environ, "demo")
	if code := second.ends(30 * time.Second); code != exitFailed {
		t.Errorf("ended with %d:\n%s", code, &second.said)
	}
	host, _ := os.Hostname()
	for _, want := range []string{host, version, "since", "MIHOME2MQTT_BASE_TOPIC"} {
		if !strings.Contains(second.said.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &second.said)
		}
	}
	if h := health(t, environ); h == nil {
		t.Error("the first one does not answer any more")
	}
}

// TestBrokerOfAnotherBridgeIsNamed points a bridge at the broker inside another.
func TestBrokerOfAnotherBridgeIsNamed(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startChild(t, []string{"MIHOME2MQTT_BROKER_LISTEN=" + address}, "demo").says("broker listens")
	c := startChild(t, []string{"MIHOME2MQTT_MQTT_URL=" + urlOf(address)}, "demo")
	c.says("The one inside another bridge takes no second bridge")
}

// TestNoBrokerAtTheStartIsNoEnd starts the bridge before its broker.
func TestNoBrokerAtTheStartIsNoEnd(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	environ := []string{"MIHOME2MQTT_MQTT_URL=" + urlOf(address)}
	c := startChild(t, environ, "demo")
	c.says("nothing listens at the broker's address")
	select {
	case <-time.After(5 * time.Second):
	case <-c.gone:
		t.Fatalf("ended: %v\n%s", c.err, &c.said)
	}
	if n := strings.Count(c.said.String(), "no connection"); n > 1 {
		t.Errorf("complained %d times in five seconds:\n%s", n, &c.said)
	}
	startMosquitto(t, address)
	c.allOnline(environ)
	c.signal(syscall.SIGTERM)
	if code := c.ends(5 * time.Second); code != 0 {
		t.Errorf("ended with %d:\n%s", code, &c.said)
	}
}

// TestSilentBrokerDoesNotKeepTheBridgeFromEnding has a broker that takes the
// connection and says nothing.
func TestSilentBrokerDoesNotKeepTheBridgeFromEnding(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	met := make(chan net.Conn, 1)
	go func() {
		if conn, err := l.Accept(); err == nil {
			met <- conn
		}
	}()
	c := startChild(t, []string{"MIHOME2MQTT_MQTT_URL=" + urlOf(l.Addr().String())}, "demo")
	select {
	case conn := <-met:
		defer conn.Close()
	case <-c.gone:
		t.Fatalf("ended: %v\n%s", c.err, &c.said)
	}
	started := time.Now()
	c.signal(syscall.SIGTERM)
	c.ends(10 * time.Second)
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// TestSmallMachine gives the bridge one CPU and little memory.
func TestSmallMachine(t *testing.T) {
	environ := []string{"MIHOME2MQTT_BROKER_LISTEN=" + freePort(t), "GOMEMLIMIT=32MiB", "GOMAXPROCS=1"}
	c := startChild(t, environ, "demo")
	c.allOnline(environ)
	if peak := peakMemory(t, c.cmd.Process.Pid); peak > 64<<10 {
		t.Errorf("needed %d KiB", peak)
	}
}

// peakMemory returns the largest size that a process had in memory, in KiB.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Skip("the size of a process is not told here")
	return 0
}

// TestFileDescriptorsHoldStill counts open files while clients come and go.
func TestFileDescriptorsHoldStill(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	environ := []string{"MIHOME2MQTT_BROKER_LISTEN=" + address}
	c := startChild(t, environ, "demo")
	c.allOnline(environ)
	open := func() int {
		names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.cmd.Process.Pid))
		if err != nil {
			t.Skip("no /proc here:", err)
		}
		return len(names)
	}
	before := open()
	for range 50 {
		if health(t, environ) == nil {
			t.Fatal("not well")
		}
	}
	c.until(fmt.Sprintf("no more than the %d files of before are open", before), func() bool { return open() <= before })
}

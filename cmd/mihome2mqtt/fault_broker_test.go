package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/redact/leak"
)

// file writes a file that another program may read.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBrokerThatTakesOnlySmallPackets cuts off whoever sends it more than 6,000
// bytes; some of the demo's announcements have twice as many.
func TestBrokerThatTakesOnlySmallPackets(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startMosquitto(t, address, "max_packet_size 6000")
	environ := []string{"MIHOME2MQTT_MQTT_URL=" + urlOf(address)}
	c := startChild(t, environ, "demo")
	c.says("does the broker refuse large messages?")
	<-time.After(15 * time.Second)
	if n := strings.Count(c.said.String(), "connected to the broker"); n > 4 {
		t.Errorf("connected %d times:\n%s", n, &c.said)
	}
}

func TestWrongPasswordIsNamedAndTriedSeldom(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	startMosquitto(t, address, "allow_anonymous false", "password_file "+file(t, "passwords", ""))
	c := startChild(t, []string{"MIHOME2MQTT_MQTT_URL=" + urlOf(address), "MIHOME2MQTT_MQTT_USER=me", "MIHOME2MQTT_MQTT_PASSWORD=" + canaryPassword}, "demo")
	c.says("check MIHOME2MQTT_MQTT_USER and MIHOME2MQTT_MQTT_PASSWORD")
	<-time.After(5 * time.Second)
	if n := strings.Count(c.said.String(), "no connection"); n > 1 {
		t.Errorf("complained %d times:\n%s", n, &c.said)
	}
	if found := leak.For(canaryPassword).In(c.said.String()); len(found) > 0 {
		t.Errorf("the log holds %v", found)
	}
}

// TestTakenClientIDIsNoWar has somebody else connect under the bridge's own id
// again and again.
func TestTakenClientIDIsNoWar(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	log := filepath.Join(t.TempDir(), "mosquitto.log")
	startMosquitto(t, address, "log_dest file "+log, "log_type all")
	c := startChild(t, []string{"MIHOME2MQTT_MQTT_URL=" + urlOf(address)}, "demo")
	c.says("connected to the broker")
	id := ""
	c.until("the broker tells its id", func() bool {
		text, _ := os.ReadFile(log)
		_, rest, found := strings.Cut(string(text), "as mihome2mqtt-")
		if found {
			id, _, _ = strings.Cut(rest, " ")
		}
		return found
	})
	o := paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID("mihome2mqtt-" + id).SetMaxReconnectInterval(time.Second)
	thief := paho.NewClient(o)
	thief.Connect().WaitTimeout(10 * time.Second)
	defer thief.Disconnect(0)
	c.says("does another client use the id mihome2mqtt-" + id)
	before := strings.Count(c.said.String(), "connected to the broker")
	<-time.After(15 * time.Second)
	if n := strings.Count(c.said.String(), "connected to the broker") - before; n > 2 {
		t.Errorf("connected %d times in 15 s:\n%s", n, &c.said)
	}
}

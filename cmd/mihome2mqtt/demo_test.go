package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// freePort returns an address of loopback on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// health asks a running bridge how it is; nil while there is none.
func health(t *testing.T, environ []string) map[string]any {
	t.Helper()
	var out bytes.Buffer
	var h map[string]any
	if run(t.Context(), []string{"healthcheck", "-v"}, environ, &out, io.Discard) == 0 {
		if err := json.Unmarshal(out.Bytes(), &h); err != nil {
			t.Errorf("health %q: %v", &out, err)
		}
	}
	return h
}

func TestDemoBringsItsHomeToTheBrokerAndStops(t *testing.T) {
	environ := []string{"MIHOME2MQTT_BROKER_LISTEN=" + freePort(t), "MIHOME2MQTT_DISCOVERY=homeassistant:device,domoticz:single"}
	ctx, stop := context.WithCancel(t.Context())
	var out, talk bytes.Buffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"demo"}, environ, &out, &talk) }()

	deadline := time.After(60 * time.Second)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	var last map[string]any
	for last == nil || last["online"].(float64) < 55 { // vehicles leave; three things of the account are only known by name
		select {
		case <-again.C:
			last = health(t, environ)
		case got := <-code:
			t.Fatalf("the demo ended with %d: %s", got, &talk)
		case <-deadline:
			t.Fatalf("not everybody is online: %v", last)
		}
	}
	if got := lookUp(t, environ, "mihome2mqtt/bridge/account"); got != "ok" {
		t.Errorf("the account is %q", got)
	}
	expectWords(t, environ)
	stop()
	select {
	case got := <-code:
		if got != 0 {
			t.Errorf("ended with %d: %s", got, &talk)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("not stopped after 10 s")
	}
	for _, want := range []string{"Virtual home", "mqtt://127.0.0.1:", "mosquitto_sub", "Ctrl-C"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the welcome lacks %q: %s", want, &out)
		}
	}
	if health(t, environ) != nil {
		t.Error("it answers after its end")
	}
}

func TestTakenPortIsNamedWithTheVariableThatMovesIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	heard := &wanted{text: "MIHOME2MQTT_BROKER_LISTEN", found: stop}
	run(ctx, []string{"demo"}, []string{"MIHOME2MQTT_BROKER_LISTEN=" + l.Addr().String()}, io.Discard, heard)
	if !strings.Contains(heard.all.String(), heard.text) {
		t.Errorf("said %s", &heard.all)
	}
}

// wanted calls found when text was written. Writes come one at a time.
type wanted struct {
	text  string
	found func()
	all   bytes.Buffer
}

func (w *wanted) Write(p []byte) (int, error) {
	n, err := w.all.Write(p)
	if strings.Contains(w.all.String(), w.text) {
		w.found()
	}
	return n, err
}

// lookUp reads a topic of the broker inside the bridge.
func lookUp(t *testing.T, environ []string, topic string) string {
	t.Helper()
	address := strings.TrimPrefix(environ[0], "MIHOME2MQTT_BROKER_LISTEN=")
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID("reader"))
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(0)
	got := make(chan string, 1)
	c.Subscribe(topic, 0, func(_ paho.Client, m paho.Message) {
		select {
		case got <- string(m.Payload()):
		default:
		}
	})
	select {
	case text := <-got:
		return text
	case <-time.After(10 * time.Second):
		return "not told"
	}
}

package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// stateTopic finds each topic that a discovery message announces for a state.
var stateTopic = regexp.MustCompile(`"(?:[a-z_]+_)?state_topic":"([^"]+)"`)

// listener keeps which topics have spoken and which are announced.
type listener struct {
	mu     sync.Mutex
	spoken map[string]bool
	wanted map[string]bool
}

func (l *listener) heard(_ paho.Client, m paho.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spoken[m.Topic()] = true
	if !strings.HasSuffix(m.Topic(), "/config") {
		return
	}
	for _, found := range stateTopic.FindAllStringSubmatch(string(m.Payload()), -1) {
		l.wanted[found[1]] = true
	}
}

// silent lists announced topics without a word.
func (l *listener) silent() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wanted) == 0 {
		return []string{"everything"}
	}
	var out []string
	for _, topic := range slices.Sorted(maps.Keys(l.wanted)) {
		if !l.spoken[topic] {
			out = append(out, topic)
		}
	}
	return out
}

// expectWords waits until every announced state topic has a retained word, as
// platforms that come late need it.
func expectWords(t *testing.T, environ []string) {
	t.Helper()
	l := &listener{spoken: map[string]bool{}, wanted: map[string]bool{}}
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + strings.TrimPrefix(environ[0], "MIHOME2MQTT_BROKER_LISTEN=")).SetClientID("late"))
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(0)
	c.SubscribeMultiple(map[string]byte{"homeassistant/#": 1, "domoticz/#": 1, "mihome2mqtt/#": 1}, l.heard)
	deadline, again := time.After(30*time.Second), time.NewTicker(100*time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if l.silent() == nil {
				return
			}
		case <-deadline:
			t.Errorf("announced, and without a word: %q", l.silent())
			return
		}
	}
}

package homeassistant

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestShowGivesEveryStateTopicASample reads the lines as the validator of Home Assistant does:
// whatever a discovery message listens to must have been said.
func TestShowGivesEveryStateTopicASample(t *testing.T) {
	for _, form := range []Form{DeviceForm, SingleForm} {
		for _, h := range homes() {
			var out bytes.Buffer
			if err := ShowBridge(&out, form); err != nil {
				t.Fatal(err)
			}
			if err := Show(&out, form, h.device, h.model); err != nil {
				t.Fatal(err)
			}
			said, heard := map[string]bool{}, map[string]bool{}
			for line := range strings.Lines(out.String()) {
				var l struct {
					Topic   string
					Payload any
				}
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				said[l.Topic] = true
				listens(l.Payload, heard)
			}
			for topic := range heard {
				if !said[topic] {
					t.Errorf("%s %s: nothing is said on %s", h.name, form, topic)
				}
			}
			if len(heard) < 4 {
				t.Errorf("%s %s: heard only %d topics", h.name, form, len(heard))
			}
		}
	}
}

// listens collects the topics that a payload makes a platform subscribe to.
func listens(payload any, into map[string]bool) {
	switch p := payload.(type) {
	case map[string]any:
		for key, value := range p {
			topic, isText := value.(string)
			if isText && (key == "topic" || strings.HasSuffix(key, "_topic")) && !strings.HasSuffix(topic, "/set") && !strings.Contains(topic, "/request/") {
				into[topic] = true
			}
			listens(value, into)
		}
	case []any:
		for _, value := range p {
			listens(value, into)
		}
	}
}

func TestShowTellsWhyItStopped(t *testing.T) {
	err := Show(full{}, DeviceForm, Device{ID: "42"}, nil)
	if err == nil || err.Error() != "homeassistant: show homeassistant/device/mihome2mqtt_42/config: disk full" {
		t.Errorf("got %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("disk full")

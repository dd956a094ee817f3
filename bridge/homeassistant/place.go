package homeassistant

import (
	"bytes"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// A discovery topic is <prefix>/device/<node>/config in the device form and
// <prefix>/<platform>/<node>/<object>/config in the single form.

func node(device string) string { return product + "_" + topic.Segment(device) }

func deviceTopic(prefix, device string) string { return prefix + "/device/" + node(device) + "/config" }

func singleTopic(prefix, device string, c component) string {
	return prefix + "/" + c.platform + "/" + node(device) + "/" + c.id + "/config"
}

// isDevice reports whether a topic of ours is of the device form.
func isDevice(topic string) bool {
	_, single := singleIdentity(topic)
	return !single
}

// singleIdentity reads a topic of ours of the single form.
func singleIdentity(topic string) (identity, bool) {
	levels := strings.Split(topic, "/")
	n := len(levels)
	if n < 5 || levels[n-3] == "device" {
		return identity{}, false
	}
	return identity{platform: levels[n-4], id: levels[n-2]}, true
}

// Filters are the subscriptions that bring in every message of ours below
// prefix, and those of others; Owner tells them apart.
func Filters(prefix string) []string {
	return []string{prefix + "/device/+/config", prefix + "/+/+/+/config"}
}

// BridgeID is the id of the bridge's own device. Bridges that share a broker differ
// by their base topic, and so do their devices.
func BridgeID(l topic.Layout) string {
	if l.Base == product {
		return "bridge"
	}
	return "bridge_" + topic.Segment(l.Base)
}

// Foreign reports whether an announcement comes from another bridge, which may use
// the same prefix: it names topics, but none below l's base topic.
func Foreign(l topic.Layout, payload []byte) bool {
	head := appendString(nil, l.Base)
	head[len(head)-1] = '/' // in place of the closing quote
	return bytes.Contains(payload, []byte(`topic":"`)) && !bytes.Contains(payload, head)
}

// Owner returns the device (BridgeID for a bridge itself) and form that a
// discovery topic below prefix belongs to; ok is false when it is not ours.
func Owner(prefix, topic string) (device string, form Form, ok bool) {
	rest, below := strings.CutPrefix(topic, prefix+"/")
	rest, config := strings.CutSuffix(rest, "/config")
	levels := strings.Split(rest, "/")
	if !below || !config || len(levels) < 2 {
		return "", "", false
	}
	device, ours := strings.CutPrefix(levels[1], product+"_")
	switch {
	case !ours || device == "":
		return "", "", false
	case len(levels) == 2 && levels[0] == "device":
		return device, DeviceForm, true
	case len(levels) == 3 && levels[2] != "":
		return device, SingleForm, true
	}
	return "", "", false
}

// StatusTopic is where home platforms say that they have started; it is answered
// by publishing again.
func StatusTopic(prefix string) string { return prefix + "/status" }

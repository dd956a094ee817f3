package homeassistant

import (
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

// Owner returns the device ("bridge" for the bridge itself) and form that a
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

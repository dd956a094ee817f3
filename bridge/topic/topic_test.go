package topic

import (
	"strings"
	"testing"
)

func TestLayoutNamesEveryTopic(t *testing.T) {
	l := Layout{Base: "home/mi"}
	for _, tc := range []struct{ got, want string }{
		{l.State("42", "p2_1", "state"), "home/mi/42/p2_1/state"},
		{l.Set("42", "light_2", "json"), "home/mi/42/light_2/json/set"},
		{l.Command("42", "air.x/start 2"), "home/mi/42/command/air_x/start_2"},
		{l.Availability("42"), "home/mi/42/availability"},
		{l.Connection("42"), "home/mi/42/connection"},
		{l.LastError("42"), "home/mi/42/last_error"},
		{l.LastSeen("42"), "home/mi/42/last_seen"},
		{l.BridgeAvailability(), "home/mi/bridge/availability"},
		{l.Request("device/rename"), "home/mi/bridge/request/device/rename"},
		{l.Response("scan"), "home/mi/bridge/response/scan"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

func TestLayoutParsesWhatItSubscribes(t *testing.T) {
	l := Layout{Base: "home/mi"}
	for _, tc := range []struct {
		name, topic string
		want        Incoming
		ok          bool
	}{
		{"role", l.Set("42", "light_2", "json"), Incoming{Device: "42", Entity: "light_2", Role: "json"}, true},
		{"action", l.Command("42", "vacuum/start"), Incoming{Device: "42", Action: "vacuum/start"}, true},
		{"action called set", l.Command("42", "vacuum/set"), Incoming{Device: "42", Action: "vacuum/set"}, true},
		{"request", l.Request("scan"), Incoming{Request: "scan"}, true},
		{"deep request", l.Request("device/rename"), Incoming{Request: "device/rename"}, true},
		{"state", l.State("42", "light_2", "json"), Incoming{}, false},
		{"availability", l.Availability("42"), Incoming{}, false},
		{"response", l.Response("scan"), Incoming{}, false},
		{"request without a verb", "home/mi/bridge/request/", Incoming{}, false},
		{"too deep", "home/mi/42/a/b/c/set", Incoming{}, false},
		{"empty level", "home/mi/42//b/set", Incoming{}, false},
		{"other base", "home/me/42/a/b/set", Incoming{}, false},
		{"base alone", "home/mi", Incoming{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := l.Parse(tc.topic)
			if ok != tc.ok || ok && got != tc.want {
				t.Errorf("Parse(%q) = %+v, %v, want %+v, %v", tc.topic, got, ok, tc.want, tc.ok)
			}
			if subscribed := matchesAny(l.Filters(), tc.topic); ok && !subscribed {
				t.Errorf("%q is parsed but no filter brings it in", tc.topic)
			}
		})
	}
}

func TestSegmentKeepsIdsLegal(t *testing.T) {
	for in, want := range map[string]string{"123456": "123456", "lumi.158d00+#/1": "lumi_158d00___1", "ü": "_", "": ""} {
		if got := Segment(in); got != want {
			t.Errorf("Segment(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	l := Layout{Base: "mihome2mqtt"}
	f.Add("mihome2mqtt/42/light_2/json/set")
	f.Add("mihome2mqtt/42/command/a/b")
	f.Add("mihome2mqtt/bridge/request/a")
	f.Fuzz(func(t *testing.T, topic string) {
		in, ok := l.Parse(topic)
		if !ok {
			return
		}
		back := l.Request(in.Request)
		switch {
		case in.Action != "":
			back = l.Base + "/" + in.Device + "/command/" + in.Action
		case in.Device != "":
			back = l.Set(in.Device, in.Entity, in.Role)
		}
		if back != topic {
			t.Errorf("Parse(%q) = %+v, which is %q", topic, in, back)
		}
	})
}

func matchesAny(filters []string, topic string) bool {
	for _, filter := range filters {
		if matches(strings.Split(filter, "/"), strings.Split(topic, "/")) {
			return true
		}
	}
	return false
}

func matches(filter, topic []string) bool {
	for i, level := range filter {
		if level == "#" {
			return len(topic) >= i
		}
		if i >= len(topic) || level != "+" && level != topic[i] {
			return false
		}
	}
	return len(filter) == len(topic)
}

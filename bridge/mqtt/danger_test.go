package mqtt

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// TestDangerIsToldByXiaomisNames has one line for each kind, with what it must
// catch and what it must let through.
func TestDangerIsToldByXiaomisNames(t *testing.T) {
	var forbiddable []string
	for _, d := range dangers {
		forbiddable = append(forbiddable, d.kind)
	}
	list := []mi.Choice{{Value: mi.Int(1), Label: "Locked"}, {Value: mi.Int(2), Label: "Unlocked"}, {Value: mi.Int(3), Label: "Disarm"}, {Value: mi.Int(4), Label: "Away Arming"}, {Value: mi.Int(5), Label: "Close"}, {Value: mi.Int(6), Label: "Open"}}
	for _, tc := range []struct {
		device, key string
		value       mi.Value // unknown for an action
		want        string
	}{
		{"lock", "lock/lock-state", mi.Int(2), "unlock"},
		{"lock", "lock/lock-state", mi.Int(1), ""},
		{"lock", "lock-2/locked-2", mi.Bool(false), "unlock"},
		{"lock", "door-lock/locked", mi.Bool(true), ""},
		{"lock", "custom/remote-unlock", mi.Value{}, "unlock"},
		{"video-doorbell", "custom/open-door", mi.Value{}, "unlock"},
		{"fan", "physical-controls-locked/physical-controls-locked", mi.Bool(false), ""},
		{"switch", "relay-lock/left-relay", mi.Bool(false), ""},
		{"gateway", "arming/arming-mode", mi.Int(3), "disarm"},
		{"gateway", "arming/arming-mode", mi.Int(4), ""},
		{"gateway", "gateway/guard-mode", mi.Int(3), "disarm"},
		{"garage-door", "garage/motor-control", mi.Int(6), "open"},
		{"garage-door", "garage/motor-control", mi.Int(5), ""},
		{"garage-door", "garage/toggle", mi.Value{}, "open"},
		{"gateway", "gateway/on", mi.Bool(true), ""},
		{"curtain", "curtain/motor-control", mi.Int(6), ""},
		{"gas-valve", "valve/on", mi.Bool(true), "gas"},
		{"gas-valve", "valve/on", mi.Bool(false), ""},
		{"cooker", "cooker/start-cook", mi.Value{}, "heat"},
		{"cooker", "cooker/cancel-cooking", mi.Value{}, ""},
		{"microwave-oven", "custom/cooking-start", mi.Value{}, "heat"},
		{"induction-cooker", "induction-cooker/on", mi.Bool(true), "heat"},
		{"induction-cooker", "induction-cooker/on", mi.Bool(false), ""},
		{"vacuum", "vacuum/start-sweep", mi.Value{}, ""},
	} {
		spec := &mi.Spec{Type: tc.device, Props: []mi.Property{{Key: mi.Key(tc.key), List: list}}, Actions: []mi.Action{{Key: mi.Key(tc.key)}}}
		order := mi.Order{Set: []mi.Change{{Value: tc.value}}}
		if !tc.value.Known() {
			order = mi.Order{Calls: []mi.Call{{}}}
		}
		err := forbid(forbiddable, spec, order)
		if err == nil && tc.want != "" || err != nil && !strings.Contains(err.Error(), `"`+tc.want+`" in MIHOME2MQTT_FORBID`) {
			t.Errorf("%s %s %s: %v, want %q", tc.device, tc.key, tc.value, err, tc.want)
		}
		if err != nil && !errors.Is(err, mi.ErrDenied) {
			t.Errorf("%s: %v is no refusal", tc.key, err)
		}
		if forbid(slices.DeleteFunc(slices.Clone(forbiddable), func(k string) bool { return k == tc.want }), spec, order) != nil && tc.device != "gas-valve" {
			t.Errorf("%s %s: forbidden by another kind too", tc.device, tc.key)
		}
	}
}

func TestForbiddenOrdersNeverReachTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := lampSpec()
		spec.Props[0].Key, spec.Actions[0].Key = "lock/locked", "lock/open"
		s := newHouse(t, testWorld(), 0, func(o *Options) { o.Forbid, o.Raw = []string{"unlock", "restart", "remove"}, true })
		lock := &lamp{spec: spec, values: []mi.Value{mi.Bool(true), mi.Int(50), {}}}
		s.lamps.add("d1", lock)
		s.devices.Found("lan", mi.Info{DID: "d1", Model: "acme.lock.one", Token: "0123"})
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.listen("#")
		u.heard()
		for _, m := range [][2]string{
			{"d1/p2_1/state/set", "OFF"}, {"d1/a2_1/press/set", "PRESS"}, {"bridge/request/restart", ""}, {"bridge/request/remove", "d1"},
			{"bridge/request/set", `{"id":"d1","key":"lock/locked","value":false}`}, {"bridge/request/action", `{"id":"d1","action":"lock/open"}`},
		} {
			u.say("mihome2mqtt/"+m[0], m[1], false)
			time.Sleep(time.Second)
			if heard := u.heard(); !among(heard, "MIHOME2MQTT_FORBID") && m[0] != "d1/a2_1/press/set" {
				t.Errorf("%s: %q does not say what forbids it", m[0], heard)
			}
		}
		if got := lock.taken(); got != "" {
			t.Errorf("the lock was told %q", got)
		}
		u.say("mihome2mqtt/d1/p2_1/state/set", "ON", false) // to lock is no danger
		time.Sleep(5 * time.Second)
		if got := lock.taken(); got != "0=true" {
			t.Errorf("the lock was told %q", got)
		}
		u.bye()
		s.stop()
	})
}

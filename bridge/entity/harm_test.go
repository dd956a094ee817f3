package entity_test

import (
	"slices"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// TestHarmIsToldByXiaomisNames has one line for each kind, with what it must
// catch and what it must let through.
func TestHarmIsToldByXiaomisNames(t *testing.T) {
	rules := shipped(t)
	list := []mi.Choice{{Value: mi.Int(1), Label: "Locked"}, {Value: mi.Int(2), Label: "Unlocked"}, {Value: mi.Int(3), Label: "Disarm"}, {Value: mi.Int(4), Label: "Away Arming"}, {Value: mi.Int(5), Label: "Close"}, {Value: mi.Int(6), Label: "Open"}}
	for _, tc := range []struct {
		device, key string
		value       mi.Value // unknown for an action
		want        string
	}{
		{"lock", "lock/lock-state", mi.Int(2), entity.DangerUnlock},
		{"lock", "lock/lock-state", mi.Int(1), ""},
		{"lock", "lock-2/locked-2", mi.Bool(false), entity.DangerUnlock},
		{"lock", "door-lock/locked", mi.Bool(true), ""},
		{"lock", "custom/remote-unlock", mi.Value{}, entity.DangerUnlock},
		{"video-doorbell", "custom/open-door", mi.Value{}, entity.DangerUnlock},
		{"fan", "physical-controls-locked/physical-controls-locked", mi.Bool(false), ""},
		{"switch", "relay-lock/left-relay", mi.Bool(false), ""},
		{"gateway", "arming/arming-mode", mi.Int(3), entity.DangerAlarm},
		{"gateway", "arming/arming-mode", mi.Int(4), ""},
		{"gateway", "gateway/guard-mode", mi.Int(3), entity.DangerAlarm},
		{"garage-door", "garage/motor-control", mi.Int(6), entity.DangerGate},
		{"garage-door", "garage/motor-control", mi.Int(5), ""},
		{"garage-door", "garage/toggle", mi.Value{}, entity.DangerGate},
		{"gateway", "gateway/on", mi.Bool(true), ""},
		{"curtain", "curtain/motor-control", mi.Int(6), ""},
		{"gas-valve", "valve/on", mi.Bool(true), entity.DangerGas},
		{"gas-valve", "valve/on", mi.Bool(false), ""},
		{"cooker", "cooker/start-cook", mi.Value{}, entity.DangerCook},
		{"cooker", "cooker/cancel-cooking", mi.Value{}, entity.DangerStop},
		{"microwave-oven", "custom/cooking-start", mi.Value{}, entity.DangerCook},
		{"induction-cooker", "induction-cooker/on", mi.Bool(true), entity.DangerCook},
		{"induction-cooker", "induction-cooker/on", mi.Bool(false), ""},
		{"vacuum", "vacuum/start-sweep", mi.Value{}, ""},
	} {
		spec := &mi.Spec{Type: tc.device, Services: []mi.Service{{}}, Props: []mi.Property{{Key: mi.Key(tc.key), List: list}}, Actions: []mi.Action{{Key: mi.Key(tc.key)}}}
		order := mi.Order{Set: []mi.Change{{Value: tc.value}}}
		if !tc.value.Known() {
			order = mi.Order{Calls: []mi.Call{{}}}
		}
		var want []string
		if tc.want != "" {
			want = []string{tc.want}
		}
		if got := slices.Compact(entity.Harm(spec, order)); !slices.Equal(got, want) {
			t.Errorf("%s %s %s: %q, want %q", tc.device, tc.key, tc.value, got, want)
		}
		if got := slices.Compact(rules.Build(spec, entity.Options{}).Harm(order)); !slices.Equal(got, want) {
			t.Errorf("%s %s %s: the model says %q, want %q", tc.device, tc.key, tc.value, got, want)
		}
	}
}

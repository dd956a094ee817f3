package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var lamp = &mi.Spec{
	Services: []mi.Service{{IID: 1, Name: "device-information"}, {IID: 2, Name: "light"}, {IID: 3, Name: "switch"}},
	Props: []mi.Property{
		{Service: 0, SIID: 1, PIID: 1, Key: "device-information/model", Name: "model", Access: mi.Read},
		{Service: 1, SIID: 2, PIID: 1, Key: "light/on", Name: "on", Format: mi.FormatBool, Access: mi.Read | mi.Write},
		{Service: 1, SIID: 2, PIID: 2, Key: "light/mode", Name: "mode", Format: mi.FormatInt, Access: mi.Read | mi.Write,
			List: []mi.Choice{{Value: mi.Int(0), Label: "Day"}, {Value: mi.Int(1)}}},
		{Service: 1, SIID: 2, PIID: 3, Key: "light/brightness", Name: "brightness", Format: mi.FormatInt, Access: mi.Read | mi.Write,
			Unit: "percentage", Range: &mi.Range{Min: 1, Max: 100, Step: 1}},
		{Service: 2, SIID: 3, PIID: 1, Key: "switch/on", Name: "on", Format: mi.FormatBool, Access: mi.Read | mi.Write},
		{Service: 2, SIID: 3, PIID: 2, Key: "switch/text", Name: "text"},
		{Service: 2, SIID: 3, PIID: 3, Key: "switch/level", Name: "level", Format: mi.FormatFloat, Access: mi.Read},
	},
	Actions: []mi.Action{{Service: 1, SIID: 2, AIID: 1, Key: "light/toggle", Name: "toggle"}},
	Events:  []mi.Event{{Service: 2, SIID: 3, EIID: 1, Key: "switch/click", Name: "click"}},
}

func TestPropertyIsFoundByEveryName(t *testing.T) {
	for name, want := range map[string]int{
		"light/mode": 2, "p2_2": 2, "2.2": 2, "mode": 2, "switch/on": 4, "level": 6, "Mode": 2, "bright": 3, "power": 1, "pow": 1, "light/br": 3, "LIGHT/ON": 1,
	} {
		if got, err := property(lamp, name, mi.Read|mi.Write); got != want || err != nil {
			t.Errorf("property(%q) = %d, %v; want %d", name, got, err, want)
		}
	}
	if got, err := action(lamp, "toggle"); got != 0 || err != nil {
		t.Errorf("action(toggle) = %d, %v", got, err)
	}
}

func TestWhatIsCopiedNamesWhatStandsBehindIt(t *testing.T) {
	roles := func(yield func(string, []string) bool) {
		_ = yield("light_2/json", []string{"p2_1", "p2_3"}) && yield("light_2/state", []string{"p2_1"}) &&
			yield("light_2/brightness", []string{"p2_3"}) && yield("a2_1/press", []string{"a2_1"})
	}
	for name, want := range map[string]string{
		"prop.2.2": "p2_2", "property.2.2": "p2_2", "action.2.1": "a2_1", "2.2": "2.2", "p2_2": "p2_2", "light/on": "light/on",
		"light_2": "p2_1", "light_2/state": "p2_1", "light_2/brightness": "p2_3", "light_2/brightness/set": "p2_3", "light_2/json": "light_2/json",
		"mihome2mqtt/a_1/light_2/state/set": "p2_1", "some/base/a_1/a2_1/press": "a2_1", "mihome2mqtt/a_1/command/light/toggle": "light/toggle",
	} {
		if got := behind(name, "a.1", roles); got != want {
			t.Errorf("behind(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestPropertySaysWhatThereIs(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		code       int
	}{
		{"on", `“on” fits several: power, switch/on`, exitWrongUse},
		{"light", `“light” fits several: power, mode, brightness`, exitWrongUse},
		{"text", `the device has no property “text”. It has: model, power, mode, brightness, switch/on, level`, exitNotFound},
		{"--", `the device has no property “--”. It has: model, power, mode, brightness, switch/on, level`, exitNotFound},
	} {
		if _, err := property(lamp, tc.name, mi.Read|mi.Write); err == nil || err.Error() != tc.want || exitCode(err) != tc.code {
			t.Errorf("property(%q): got %v (%d)", tc.name, err, exitCode(err))
		}
	}
	if _, err := action(&mi.Spec{}, "x"); err == nil || err.Error() != "the device has no such action at all" {
		t.Errorf("got %v", err)
	}
}

func TestParseValue(t *testing.T) {
	for _, tc := range []struct {
		prop       int
		text, want string
		problem    string
	}{
		{1, "on", "true", ""},
		{1, "OFF", "false", ""},
		{1, "maybe", "", `name cannot be “maybe”. It can be: on, off.`},
		{2, "day", "0", ""},
		{2, "1", "1", ""},
		{2, "night", "", `name cannot be “night”. It can be: day, 1.`},
		{3, "50", "50", ""},
		{3, "0", "", `name cannot be “0”. It can be from 1 to 100.`},
		{3, "half", "", `name cannot be “half”. It is a whole number.`},
		{6, "1.5", "1.5", ""},
		{6, "x", "", `name cannot be “x”. It is a number.`},
		{5, "any text", "any text", ""},
	} {
		got, err := parseValue("name", &lamp.Props[tc.prop], tc.text)
		if err == nil && (got.String() != tc.want || tc.problem != "") || err != nil && err.Error() != tc.problem {
			t.Errorf("parseValue(%s, %q) = %v, %v", lamp.Props[tc.prop].Key, tc.text, got, err)
		}
	}
}

func TestShowValue(t *testing.T) {
	for _, tc := range []struct {
		prop  int
		value mi.Value
		want  string
	}{
		{2, mi.Float(0), "day"}, {2, mi.Int(1), "1"}, {3, mi.Int(50), "50 %"}, {1, mi.Bool(true), "on"}, {1, mi.Int(0), "off"}, {6, mi.Value{}, "unknown"},
	} {
		if got := show(&lamp.Props[tc.prop], tc.value); got != tc.want {
			t.Errorf("show(%s, %v) = %q, want %q", lamp.Props[tc.prop].Key, tc.value, got, tc.want)
		}
	}
}

func TestUsesAreSortedAndHoldNoArguments(t *testing.T) {
	e := &entity.Entity{Binds: []entity.Bind{
		{Props: []int{3, 1, 5}, Events: []int{0}}, {Props: []int{1, 0}, Actions: []int{0}},
	}}
	want := []string{"prop.2.1", "prop.2.3", "action.2.1", "event.3.1"}
	if diff := cmp.Diff(want, uses(lamp, e)); diff != "" {
		t.Error(diff)
	}
}

func TestCallSortsItsInputs(t *testing.T) {
	a := &mi.Action{Key: "light/set", In: []int{3, 1}}
	for _, tc := range []struct {
		given   string
		problem string
	}{
		{"5", "light/set takes 2 values: brightness, on (on, off)"},
		{"5 on 7", "light/set takes 2 values: brightness, on (on, off)"},
		{"5 --colour red", "light/set takes 2 values: brightness, on (on, off)"},
		{"5 --on", "light/set takes 2 values: brightness, on (on, off)"},
		{"high on", "brightness cannot be “high”. It is a whole number."},
		{"5 on", ""}, {"--on on 5", ""}, {"on=on 5", ""}, {"--on=yes --brightness 5", ""}, {"brightness=5 on", ""},
	} {
		got, err := (&callCmd{Value: strings.Fields(tc.given)}).arguments(lamp, a)
		if tc.problem != "" {
			if err == nil || err.Error() != tc.problem || exitCode(err) != exitWrongUse {
				t.Errorf("%q: %v", tc.given, err)
			}
			continue
		}
		if err != nil || len(got) != 2 || got[0] != mi.Int(5) || got[1] != mi.Bool(true) {
			t.Errorf("%q: got %v, %v", tc.given, got, err)
		}
	}
}

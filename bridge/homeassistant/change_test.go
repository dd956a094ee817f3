package homeassistant

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

func TestDiffReducesWhatVanishesFirst(t *testing.T) {
	d := Device{ID: "42", Name: "Thing"}
	sensor := one("sensor", "p2_1", "A <b>", state("state"))
	number := one("number", "p2_2", "B", both("state"))
	announce := func(form Form, entities ...entity.Entity) []Message {
		return Messages(form, "ha", d, model(entities...), opt)
	}
	old := announce(DeviceForm, sensor, number)

	if got, _ := Diff(old, announce(DeviceForm, sensor, number)); got != nil {
		t.Errorf("nothing changed, got %s", got)
	}
	if got, _ := Diff(nil, old); got != nil {
		t.Errorf("all is new, got %s", got)
	}
	if got, _ := Diff(old, announce(DeviceForm, sensor, number, one("button", "a1_1", "C", command("press")))); got != nil {
		t.Errorf("only something new, got %s", got)
	}

	got, after := Diff(old, announce(DeviceForm, sensor))
	if len(after) != 0 || len(got) != 1 || got[0].Topic != old[0].Topic {
		t.Fatalf("got %s", got)
	}
	want := decode(t, announce(DeviceForm, sensor)[0].Payload)
	want["components"].(map[string]any)["p2_2"] = map[string]any{"platform": "number"}
	if diff := cmp.Diff(want, decode(t, got[0].Payload)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if bytes.Contains(got[0].Payload, []byte(`\u003c`)) {
		t.Error("the reduced message escapes what the full one does not")
	}
}

func TestDiffChangesAPlatformInTwoSteps(t *testing.T) {
	d := Device{ID: "42"}
	old := Messages(DeviceForm, "ha", d, model(one("sensor", "p2_1", "A", state("state"))), opt)
	now := Messages(DeviceForm, "ha", d, model(one("number", "p2_1", "A", both("state"))), opt)
	steps, _ := Diff(old, now)
	if len(steps) != 1 {
		t.Fatalf("got %d steps, want 1", len(steps))
	}
	c := decode(t, steps[0].Payload)["components"].(map[string]any)["p2_1"]
	if diff := cmp.Diff(map[string]any{"platform": "sensor"}, c); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDiffEmptiesTopicsThatVanish(t *testing.T) {
	d := Device{ID: "42"}
	a, b := one("sensor", "p2_1", "A", state("state")), one("sensor", "p2_2", "B", state("state"))
	got, _ := Diff(Messages(SingleForm, "ha", d, model(a, b), opt), Messages(SingleForm, "ha", d, model(a), opt))
	want := []Message{{Topic: "ha/sensor/mihome2mqtt_42/p2_2/config"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDiffReplacesWhatItCannotRead(t *testing.T) {
	now := Messages(DeviceForm, "ha", Device{ID: "42"}, nil, opt)
	for _, payload := range []string{"", "{", "[]", `{"components":3}`, `{"components":{"a":3}}`, `{"cmps":{"a":{"p":"sensor"}}}`} {
		if got, _ := Diff([]Message{{Topic: now[0].Topic, Payload: []byte(payload)}}, now); got != nil {
			t.Errorf("Diff(%s) = %s, want no steps", payload, got)
		}
	}
}

func FuzzDiff(f *testing.F) {
	now := Messages(DeviceForm, "ha", Device{ID: "42"}, nil, opt)
	f.Add(now[0].Payload)
	f.Add([]byte(`{"components":{"a":{"platform":"sensor"}}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		steps, _ := Diff([]Message{{Topic: now[0].Topic, Payload: payload}}, now)
		for _, m := range steps {
			decode(t, m.Payload)
		}
	})
}

func TestOwnerKnowsOurTopics(t *testing.T) {
	type owner struct {
		Device string
		Form   Form
		OK     bool
	}
	for topic, want := range map[string]owner{
		"ha/device/mihome2mqtt_42/config":            {"42", DeviceForm, true},
		"ha/device/mihome2mqtt_bridge/config":        {"bridge", DeviceForm, true},
		"ha/sensor/mihome2mqtt_42/p2_1/config":       {"42", SingleForm, true},
		"ha/device/mihome2mqtt_/config":              {},
		"ha/device/zigbee2mqtt_42/config":            {},
		"ha/sensor/mihome2mqtt_42/config":            {},
		"ha/sensor/mihome2mqtt_42/a/b/config":        {},
		"ha/config":                                  {},
		"ha/device/config":                           {},
		"other/device/mihome2mqtt_42/config":         {},
		"ha/device/mihome2mqtt_42/state":             {},
		"ha/sensor/0x00158d/mihome2mqtt_42/p/config": {},
	} {
		device, form, ok := Owner("ha", topic)
		if got := (owner{device, form, ok}); got != want {
			t.Errorf("Owner(%q) = %v, want %v", topic, got, want)
		}
	}
}

func TestDiffMigratesBetweenForms(t *testing.T) {
	d := Device{ID: "42"}
	m := model(one("switch", "p2_1", "A", both("state")), one("fan", "fan_2", "F", both("state")))
	device, single := Messages(DeviceForm, "ha", d, m, opt), Messages(SingleForm, "ha", d, m, opt)
	letGo := []byte(`{"migrate_discovery":true}`)

	before, after := Diff(device, single)
	if len(before) != 2 || !bytes.Equal(before[1].Payload, letGo) || len(after) != 1 || after[0].Payload != nil {
		t.Fatalf("device to single: before %s, after %s", before, after)
	}
	reduced := decode(t, before[0].Payload)["components"].(map[string]any)
	for id, platform := range map[string]string{"fan_2": "fan", "last_seen": "sensor"} {
		if diff := cmp.Diff(map[string]any{"platform": platform}, reduced[id]); diff != "" {
			t.Errorf("%s has no home in the single form (-want +got)\n%s", id, diff)
		}
	}
	if len(reduced["p2_1"].(map[string]any)) < 2 {
		t.Error("p2_1 is taken away, though it moves")
	}

	before, after = Diff(single, device)
	want := map[string][]byte{
		"ha/switch/mihome2mqtt_42/p2_1/config": letGo, "ha/sensor/mihome2mqtt_42/connection/config": letGo,
		"ha/sensor/mihome2mqtt_42/last_error/config": letGo, "ha/sensor/mihome2mqtt_42/last_seen_value/config": nil,
		"ha/switch/mihome2mqtt_42/fan_2/config": nil,
	}
	for _, m := range before {
		if payload, ok := want[m.Topic]; !ok || !bytes.Equal(payload, m.Payload) {
			t.Errorf("single to device: %s gets %q, want %q", m.Topic, m.Payload, payload)
		}
	}
	if len(before) != len(want) || len(after) != 3 {
		t.Errorf("single to device: %d before, %d after, want %d and 3", len(before), len(after), len(want))
	}
}

func TestDiffOfARemovedDeviceEmptiesEverything(t *testing.T) {
	for _, form := range []Form{DeviceForm, SingleForm} {
		old := Messages(form, "ha", Device{ID: "42"}, nil, opt)
		before, after := Diff(old, nil)
		var topics []string
		for _, m := range old {
			topics = append(topics, m.Topic)
		}
		if diff := cmp.Diff(Removal(topics...), before); diff != "" || after != nil {
			t.Errorf("%s: after %s, before (-want +got)\n%s", form, after, diff)
		}
	}
}

func TestBridgesAreToldApartByTheirBaseTopic(t *testing.T) {
	mine, other := topic.Layout{Base: "mihome2mqtt"}, topic.Layout{Base: `attic/"mi"`}
	if a, b := BridgeID(mine), BridgeID(other); a != "bridge" || b != "bridge_attic__mi_" {
		t.Errorf("the bridges are %s and %s", a, b)
	}
	for _, form := range []Form{DeviceForm, SingleForm} {
		o := opt
		o.Layout = other
		messages := Messages(form, "ha", Device{ID: "42"}, model(one("switch", "p2_1", "A", both("state"))), o)
		for _, m := range append(messages, BridgeMessages(form, "ha", "", o)...) {
			if Foreign(other, m.Payload) || !Foreign(mine, m.Payload) {
				t.Errorf("%s is not told apart: %s", m.Topic, m.Payload)
			}
		}
	}
	if Foreign(mine, []byte(`{"device":{"identifiers":["x"]}}`)) || Foreign(mine, []byte(`{"migrate_discovery":true}`)) {
		t.Error("what names no topic is taken for another bridge's")
	}
}

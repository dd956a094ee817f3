package homeassistant

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestDeviceBlockSaysWhatIsKnown(t *testing.T) {
	info := mi.Info{
		DID: "lumi.158d0001a2b3c4", Model: "lumi.sensor_motion.aq2", Name: "Hall motion", Room: "Hall",
		MAC: "54:ef:44:00:00:01", Parent: "987", Firmware: "1.2.3", Hardware: "esp32",
	}
	got := decode(t, Messages(DeviceForm, "ha", NewDevice(info, &mi.Spec{Text: "Motion Sensor"}), nil, opt)[0].Payload)["device"]
	want := map[string]any{
		"identifiers": []any{"mihome2mqtt_lumi_158d0001a2b3c4"}, "connections": []any{[]any{"mac", "54:ef:44:00:00:01"}},
		"manufacturer": "Aqara", "model": "Motion Sensor", "model_id": "lumi.sensor_motion.aq2", "name": "Hall motion",
		"serial_number": "lumi.158d0001a2b3c4", "suggested_area": "Hall", "sw_version": "1.2.3", "hw_version": "esp32",
		"via_device": "mihome2mqtt_987",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDeviceBlockLeavesOutWhatIsUnknown(t *testing.T) {
	plain := opt
	plain.Areas = false
	d := Device{ID: "42", Area: "Hall", MAC: "00158d0001a2b3c4ff"}
	got := decode(t, Messages(DeviceForm, "ha", d, nil, plain)[0].Payload)["device"]
	want := map[string]any{"identifiers": []any{"mihome2mqtt_42"}, "name": "42", "via_device": "mihome2mqtt_bridge"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDeviceMessageHasNoForeignKeyAtTheTop(t *testing.T) {
	m := Messages(DeviceForm, "homeassistant", Device{ID: "42"}, model(lamp()), opt)[0]
	if m.Topic != "homeassistant/device/mihome2mqtt_42/config" {
		t.Errorf("topic is %s", m.Topic)
	}
	got := decode(t, m.Payload)
	keys := make([]string, 0, len(got))
	for key := range got {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if want := []string{"availability", "availability_mode", "components", "device", "origin"}; !slices.Equal(keys, want) {
		t.Errorf("keys are %v, want %v", keys, want)
	}
	want := []any{map[string]any{"topic": "mihome2mqtt/bridge/availability"}, map[string]any{"topic": "mihome2mqtt/42/availability"}}
	if diff := cmp.Diff(want, got["availability"]); diff != "" || got["availability_mode"] != "all" {
		t.Errorf("availability %v (-want +got)\n%s", got["availability_mode"], diff)
	}
}

func TestPayloadsAreSortedAndRepeatable(t *testing.T) {
	m := model(one("switch", "p9_1", "Z", both("state")), lamp(), one("sensor", "p2_1", "Ä \"quoted\" \\ <b>\x01\xff", state("state")))
	for _, form := range []Form{DeviceForm, SingleForm} {
		first := Messages(form, "ha", Device{ID: "42", Name: "Thing"}, m, opt)
		again := Messages(form, "ha", Device{ID: "42", Name: "Thing"}, m, opt)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("%s: the second try differs\n%s", form, diff)
		}
		for _, msg := range first {
			var v any
			if err := json.Unmarshal(msg.Payload, &v); err != nil {
				t.Fatalf("%s: %v", msg.Topic, err)
			}
			if sorted, err := marshal(v); err != nil || !bytes.Equal(sorted, msg.Payload) {
				t.Errorf("%s is not sorted:\n got %s\nwant %s", msg.Topic, msg.Payload, sorted)
			}
		}
		if !slices.IsSortedFunc(first, func(a, b Message) int { return strings.Compare(a.Topic, b.Topic) }) {
			t.Errorf("%s: topics are not sorted", form)
		}
	}
}

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		name   string
		entity entity.Entity
		want   any // nil is null, missing is no key
	}{
		{"main", entity.Entity{ID: "x", Component: "switch", Name: "Switch", Main: true}, nil},
		{"plain", entity.Entity{ID: "x", Component: "switch", Name: "Buzzer"}, "Buzzer"},
		{"named by its class", entity.Entity{ID: "x", Component: "sensor", Name: "Temperature", DeviceClass: "temperature", ClassNamed: true}, missing},
		{"repeats the device", entity.Entity{ID: "x", Component: "switch", Name: "thing fan level"}, "Fan level"},
		{"begins alike", entity.Entity{ID: "x", Component: "switch", Name: "Thingy"}, "Thingy"},
		{"is the device", entity.Entity{ID: "x", Component: "switch", Name: "Thing"}, "Thing"},
		{"nameless", entity.Entity{ID: "x", Component: "switch"}, "x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := components(t, tc.entity)["x"]
			got, ok := c["name"]
			if !ok {
				got = missing
			}
			if got != tc.want {
				t.Errorf("name is %v, want %v", got, tc.want)
			}
		})
	}
}

const missing = "(no key)"

func TestDescriptionKeysGoWhereTheyBelong(t *testing.T) {
	e := entity.Entity{
		ID: "x", Name: "X", Icon: "mdi:fan", Category: "config", DeviceClass: "temperature", StateClass: "measurement",
		Unit: "°C", Assumed: true, Binds: []entity.Bind{both("state", "a")},
	}
	for component, want := range map[string][]string{
		"sensor": {"device_class", "state_class", "unit_of_measurement"},
		"number": {"device_class", "optimistic", "unit_of_measurement"},
		"switch": {"device_class", "optimistic"},
		"select": {"optimistic"},
	} {
		e.Component = component
		c := components(t, e)["x"]
		var got []string
		for _, key := range []string{"device_class", "optimistic", "state_class", "unit_of_measurement"} {
			if _, ok := c[key]; ok {
				got = append(got, key)
			}
		}
		category := "config"
		if component == "sensor" {
			category = "diagnostic"
		}
		if !slices.Equal(got, want) || c["entity_category"] != category || c["icon"] != "mdi:fan" || c["enabled_by_default"] != false {
			t.Errorf("%s: got %v, want %v, in %v", component, got, want, c)
		}
	}
}

func TestHalvesThatAPlatformRefusesAreLeftOut(t *testing.T) {
	got := components(t,
		one("climate", "x", "X", both("mode", "off", "heat"), state("target_humidity")),
		one("cover", "y", "Y", both("state"), command("position")))
	for id, keys := range map[string][]string{
		"x": {"target_humidity_state_topic", "min_humidity"}, "y": {"set_position_topic", "position_topic"},
	} {
		for _, key := range keys {
			if _, ok := got[id][key]; ok {
				t.Errorf("%s has %s", id, key)
			}
		}
	}
}

func TestCommandsAreNotAnnounced(t *testing.T) {
	got := components(t, one("command", "a3_1", "Start", command("command")), one("switch", "x", "X", both("state")))
	if _, ok := got["a3_1"]; ok || got["x"] == nil {
		t.Errorf("announced %v", got)
	}
}

func TestDeviceWithoutSpecShowsItsDiagnostics(t *testing.T) {
	for _, alone := range []bool{true, false} {
		m := model()
		if alone {
			m = nil
		}
		got := decode(t, Messages(DeviceForm, "ha", Device{ID: "42"}, m, opt)[0].Payload)["components"].(map[string]any)
		for id, enabled := range map[string]bool{"connection": alone, "last_error": true, "last_seen": alone} {
			c := got[id].(map[string]any)
			_, off := c["enabled_by_default"]
			bridgeOnly := []any{map[string]any{"topic": "mihome2mqtt/bridge/availability"}}
			if off == enabled || c["entity_category"] != "diagnostic" || c["state_topic"] != "mihome2mqtt/42/"+id || !cmp.Equal(c["availability"], bridgeOnly) {
				t.Errorf("alone %v: %s is %v", alone, id, c)
			}
		}
		if len(got) != 3 {
			t.Errorf("alone %v: got %d components, want 3", alone, len(got))
		}
	}
}

func TestStateTextFitsAState(t *testing.T) {
	long := strings.Repeat("ü", 300)
	for in, want := range map[string]string{"": "None", " no answer \n": "no answer", long: strings.Repeat("ü", 254) + "…", "a\xffb": "a\ufffdb"} {
		if got := StateText(in); got != want {
			t.Errorf("StateText(%.20q…) = %q, want %q", in, got, want)
		}
	}
}

func TestButtonEventsAreTriggersToo(t *testing.T) {
	e := one("event", "event_2", "Button", state("event", "click", "click!", "单击"), state("trigger", "click", "click!", "单击"))
	e.DeviceClass = "button"
	got := components(t, e)
	for id, want := range map[string][2]string{
		"event_2_click": {"button_short_press", "click"}, "event_2_click2": {"button_short_press", "click!"}, "event_2_3": {"单击", "单击"},
	} {
		c := got[id]
		if c["platform"] != "device_automation" || c["automation_type"] != "trigger" || c["type"] != want[0] || c["payload"] != want[1] ||
			c["subtype"] != "Button" || c["topic"] != "mihome2mqtt/42/event_2/trigger" {
			t.Errorf("%s is %v, want %v", id, c, want)
		}
		if _, ok := c["unique_id"]; ok {
			t.Errorf("%s: a trigger has no unique_id", id)
		}
	}
	e.DeviceClass = "motion"
	if got := components(t, e); got["event_2_click"] != nil || got["event_2"] == nil {
		t.Errorf("motion: got %v", got)
	}
}

func TestBridgeDevice(t *testing.T) {
	m := BridgeMessages(DeviceForm, "homeassistant", "http://bridge:8099/", opt)[0]
	got := decode(t, m.Payload)
	if m.Topic != "homeassistant/device/mihome2mqtt_bridge/config" {
		t.Errorf("topic is %s", m.Topic)
	}
	device := got["device"].(map[string]any)
	if device["via_device"] != nil || device["configuration_url"] != "http://bridge:8099/" || device["sw_version"] != "1.0.0" {
		t.Errorf("device is %v", device)
	}
	all := got["components"].(map[string]any)
	for id, want := range map[string]object{
		"connection_state": {"platform": "binary_sensor", "state_topic": "mihome2mqtt/bridge/availability", "availability": []any{}},
		"restart":          {"platform": "button", "command_topic": "mihome2mqtt/bridge/request/restart"},
		"scan":             {"platform": "button", "command_topic": "mihome2mqtt/bridge/request/scan"},
		"log_level":        {"platform": "select", "state_topic": "mihome2mqtt/bridge/log_level", "command_topic": "mihome2mqtt/bridge/request/log_level"},
		"version":          {"platform": "sensor", "state_topic": "mihome2mqtt/bridge/version", "unique_id": "mihome2mqtt_bridge_version"},
		"devices":          {"platform": "sensor", "state_topic": "mihome2mqtt/bridge/device_count"},
		"problems":         {"platform": "sensor", "state_topic": "mihome2mqtt/bridge/problem_count", "json_attributes_topic": "mihome2mqtt/bridge/problems"},
	} {
		c := all[id].(map[string]any)
		for key, value := range want {
			if !cmp.Equal(c[key], value) {
				t.Errorf("%s: %s is %v, want %v", id, key, c[key], value)
			}
		}
	}
}

func TestTranslateNamesOurOwnEntities(t *testing.T) {
	german := opt
	german.Translate = func(s string) string { return map[string]string{"Last seen": "Zuletzt gesehen"}[s] }
	got := decode(t, Messages(DeviceForm, "ha", Device{ID: "42"}, nil, german)[0].Payload)["components"].(map[string]any)
	if name := got["last_seen"].(map[string]any)["name"]; name != "Zuletzt gesehen" {
		t.Errorf("name is %v", name)
	}
}

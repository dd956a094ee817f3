package homeassistant

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

func TestSingleFormNamesTopics(t *testing.T) {
	got := singles(t, one("switch", "p2_1", "Power", both("state")))
	want := []string{
		"domoticz/sensor/mihome2mqtt_42/connection/config", "domoticz/sensor/mihome2mqtt_42/last_error/config",
		"domoticz/sensor/mihome2mqtt_42/last_seen_value/config", "domoticz/switch/mihome2mqtt_42/p2_1/config",
	}
	if topics := slices.Sorted(maps.Keys(got)); !slices.Equal(topics, want) {
		t.Errorf("topics are %v, want %v", topics, want)
	}
	if id := got[want[2]]["unique_id"]; id != "mihome2mqtt_42_last_seen" {
		t.Errorf("the unique id follows the object id: %v", id)
	}
	if c := got[want[3]]; c["platform"] != nil || c["origin"] == nil || c["device"] == nil || c["availability_mode"] != "all" {
		t.Errorf("switch is %v", c)
	}
}

func TestSingleLights(t *testing.T) {
	for _, tc := range []struct {
		name   string
		entity entity.Entity
		schema any
		topic  string
	}{
		{"full", lamp(), "json", "json_mired"},
		{"dims", one("light", "light_2", "L", both("json"), both("state"), both("brightness")), "json", "json"},
		{"effects", one("light", "light_2", "L", both("json"), both("state"), both("effect", "Day")), "json", "json"},
		{"switches", one("light", "light_2", "L", both("json"), both("state")), nil, "state"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := singles(t, tc.entity)["domoticz/light/mihome2mqtt_42/light_2/config"]
			if at := "mihome2mqtt/42/light_2/" + tc.topic; c["schema"] != tc.schema || c["state_topic"] != at || c["command_topic"] != at+"/set" {
				t.Errorf("got %v, want schema %v on %s", c, tc.schema, at)
			}
			if c["color_temp_kelvin"] != nil || c["min_kelvin"] != nil {
				t.Errorf("kelvin in %v", c)
			}
			if tc.name == "full" && (c["min_mireds"] != 153. || c["max_mireds"] != 371.) {
				t.Errorf("mireds are %v..%v, want 153..371", c["min_mireds"], c["max_mireds"])
			}
		})
	}
}

func TestCompositesThatDomoticzDropsBecomeParts(t *testing.T) {
	fan := one("fan", "fan_2", "", both("preset_mode", "Auto", "Silent"), both("state"), both("oscillation"), state("speed"))
	fan.Main = true
	heater := one("climate", "climate_2", "Heater", both("mode", "off", "heat"), state("current_temperature"), both("power"))
	warmer := one("climate", "climate_3", "Warmer", both("mode", "off", "heat"))
	got := singles(t, fan, heater, warmer)
	for topic, want := range map[string]object{
		"switch/mihome2mqtt_42/fan_2": {"unique_id": "mihome2mqtt_42_fan_2", "name": nil, "command_topic": "mihome2mqtt/42/fan_2/state/set"},
		"select/mihome2mqtt_42/fan_2_preset_mode": {
			"unique_id": "mihome2mqtt_42_fan_2_preset_mode", "name": "Preset mode", "state_topic": "mihome2mqtt/42/fan_2/preset_mode",
		},
		"switch/mihome2mqtt_42/fan_2_oscillation": {"name": "Oscillation", "command_topic": "mihome2mqtt/42/fan_2/oscillation/set"},
		"switch/mihome2mqtt_42/climate_2":         {"name": "Heater", "state_topic": "mihome2mqtt/42/climate_2/power"},
		"select/mihome2mqtt_42/climate_2_mode":    {"name": "Heater mode", "command_topic": "mihome2mqtt/42/climate_2/mode/set"},
		"select/mihome2mqtt_42/climate_3":         {"name": "Warmer"},
	} {
		c, ok := got["domoticz/"+topic+"/config"]
		if !ok {
			t.Errorf("%s is not announced", topic)
		}
		for key, value := range want {
			if c[key] != value {
				t.Errorf("%s: %s is %v, want %v", topic, key, c[key], value)
			}
		}
	}
	for topic := range got {
		if strings.HasPrefix(topic, "domoticz/fan/") || strings.HasPrefix(topic, "domoticz/climate/") {
			t.Errorf("%s would be dropped", topic)
		}
	}
}

func TestNumberThatTellsNothingHasAStateTopicForDomoticz(t *testing.T) {
	e := one("number", "p2_1", "Delay", command("state"))
	e.Assumed = true
	c := singles(t, e)["domoticz/number/mihome2mqtt_42/p2_1/config"]
	if c["state_topic"] != "mihome2mqtt/42/p2_1/state" || c["optimistic"] != true {
		t.Errorf("got %v", c)
	}
	if c := components(t, e)["p2_1"]; c["state_topic"] != nil {
		t.Errorf("the device form has it too: %v", c)
	}
}

func TestHumidifierWithoutTargetBecomesPartsEverywhere(t *testing.T) {
	e := one("humidifier", "humidifier_2", "", both("state"), both("mode", "Low", "High"))
	got := components(t, e)
	if got["humidifier_2"]["platform"] != "switch" || got["humidifier_2_mode"]["platform"] != "select" {
		t.Errorf("got %v", got)
	}
}

func TestEveryEventIsATriggerInTheSingleForm(t *testing.T) {
	e := one("event", "event_2", "Motion", state("event", "motion-detected"), state("trigger", "motion-detected"))
	c := singles(t, e)["domoticz/device_automation/mihome2mqtt_42/event_2_motion_detected/config"]
	if c["payload"] != "motion-detected" || c["topic"] != "mihome2mqtt/42/event_2/trigger" || c["device"] == nil {
		t.Errorf("trigger is %v", c)
	}
}

func TestObjectIDsSurviveDomoticz(t *testing.T) {
	for _, tc := range []struct{ platform, id, want string }{
		{"sensor", "p2_1", "p2_1"},
		{"button", "restart", "restart_value"},
		{"select", "log_level", "log_level_value"},
		{"binary_sensor", "connection_state", "connection_state_value"},
		{"sensor", "temperature_min", "temperature_min_value"},
		{"number", "temperature_min", "temperature_min"},
		{"sensor", "max_power", "max-power-value"},
		{"sensor", "smoke_alarm", "smoke-alarm-value"},
		{"switch", "smoke_alarm", "smoke_alarm"},
		{"text", "ip_address", "ip-address-value"},
	} {
		got := survivor(tc.platform, tc.id)
		if got != tc.want {
			t.Errorf("survivor(%s, %s) = %s, want %s", tc.platform, tc.id, got, tc.want)
		}
		if dropped(tc.platform, got) {
			t.Errorf("%s %s is dropped still", tc.platform, got)
		}
	}
}

// TestSingleFormKeepsDomoticzsRules holds every rule to every platform.
func TestSingleFormKeepsDomoticzsRules(t *testing.T) {
	for _, tc := range platformCases() {
		e := tc.entity
		e.ID = "x"
		checkDomoticz(t, Messages(SingleForm, "domoticz", Device{ID: "42", Name: "Thing"}, model(e, lamp()), opt))
	}
	checkDomoticz(t, BridgeMessages(SingleForm, "domoticz", "", opt))
}

// domoticz lists the components it reads, each with the keys without which it drops them.
var domoticz = map[string][]string{
	"binary_sensor": nil, "button": nil, "climate": {"temperature_command_topic"}, "cover": nil,
	"device_automation": {"topic", "payload"}, "fan": {"percentage_command_topic"}, "light": {"command_topic"},
	"lock": {"command_topic"}, "number": {"state_topic"}, "select": {"command_topic", "options"},
	"sensor": {"state_topic"}, "switch": {"command_topic"}, "text": nil,
}

func checkDomoticz(t *testing.T, messages []Message) {
	t.Helper()
	for _, m := range messages {
		levels := strings.Split(m.Topic, "/")
		component, id, c := levels[1], levels[len(levels)-2], decode(t, m.Payload)
		needs, read := domoticz[component]
		if !read {
			continue
		}
		for _, key := range needs {
			if c[key] == nil {
				t.Errorf("%s: dropped without %s", m.Topic, key)
			}
		}
		if dropped(component, id) {
			t.Errorf("%s: dropped for its object id", m.Topic)
		}
		for key := range c {
			if strings.HasSuffix(key, "_template") || strings.HasSuffix(key, "_kelvin") || key == "~" {
				t.Errorf("%s: %s is not understood", m.Topic, key)
			}
		}
		if c["json_attributes_topic"] != nil && c["state_topic"] == nil {
			t.Errorf("%s: attributes would be taken as the state", m.Topic)
		}
		checkDomoticzLight(t, m.Topic, component, c)
		checkLastAvailability(t, m.Topic, c)
	}
}

func checkDomoticzLight(t *testing.T, topic, component string, c object) {
	t.Helper()
	if component == "light" && c["brightness"] == true && c["schema"] != "json" {
		t.Errorf("%s: dims, but not as json", topic)
	}
}

// checkLastAvailability: the last topic wins, so it is the device's own. What is about the
// device's connection only follows the bridge.
func checkLastAvailability(t *testing.T, topic string, c object) {
	t.Helper()
	all, _ := c["availability"].([]any)
	if len(all) < 2 {
		return
	}
	if last := all[len(all)-1].(map[string]any)["topic"]; last != "mihome2mqtt/42/availability" {
		t.Errorf("%s: the last availability is %v", topic, last)
	}
}

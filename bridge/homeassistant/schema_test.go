package homeassistant

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

const at = "mihome2mqtt/42/x/"

type platformCase struct {
	entity entity.Entity
	want   object // besides name, platform and unique_id
}

func platformCases() []platformCase {
	return []platformCase{
		{one("sensor", "x", "X", state("state")), object{"state_topic": at + "state"}},
		{one("binary_sensor", "x", "X", state("state")), object{"state_topic": at + "state"}},
		{one("switch", "x", "X", both("state")), object{"state_topic": at + "state", "command_topic": at + "state/set"}},
		{one("number", "x", "X", limits(both("state"), 1, 9, 0.5)), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "min": 1., "max": 9., "step": 0.5,
		}},
		{one("number", "x", "X", limits(both("state"), 0, 0.01, 0.0001)), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "min": 0., "max": 0.01, "step": 0.001,
		}},
		{one("number", "x", "X", both("state")), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "min": -2147483648., "max": 2147483647., "mode": "box",
		}},
		{one("select", "x", "X", both("state", "a", "b")), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "options": []any{"a", "b"},
		}},
		{one("text", "x", "X", limits(both("state"), 0, 40, 0)), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "max": 40.,
		}},
		{one("button", "x", "X", command("press")), object{"command_topic": at + "press/set"}},
		{one("scene", "x", "X", command("press")), object{"command_topic": at + "press/set", "payload_on": "ON"}},
		{one("notify", "x", "X", command("message")), object{"command_topic": at + "message/set"}},
		{one("event", "x", "X", state("event", "motion"), state("trigger", "motion")), object{
			"state_topic": at + "event", "event_types": []any{"motion"},
		}},
		{one("light", "x", "X", both("json"), both("state")), object{
			"state_topic": at + "json", "command_topic": at + "json/set", "schema": "json", "flash": false, "transition": false,
			"supported_color_modes": []any{"onoff"},
		}},
		{fading(one("light", "x", "X", both("json"), both("state"))), object{
			"state_topic": at + "json", "command_topic": at + "json/set", "schema": "json", "flash": true, "transition": true,
			"supported_color_modes": []any{"onoff"},
		}},
		{one("light", "x", "X", both("json"), both("state"), both("brightness")), object{
			"state_topic": at + "json", "command_topic": at + "json/set", "schema": "json", "flash": false, "transition": false,
			"supported_color_modes": []any{"brightness"}, "brightness": true,
		}},
		{one("light", "x", "X", both("json"), both("brightness"), limits(both("color_temp"), 2700, 6500, 1), both("rgb"), both("effect", "Day")), object{
			"state_topic": at + "json", "command_topic": at + "json/set", "schema": "json", "flash": false, "transition": false,
			"supported_color_modes": []any{"color_temp", "rgb"}, "brightness": true, "color_temp_kelvin": true,
			"min_kelvin": 2700., "max_kelvin": 6500., "effect": true, "effect_list": []any{"Day"},
		}},
		{one("fan", "x", "X", both("state"), limits(both("percentage"), 0, 100, 1), both("preset_mode", "Auto"), both("oscillation"), both("direction")), object{
			"state_topic": at + "state", "command_topic": at + "state/set",
			"percentage_state_topic": at + "percentage", "percentage_command_topic": at + "percentage/set",
			"preset_mode_state_topic": at + "preset_mode", "preset_mode_command_topic": at + "preset_mode/set", "preset_modes": []any{"Auto"},
			"oscillation_state_topic": at + "oscillation", "oscillation_command_topic": at + "oscillation/set",
			"payload_oscillation_on": "ON", "payload_oscillation_off": "OFF",
			"direction_state_topic": at + "direction", "direction_command_topic": at + "direction/set",
		}},
		{one("fan", "x", "X", both("state"), limits(both("percentage"), 1, 4, 1)), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "speed_range_min": 1., "speed_range_max": 4.,
			"percentage_state_topic": at + "percentage", "percentage_command_topic": at + "percentage/set",
		}},
		{one("climate", "x", "X", both("mode", "off", "cool"), limits(both("temperature"), 16, 30, 0.5), state("current_temperature"), state("current_humidity"),
			limits(both("target_humidity"), 30, 70, 1), both("fan_mode", "Low"), both("swing_mode", "ON", "OFF"), both("swing_horizontal_mode", "ON", "OFF"),
			both("preset_mode", "Eco"), state("action"), command("power")), object{
			"mode_state_topic": at + "mode", "mode_command_topic": at + "mode/set", "modes": []any{"off", "cool"},
			"temperature_state_topic": at + "temperature", "temperature_command_topic": at + "temperature/set",
			"min_temp": 16., "max_temp": 30., "temp_step": 0.5, "precision": 0.1, "temperature_unit": "C",
			"current_temperature_topic": at + "current_temperature", "current_humidity_topic": at + "current_humidity",
			"target_humidity_state_topic": at + "target_humidity", "target_humidity_command_topic": at + "target_humidity/set",
			"min_humidity": 30., "max_humidity": 70.,
			"fan_mode_state_topic": at + "fan_mode", "fan_mode_command_topic": at + "fan_mode/set", "fan_modes": []any{"Low"},
			"swing_mode_state_topic": at + "swing_mode", "swing_mode_command_topic": at + "swing_mode/set", "swing_modes": []any{"ON", "OFF"},
			"swing_horizontal_mode_state_topic": at + "swing_horizontal_mode", "swing_horizontal_mode_command_topic": at + "swing_horizontal_mode/set",
			"swing_horizontal_modes":  []any{"ON", "OFF"},
			"preset_mode_state_topic": at + "preset_mode", "preset_mode_command_topic": at + "preset_mode/set", "preset_modes": []any{"Eco"},
			"action_topic": at + "action", "power_command_topic": at + "power/set",
		}},
		{one("climate", "x", "X", limits(both("temperature"), 16, 30, 1), both("power")), object{
			"temperature_state_topic": at + "temperature", "temperature_command_topic": at + "temperature/set",
			"min_temp": 16., "max_temp": 30., "temp_step": 1., "precision": 1., "temperature_unit": "C", "modes": []any{},
			"power_command_topic": at + "power/set",
		}},
		{one("humidifier", "x", "X", both("state"), limits(both("target_humidity"), 30, 80, 1), state("current_humidity"), both("mode", "Low"), state("action")), object{
			"state_topic": at + "state", "command_topic": at + "state/set",
			"target_humidity_state_topic": at + "target_humidity", "target_humidity_command_topic": at + "target_humidity/set",
			"min_humidity": 30., "max_humidity": 80., "current_humidity_topic": at + "current_humidity",
			"mode_state_topic": at + "mode", "mode_command_topic": at + "mode/set", "modes": []any{"Low"}, "action_topic": at + "action",
		}},
		{one("water_heater", "x", "X", both("mode", "off", "eco"), limits(both("temperature"), 35, 60, 1), state("current_temperature"), command("power")), object{
			"mode_state_topic": at + "mode", "mode_command_topic": at + "mode/set", "modes": []any{"off", "eco"},
			"temperature_state_topic": at + "temperature", "temperature_command_topic": at + "temperature/set",
			"min_temp": 35., "max_temp": 60., "precision": 0.1, "temperature_unit": "C",
			"current_temperature_topic": at + "current_temperature", "power_command_topic": at + "power/set",
		}},
		{one("cover", "x", "X", both("state", "OPEN", "CLOSE"), limits(both("position"), 0, 100, 1)), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "payload_stop": nil,
			"position_topic": at + "position", "set_position_topic": at + "position/set",
		}},
		{one("vacuum", "x", "X", state("state"), command("command", "start", "return_to_base"), both("fan_speed", "Silent"), command("send_command")), object{
			"state_topic": at + "state", "command_topic": at + "command/set", "set_fan_speed_topic": at + "fan_speed/set",
			"send_command_topic": at + "send_command/set", "fan_speed_list": []any{"Silent"},
			"supported_features": []any{"start", "return_home", "fan_speed", "send_command"},
		}},
		{one("lawn_mower", "x", "X", state("activity"), command("start_mowing"), command("pause"), command("dock")), object{
			"activity_state_topic": at + "activity", "start_mowing_command_topic": at + "start_mowing/set",
			"pause_command_topic": at + "pause/set", "dock_command_topic": at + "dock/set",
		}},
		{one("lock", "x", "X", both("state")), object{"state_topic": at + "state", "command_topic": at + "state/set"}},
		{one("valve", "x", "X", both("state")), object{"state_topic": at + "state", "command_topic": at + "state/set"}},
		{one("siren", "x", "X", both("state")), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "support_duration": false, "support_volume_set": false,
		}},
		{one("alarm_control_panel", "x", "X", both("state", "armed_home", "ARM_AWAY", "disarmed")), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "code_arm_required": false, "code_disarm_required": false,
			"code_trigger_required": false, "supported_features": []any{"arm_home", "arm_away"},
		}},
		{one("device_tracker", "x", "X", state("attributes")), object{"json_attributes_topic": at + "attributes", "source_type": "gps"}},
		{one("device_tracker", "x", "X", state("state")), object{"state_topic": at + "state", "source_type": "router"}},
		{one("image", "x", "X", state("image")), object{"image_topic": at + "image"}},
		{one("update", "x", "X", both("state")), object{
			"state_topic": at + "state", "command_topic": at + "state/set", "payload_install": "install",
		}},
	}
}

func TestPlatformsAnnounceTheirRoles(t *testing.T) {
	for _, tc := range platformCases() {
		t.Run(tc.entity.Component, func(t *testing.T) {
			got := components(t, tc.entity)["x"]
			if got["platform"] != tc.entity.Component || got["unique_id"] != "mihome2mqtt_42_x" || got["name"] != "X" {
				t.Errorf("identity is %v %v %v", got["platform"], got["unique_id"], got["name"])
			}
			for _, key := range []string{"name", "platform", "unique_id"} {
				delete(got, key)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEveryPlatformHasACase(t *testing.T) {
	for name := range platforms {
		if !slices.ContainsFunc(platformCases(), func(c platformCase) bool { return c.entity.Component == name }) {
			t.Errorf("no case for %s", name)
		}
	}
}

func loadSchema(t *testing.T) schema {
	t.Helper()
	text, err := os.ReadFile("../../../shared/data/mqtt-schema.json")
	if err != nil {
		t.Skip("the schema of Home Assistant is not here: ", err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestComponentsFitTheSchema(t *testing.T) {
	s := loadSchema(t)
	for _, tc := range platformCases() {
		for _, assumed := range []bool{false, true} {
			e := tc.entity
			e.Assumed, e.Icon, e.Category = assumed, "mdi:fan", "config"
			for _, problem := range s.problems(e.Component, components(t, e)["x"]) {
				t.Errorf("%s: %s", e.Component, problem)
			}
		}
	}
}

func TestSchemaNoticesWhatIsWrong(t *testing.T) {
	s := loadSchema(t)
	for want, c := range map[string]object{
		`key "colour" would be dropped`:                     {"state_topic": "a", "colour": "red"},
		`key "state_topic" is missing`:                      {},
		`force_update is yes, want a boolean`:               {"state_topic": "a", "force_update": "yes"},
		`category config is refused`:                        {"state_topic": "a", "entity_category": "config"},
		`unit "W" is not for device_class energy`:           {"state_topic": "a", "device_class": "energy", "unit_of_measurement": "W"},
		`state_class measurement is not for energy`:         {"state_topic": "a", "device_class": "energy", "unit_of_measurement": "kWh", "state_class": "measurement"},
		`device_class warmth does not exist`:                {"state_topic": "a", "device_class": "warmth"},
		`options without device_class enum, or with a unit`: {"state_topic": "a", "options": []any{"a"}},
		`options of device_class enum are missing`:          {"state_topic": "a", "device_class": "enum"},
		`unit "" is not for device_class temperature`:       {"state_topic": "a", "device_class": "temperature"},
		`state_class hourly does not exist`:                 {"state_topic": "a", "state_class": "hourly"},
	} {
		if got := s.problems("sensor", c); !slices.Contains(got, want) {
			t.Errorf("problems(%v) = %q, want %q", c, got, want)
		}
	}
}

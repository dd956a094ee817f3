package homeassistant

import "github.com/mihome2mqtt/mihome2mqtt/bridge/entity"

// keys are the discovery keys that announce one role; "" means that the platform
// has none of the kind.
type keys struct {
	state, command string // topics
	options        string // the words that the role takes
	min, max, step string // limits
	settable       bool   // refused unless it takes orders
	readable       bool   // takes orders only when it tells its state too
}

// platform is what discovery takes for one component.
type platform struct {
	roles      map[entity.Role]keys
	class      bool          // takes device_class
	optimistic bool          // takes optimistic
	needs      []entity.Role // roles whose command the platform insists on
	fixed      []field       // what is always said
	finish     func(w *writer, e *entity.Entity)
}

var (
	twoWay = keys{state: "state_topic", command: "command_topic"}
	order  = keys{command: "command_topic"}
	choice = keys{state: "state_topic", command: "command_topic", options: "options"}
)

func pair(role string) keys {
	return keys{state: role + "_state_topic", command: role + "_command_topic"}
}

func mode(role, options string) keys {
	return keys{state: role + "_state_topic", command: role + "_command_topic", options: options}
}

func reading(role string) keys { return keys{state: role + "_topic"} }

// degrees announces a target temperature, share a target humidity.
var (
	degrees = keys{state: "temperature_state_topic", command: "temperature_command_topic", min: "min_temp", max: "max_temp"}
	share   = keys{state: "target_humidity_state_topic", command: "target_humidity_command_topic", min: "min_humidity", max: "max_humidity", settable: true}
)

// platforms says for each component which key announces which role. Roles that a
// platform has no key for stay plain topics.
var platforms = map[string]platform{
	"alarm_control_panel": {
		roles:  map[entity.Role]keys{"state": twoWay},
		fixed:  []field{flag("code_arm_required", false), flag("code_disarm_required", false), flag("code_trigger_required", false)},
		finish: (*writer).armingModes,
	},
	"binary_sensor": {roles: map[entity.Role]keys{"state": {state: "state_topic"}}, class: true},
	"button":        {roles: map[entity.Role]keys{"press": order}, class: true},
	"climate": {
		roles: map[entity.Role]keys{
			"mode": mode("mode", "modes"), "temperature": {state: degrees.state, command: degrees.command, min: degrees.min, max: degrees.max, step: "temp_step"},
			"current_temperature": reading("current_temperature"), "current_humidity": reading("current_humidity"),
			"target_humidity": share, "fan_mode": mode("fan_mode", "fan_modes"), "swing_mode": mode("swing_mode", "swing_modes"),
			"swing_horizontal_mode": mode("swing_horizontal_mode", "swing_horizontal_modes"),
			"preset_mode":           mode("preset_mode", "preset_modes"), "action": reading("action"), "power": {command: "power_command_topic"},
		},
		optimistic: true, finish: (*writer).degrees,
	},
	"cover": {
		roles: map[entity.Role]keys{"state": twoWay, "position": {state: "position_topic", command: "set_position_topic", readable: true}},
		class: true, optimistic: true, finish: (*writer).coverWords,
	},
	"device_tracker": {
		roles:  map[entity.Role]keys{"state": {state: "state_topic"}, "attributes": {state: "json_attributes_topic"}},
		finish: (*writer).source,
	},
	"event": {roles: map[entity.Role]keys{"event": {state: "state_topic", options: "event_types"}}, class: true},
	"fan": {
		roles: map[entity.Role]keys{
			"state": twoWay, "percentage": pair("percentage"), "preset_mode": mode("preset_mode", "preset_modes"),
			"oscillation": pair("oscillation"), "direction": pair("direction"),
		},
		optimistic: true, needs: []entity.Role{"state"}, finish: (*writer).fanSpeeds,
	},
	"humidifier": {
		roles: map[entity.Role]keys{
			"state": twoWay, "target_humidity": share, "current_humidity": reading("current_humidity"),
			"mode": mode("mode", "modes"), "action": reading("action"),
		},
		class: true, optimistic: true, needs: []entity.Role{"state", "target_humidity"},
	},
	"image": {roles: map[entity.Role]keys{"image": reading("image"), "url": reading("url")}},
	"lawn_mower": {
		roles: map[entity.Role]keys{
			"activity": {state: "activity_state_topic"}, "start_mowing": {command: "start_mowing_command_topic"},
			"pause": {command: "pause_command_topic"}, "dock": {command: "dock_command_topic"}, "stop": {command: "stop_command_topic"},
		},
		optimistic: true,
	},
	"light":  {roles: map[entity.Role]keys{"json": twoWay}, optimistic: true, finish: (*writer).lightJSON},
	"lock":   {roles: map[entity.Role]keys{"state": twoWay}, optimistic: true},
	"notify": {roles: map[entity.Role]keys{"message": order}},
	"number": {
		roles: map[entity.Role]keys{"state": {state: twoWay.state, command: twoWay.command, min: "min", max: "max", step: "step"}},
		class: true, optimistic: true, finish: (*writer).openRange,
	},
	"scene":  {roles: map[entity.Role]keys{"press": order}, fixed: []field{text("payload_on", "ON")}},
	"select": {roles: map[entity.Role]keys{"state": choice}, optimistic: true},
	"sensor": {roles: map[entity.Role]keys{"state": {state: "state_topic"}}, class: true, finish: (*writer).enumOptions},
	"siren": {
		roles: map[entity.Role]keys{"state": twoWay}, optimistic: true,
		fixed: []field{flag("support_duration", false), flag("support_volume_set", false)},
	},
	"switch": {roles: map[entity.Role]keys{"state": twoWay}, class: true, optimistic: true},
	"text":   {roles: map[entity.Role]keys{"state": twoWay}, optimistic: true, finish: (*writer).textLength},
	"update": {roles: map[entity.Role]keys{"state": twoWay}, class: true, finish: (*writer).install},
	"vacuum": {
		roles: map[entity.Role]keys{
			"state": {state: "state_topic"}, "command": order, "send_command": {command: "send_command_topic"},
			"fan_speed": {command: "set_fan_speed_topic", options: "fan_speed_list"},
		},
		finish: (*writer).vacuumFeatures,
	},
	"valve": {roles: map[entity.Role]keys{"state": twoWay}, class: true, optimistic: true},
	"water_heater": {
		roles: map[entity.Role]keys{
			"mode": mode("mode", "modes"), "temperature": degrees,
			"current_temperature": reading("current_temperature"), "power": {command: "power_command_topic"},
		},
		optimistic: true, finish: (*writer).degrees,
	},
}

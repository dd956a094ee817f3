package homeassistant

import (
	"fmt"
	"slices"
	"strings"
)

// schema is what Home Assistant knows of each platform.
type schema struct {
	Platforms map[string]struct {
		Keys map[string]struct {
			Required bool
			Type     any
		}
	}
	Common map[string]any
	Sensor struct {
		Classes map[string]struct {
			Units        []string
			StateClasses []string `json:"state_classes"`
		} `json:"device_classes"`
	}
	Number struct {
		Classes map[string][]string `json:"device_classes"`
	}
	Binary classes `json:"binary_sensor"`
	Button classes
	Cover  classes
	Event  classes
	Humid  classes `json:"humidifier"`
	Switch classes
	Update classes
	Valve  classes
}

type classes struct {
	Classes []string `json:"device_classes"`
}

// problems lists what Home Assistant would drop, refuse or complain of in a
// component.
func (s schema) problems(platform string, c object) []string {
	known := s.Platforms[platform].Keys
	if platform == "light" {
		known = s.Platforms["light:json"].Keys
	}
	var out []string
	for key, value := range c {
		k, ok := known[key]
		if _, common := s.Common[key]; !ok && !common && key != "platform" {
			out = append(out, fmt.Sprintf("key %q would be dropped", key))
		}
		if _, truth := value.(bool); k.Type == "boolean" && !truth {
			out = append(out, fmt.Sprintf("%s is %v, want a boolean", key, value))
		}
	}
	for key, k := range known {
		if _, ok := c[key]; k.Required && !ok && key != "device" {
			out = append(out, fmt.Sprintf("key %q is missing", key))
		}
	}
	out = append(out, s.classProblems(platform, c)...)
	slices.Sort(out)
	return out
}

func (s schema) classProblems(platform string, c object) []string {
	class, _ := c["device_class"].(string)
	unit, _ := c["unit_of_measurement"].(string)
	unit = strings.ReplaceAll(unit, "µ", "μ")
	switch platform {
	case "sensor":
		return s.sensorProblems(class, unit, c)
	case "number":
		units, ok := s.Number.Classes[class]
		return classAndUnit(class, unit, ok, units)
	}
	lists := map[string]classes{
		"binary_sensor": s.Binary, "button": s.Button, "cover": s.Cover, "event": s.Event,
		"humidifier": s.Humid, "switch": s.Switch, "update": s.Update, "valve": s.Valve,
	}
	out := classAndUnit(class, "", slices.Contains(lists[platform].Classes, class), nil)
	if platform == "binary_sensor" && c["entity_category"] == "config" {
		out = append(out, "category config is refused")
	}
	return out
}

func (s schema) sensorProblems(class, unit string, c object) []string {
	facts, ok := s.Sensor.Classes[class]
	out := classAndUnit(class, unit, ok, facts.Units)
	state, _ := c["state_class"].(string)
	_, options := c["options"]
	switch {
	case c["entity_category"] == "config":
		out = append(out, "category config is refused")
	case options && (class != "enum" || unit != "" || state != ""):
		out = append(out, "options without device_class enum, or with a unit")
	case class == "enum" && !options:
		out = append(out, "options of device_class enum are missing")
	}
	switch {
	case state == "":
	case !slices.Contains([]string{"measurement", "measurement_angle", "total", "total_increasing"}, state):
		out = append(out, "state_class "+state+" does not exist")
	case class != "" && !slices.Contains(facts.StateClasses, state):
		out = append(out, "state_class "+state+" is not for "+class)
	}
	return out
}

func classAndUnit(class, unit string, exists bool, units []string) []string {
	switch {
	case class == "":
		return nil
	case !exists:
		return []string{"device_class " + class + " does not exist"}
	case len(units) == 0 || slices.Contains(units, "any") || slices.Contains(units, unit):
		return nil
	case unit == "" && slices.Contains(units, "(none)"):
		return nil
	}
	return []string{fmt.Sprintf("unit %q is not for device_class %s", unit, class)}
}

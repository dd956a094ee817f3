package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mqtt"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// telling are device classes by how much they say about a device.
var telling = []string{"pm25", "carbon_dioxide", "temperature", "motion", "occupancy", "door", "moisture", "smoke", "power", "illuminance", "humidity", "battery"}

// Main implements web.Bridge: the device's own entity, else its most telling sensor,
// else its first state.
func (p *Pages) Main(id string) string {
	look, ok := p.opt.Topics.Look(id)
	if !ok {
		return ""
	}
	best, rank := "", 1<<20
	for i := range look.Model.Entities {
		e := &look.Model.Entities[i]
		if !e.Enabled {
			continue
		}
		if r := importance(e); r < rank {
			if text := p.mainText(look, i); text != "" {
				best, rank = text, r
			}
		}
	}
	return best
}

func importance(e *entity.Entity) int {
	class := slices.Index(telling, e.DeviceClass)
	switch {
	case class == 0 || class == 1: // air quality says more than that the fan is on
		return class
	case e.Main:
		return 2
	case class >= 0:
		return 3 + class
	case e.Component == "switch" || e.Component == "light":
		return 20
	case e.Category != "":
		return 40
	}
	return 30
}

func (p *Pages) mainText(look mqtt.Look, i int) string {
	e := &look.Model.Entities[i]
	for _, role := range []entity.Role{"state", "activity", "mode", "power"} {
		b := bindOf(e, role)
		if b == nil || !b.State || e.Component == "vacuum" && role == "state" {
			continue
		}
		r := p.reading(look, i, b)
		if r.Value == nil || *r.Value == "None" {
			continue
		}
		if e.Main || e.Name == "" {
			return r.Text
		}
		return e.Name + " " + r.Text
	}
	return ""
}

// Readings implements web.Bridge.
func (p *Pages) Readings(id string, entities []string) (out []web.Reading) {
	look, ok := p.opt.Topics.Look(id)
	if !ok {
		return nil
	}
	for i := range look.Model.Entities {
		e := &look.Model.Entities[i]
		if !slices.Contains(entities, e.ID) {
			continue
		}
		for k := range e.Binds {
			if e.Binds[k].State {
				out = append(out, p.reading(look, i, &e.Binds[k]))
			}
		}
	}
	return out
}

// reading is what stands on a role's topic, and the same for people.
func (p *Pages) reading(look mqtt.Look, i int, b *entity.Bind) web.Reading {
	e := &look.Model.Entities[i]
	r := web.Reading{Entity: e.ID, Role: string(b.Role), Unit: unitOf(e, b.Role), Text: "–"}
	text, known := look.Text(i, b.Role)
	if !known {
		return r
	}
	r.Value = &text
	if text == "None" || text == "" {
		return r
	}
	r.Text = human(e, b, text)
	if r.Unit != "" {
		r.Text += " " + r.Unit
	}
	return r
}

func unitOf(e *entity.Entity, role entity.Role) string {
	switch role {
	case "state":
		return e.Unit
	case "percentage", "position", "current_humidity", "target_humidity":
		return "%"
	case "temperature", "current_temperature":
		return "°C"
	case "color_temp":
		return "K"
	}
	return ""
}

// human writes what stands on a topic as people say it.
func human(e *entity.Entity, b *entity.Bind, text string) string {
	switch {
	case text == "ON" && e.Component == "binary_sensor":
		return cmp.Or(yes[e.DeviceClass], "Yes")
	case text == "OFF" && e.Component == "binary_sensor":
		return cmp.Or(no[e.DeviceClass], "No")
	case b.Role == "brightness":
		return percent(text, b)
	case len(b.Options) > 0 || !plainWord(text):
		return text
	}
	words := strings.ReplaceAll(strings.ToLower(text), "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

var yes = map[string]string{"door": "Open", "window": "Open", "opening": "Open", "motion": "Motion", "occupancy": "Somebody", "moisture": "Wet", "battery": "Low", "problem": "Problem", "connectivity": "Connected", "smoke": "Smoke", "gas": "Gas"}

var no = map[string]string{"door": "Closed", "window": "Closed", "opening": "Closed", "motion": "Still", "occupancy": "Nobody", "moisture": "Dry", "battery": "Good", "problem": "None", "connectivity": "Away", "smoke": "None", "gas": "None"}

// plainWord reports whether text is one word of a platform, such as ON or cleaning.
func plainWord(text string) bool {
	letter := false
	for _, c := range text {
		letter = letter || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return letter && (strings.ToLower(text) == text || strings.ToUpper(text) == text)
}

// percent writes a level of a range in percent.
func percent(text string, b *entity.Bind) string {
	level, ok := mi.Text(text).Float()
	if !ok || b.Max <= b.Min {
		return text
	}
	return fmt.Sprintf("%.0f %%", 100*(level-b.Min)/(b.Max-b.Min))
}

package homeassistant

import (
	"bytes"
	"encoding/json"
	goflag "flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

var update = goflag.Bool("update", false, "write the golden files")

type home struct {
	name   string
	device Device
	model  *entity.Model
}

// homes are devices of different kinds, as the rules make them.
func homes() []home {
	return []home{
		{"lamp", Device{
			ID: "411", Name: "Living room lamp", Manufacturer: "Yeelight", Model: "Light", ModelID: "yeelink.light.color3",
			SW: "2.1.7_0012", MAC: "54:48:e6:00:00:01", Area: "Living room", Serial: "411", ConfigURL: "http://192.0.2.9:8099/#/device/411",
		}, model(lamp(), hidden(one("switch", "p2_7", "Flex switch", both("state"))), press("a2_1", "Toggle"))},
		{"purifier", Device{ID: "412", Name: "Purifier", Manufacturer: "Zhimi", Model: "Air Purifier", ModelID: "zhimi.airpurifier.mb4"}, model(
			mainOne(one("fan", "fan_2", "", both("state"), limits(both("percentage"), 0, 100, 1), both("preset_mode", "Auto", "Silent", "Favorite"))),
			reads("p3_4", "PM2.5", "pm25", "µg/m³"), setting(limits(both("state"), 300, 2200, 10), "p9_3", "Favourite speed"),
			setting(both("state"), "p6_1", "Alarm"), hidden(reads("p4_3", "Filter life level", "", "%")),
		)},
		{"air conditioner", Device{ID: "413", Name: "Bedroom", Model: "Air Conditioner", ModelID: "xiaomi.aircondition.mc5"}, model(
			mainOne(one("climate", "climate_2", "", both("mode", "off", "cool", "heat", "dry", "fan_only"), limits(both("temperature"), 16, 31, 0.5),
				state("current_temperature"), both("fan_mode", "Auto", "Level1"), both("swing_mode", "ON", "OFF"), command("power"))),
			reads("p4_7", "Temperature", "temperature", "°C"),
		)},
		{"vacuum", Device{ID: "414", Name: "Rüdiger", Model: "Robot Cleaner", ModelID: "dreame.vacuum.p2008"}, model(
			mainOne(one("vacuum", "vacuum_2", "", state("state"), command("command", "start", "pause", "stop", "return_to_base", "locate"),
				both("fan_speed", "Silent", "Basic", "Strong"), state("activity"))),
			reads("p3_1", "Battery", "battery", "%"), one("command", "a4_1", "Clean room", command("command")),
		)},
		{"button", Device{ID: "lumi_158d0001a2b3c4", Name: "Button", Manufacturer: "Aqara", Parent: "415", ModelID: "lumi.remote.b1acn01"}, model(
			class("button", one("event", "event_2", "Button", state("event", "click", "double_click", "long_press"), state("trigger", "click", "double_click", "long_press"))),
		)},
		{"heater without a target", Device{ID: "416", Name: "Heater", ModelID: "xiaomi.heater.x1"}, model(
			mainOne(one("climate", "climate_2", "", both("mode", "off", "heat"), both("power"), both("preset_mode", "Low", "High"))),
			class("problem", one("binary_sensor", "p2_2", "Problem", state("state"))),
		)},
		{"no spec yet", Device{ID: "417", ModelID: "new.thing.v1"}, nil},
	}
}

func mainOne(e entity.Entity) entity.Entity {
	e.Main = true
	return e
}

func hidden(e entity.Entity) entity.Entity {
	e.Enabled = false
	return e
}

func class(name string, e entity.Entity) entity.Entity {
	e.DeviceClass, e.ClassNamed = name, true
	return e
}

func press(id, name string) entity.Entity { return one("button", id, name, command("press")) }

func reads(id, name, class, unit string) entity.Entity {
	e := one("sensor", id, name, state("state"))
	e.DeviceClass, e.ClassNamed, e.Unit, e.StateClass = class, class != "", unit, "measurement"
	return e
}

func setting(b entity.Bind, id, name string) entity.Entity {
	component := "switch"
	if b.Min < b.Max {
		component = "number"
	}
	e := one(component, id, name, b)
	e.Category = "config"
	return e
}

func TestGoldenMessages(t *testing.T) {
	for _, form := range []Form{DeviceForm, SingleForm} {
		for _, h := range homes() {
			t.Run(h.name+" "+string(form), func(t *testing.T) {
				golden(t, strings.ReplaceAll(h.name, " ", "-")+"."+string(form), Messages(form, "homeassistant", h.device, h.model, opt))
			})
		}
		golden(t, "bridge."+string(form), BridgeMessages(form, "homeassistant", "", opt))
	}
}

func TestGoldenDevicesKeepDomoticzsRules(t *testing.T) {
	for _, h := range homes() {
		h.device.ID = "42"
		checkDomoticz(t, Messages(SingleForm, "domoticz", h.device, h.model, opt))
	}
}

func golden(t *testing.T, name string, messages []Message) {
	t.Helper()
	var got bytes.Buffer
	for _, m := range messages {
		got.WriteString(m.Topic + "\n")
		if err := json.Indent(&got, m.Payload, "", "  "); err != nil {
			t.Fatalf("%s: %v", m.Topic, err)
		}
		got.WriteString("\n\n")
	}
	file := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got)\n%s", file, diff)
	}
}

func BenchmarkMessages(b *testing.B) {
	h := homes()[1]
	for range 10 {
		h.model.Entities = append(h.model.Entities, reads("p3_4", "PM2.5", "pm25", "µg/m³"))
	}
	for _, form := range []Form{DeviceForm, SingleForm} {
		b.Run(string(form), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Messages(form, "homeassistant", h.device, h.model, opt)
			}
		})
	}
}

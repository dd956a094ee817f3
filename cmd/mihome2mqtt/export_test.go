package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

var update = flag.Bool("update", false, "write the texts that exports are compared with")

// cabinet is a device with a part of every kind.
func cabinet() *web.Detail {
	role := func(entity, role string, state, command bool) web.Role {
		return web.Role{Reading: web.Reading{Entity: entity, Role: role}, State: state, Command: command, Topic: "home/a_1/" + entity + "/" + role}
	}
	limited := func(r web.Role, low, high, step float64, unit string) web.Role {
		r.Min, r.Max, r.Step, r.Unit = low, high, step, unit
		return r
	}
	listed := func(r web.Role, options ...string) web.Role {
		r.Options = options
		return r
	}
	one := func(component, id, name, class string, roles ...web.Role) web.Entity {
		return web.Entity{ID: id, Component: component, Name: name, Class: class, Enabled: true, Roles: roles}
	}
	hidden := one("switch", "p9_1", "Hidden", "", role("p9_1", "state", true, true))
	hidden.Enabled = false
	return &web.Detail{Device: web.Device{ID: "a_1", Name: `The "big" one`}, Topic: "home/a_1", Entities: []web.Entity{
		one("light", "light_2", "", "", role("light_2", "json", true, true), role("light_2", "state", true, true),
			limited(role("light_2", "brightness", true, true), 0, 255, 0, ""), limited(role("light_2", "color_temp", true, true), 1700, 6500, 1, "K"),
			role("light_2", "rgb", true, true), listed(role("light_2", "effect", true, true), "Day", "Long night")),
		one("fan", "fan_3", "Fan", "", role("fan_3", "state", true, true), limited(role("fan_3", "percentage", true, true), 1, 3, 1, "%")),
		one("cover", "cover_4", "Flap", "", listed(role("cover_4", "state", true, true), "OPEN", "CLOSE", "STOP"), limited(role("cover_4", "position", true, true), 0, 100, 1, "%")),
		one("binary_sensor", "p5_1", "Door", "door", role("p5_1", "state", true, false)),
		one("sensor", "p5_2", "Temperature", "temperature", limited(role("p5_2", "state", true, false), 0, 0, 0, "°C")),
		one("sensor", "p5_3", "Temperature", "temperature", limited(role("p5_3", "state", true, false), 0, 0, 0, "°C")),
		one("select", "p6_1", "Mode", "", listed(role("p6_1", "state", true, true), "Warm, dry", "Cool")),
		one("text", "p6_2", "Display", "", role("p6_2", "state", true, true)),
		one("button", "a7_1", "Toggle", "", role("a7_1", "press", false, true)),
		one("event", "event_8", "Buttons", "", listed(role("event_8", "event", true, false), "click"), listed(role("event_8", "trigger", true, false), "click", "double-click")),
		one("command", "a9_1", "Recipe", "", role("a9_1", "command", false, true)),
		hidden,
	}}
}

func TestExportFitsEachPlatform(t *testing.T) {
	d := newExported(cabinet(), false)
	d.host, d.port = "192.0.2.10", "1883"
	for name, write := range platforms {
		t.Run(name, func(t *testing.T) {
			got, file := write(d), filepath.Join("testdata/export", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestExportedFlowHangsTogether checks what Node-RED checks when it takes a flow in.
func TestExportedFlowHangsTogether(t *testing.T) {
	var flow []struct {
		ID, Type, Broker, Topic string
		Wires                   json.RawMessage
	}
	if err := json.Unmarshal([]byte(nodeRed(newExported(cabinet(), true))), &flow); err != nil {
		t.Fatal(err)
	}
	known, topics := map[string]bool{}, map[string]string{}
	for _, n := range flow {
		if known[n.ID] {
			t.Errorf("%s is there twice", n.ID)
		}
		known[n.ID] = true
		topics[n.Topic] = n.Type
	}
	for _, n := range flow {
		var wires [][]string
		if n.Broker != "" && n.Type != "mqtt-broker" && !known[n.Broker] {
			t.Errorf("%s has no broker", n.ID)
		}
		if json.Unmarshal(n.Wires, &wires) != nil || len(wires) == 0 {
			continue // an end
		}
		for _, to := range wires[0] {
			if !known[to] {
				t.Errorf("%s leads to %s, which is not there", n.ID, to)
			}
		}
	}
	if topics["home/a_1/p9_1/state/set"] != "mqtt out" || topics["home/a_1/event_8/trigger"] != "mqtt in" || topics["home/a_1/light_2/json"] != "" {
		t.Errorf("topics are %v", topics)
	}
}

func TestExportNamesTheBroker(t *testing.T) {
	for set, want := range map[string]string{
		"": "127.0.0.1:1883", "mqtt://core:1884": "core:1884", "mqtts://core": "core:8883", "wss://core/mqtt": "core:443", "mqtt://[::1]": "::1:1883",
	} {
		c := &config.Config{}
		c.MQTT.URL, c.Broker.Listen = set, "127.0.0.1:1883"
		if host, port, err := brokerOf(c); host+":"+port != want || err != nil {
			t.Errorf("%q: %s:%s, %v", set, host, port, err)
		}
	}
}

// TestExportTakesNoCommandsFromNames has a device whose name and choices would be
// commands of the platform if they were written as they are.
func TestExportTakesNoCommandsFromNames(t *testing.T) {
	evil := cabinet()
	evil.Name = "Lamp\n\u2028define x\r;{system('reboot')}\" ] }"
	for i := range evil.Entities {
		for r := range evil.Entities[i].Roles {
			if evil.Entities[i].Roles[r].Options != nil {
				evil.Entities[i].Roles[r].Options = []string{"a;{b}", "c\nd"}
			}
		}
	}
	for name, write := range platforms {
		got, want := write(newExported(evil, false)), write(newExported(cabinet(), false))
		if json.Valid([]byte(want)) {
			if !json.Valid([]byte(got)) {
				t.Errorf("%s is no JSON:\n%s", name, got)
			}
			continue
		}
		if strings.Count(got, "\n") != strings.Count(want, "\n") || strings.ContainsAny(got, "\r\u2028") {
			t.Errorf("%s has lines of a name:\n%s", name, got)
		}
		if name == "fhem" && strings.Contains(strings.ReplaceAll(got, ";;", ""), ";") {
			t.Errorf("%s runs what stands in a name:\n%s", name, got)
		}
		if name == "openhab" && strings.Contains(got, `{system('reboot')}"`) {
			t.Errorf("%s: a name ends its quotes:\n%s", name, got)
		}
	}
}

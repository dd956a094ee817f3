package entity_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

func one(name, text string) fstest.MapFS {
	return fstest.MapFS{name: {Data: []byte(text)}}
}

func TestLoadNamesFileLineAndColumn(t *testing.T) {
	for _, tc := range []struct{ name, file, text, want string }{
		{"unknown field", "models/a.yaml", "- models: [a.b.c]\n  colour: red\n", `models/a.yaml:2:3: unknown field "colour"`},
		{"wrong type", "models/a.yaml", "- models: [a.b.c]\n  batch: many\n", "models/a.yaml:2:10: "},
		{"broken YAML", "rules/a.yaml", "services:\n  - [\n", "rules/a.yaml:"},
		{"bad duration", "models/a.yaml", "- models: [a.b.c]\n  interval: soon\n", "models/a.yaml:"},
		{"too fast", "models/a.yaml", "- models: [a.b.c]\n  interval: 1ms\n", "models/a.yaml:2:13: interval wants 1s to 24h0m0s"},
		{"no list", "models/a.yaml", "- models: a.b.c\n", "models/a.yaml:1:11: a list is wanted here, such as [a, b]"},
		{"no unit", "models/a.yaml", "- models: [a.b.c]\n  interval: 30\n", "models/a.yaml:2:13: a time with its unit is wanted here, such as 30s or 5m"},
		{"no text", "lang/nl.yaml", "Power: [a]\n", "lang/nl.yaml:1:8: a text is wanted here"},
		{"no number", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {scale: [1]}\n", "a number is wanted here"},
		{"scale of nothing", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {scale: 0}\n", "models/a.yaml:3:8: x/y: scale wants a number other than 0"},
		{"class", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {class: humidityy}\n", `models/a.yaml:3:8: x/y: "humidityy" is no device class of Home Assistant for anything`},
		{"class of another", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {component: binary_sensor, class: humidity}\n", `"humidity" is no device class of Home Assistant for binary_sensor`},
		{"state class", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {state_class: mean}\n", `x/y: state_class "mean" is not one of: measurement, `},
		{"class of a rule", "rules/a.yaml", "properties:\n  - {rule: x, properties: [x], class: humidity|dry}\n", `rules/a.yaml:2:39: "dry" is no device class of Home Assistant for anything`},
		{"astray", "a.yaml", "- models: [a.b.c]\n", "a.yaml: nobody looks there"},
		{"astray below", "model/a.yml", "- models: [a.b.c]\n", "model/a.yml: nobody looks there"},
		{"no models", "models/a.yaml", "- batch: 1\n", "models is missing"},
		{"bad pattern", "models/a.yaml", "- models: [\"a[\"]\n", `models/a.yaml:1:12: "a[" is no pattern`},
		{"batch", "models/a.yaml", "- models: [a.b.c]\n  batch: 1000\n", "models/a.yaml:2:10: batch wants 1 to 100"},
		{"format", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {format: decimal}\n", `x/y: format "decimal" is not one of: bool, int, float, string`},
		{"range", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {range: [5, 1]}\n", "range wants [min, max]"},
		{"two words in a step", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {convert: [{scale: 2, offset: 1}]}\n", "exactly one of"},
		{"step and short word", "models/a.yaml", "- models: [a.b.c]\n  properties:\n    x/y: {scale: 2, convert: [{offset: 1}]}\n", "exclude each other"},
		{"addition", "models/a.yaml", "- models: [a.b.c]\n  add:\n    - {id: x, name: y, format: int, access: r}\n", `models/a.yaml:3:`},
		{"component", "rules/a.yaml", "services:\n  - {rule: x, services: [x], component: toaster, needs: [state], roles: {state: [x]}}\n", `rules/a.yaml:2:41: "toaster" is not one of:`},
		{"needed role", "rules/a.yaml", "services:\n  - {rule: x, services: [x], component: light, needs: [state], roles: {}}\n", `the rule has no role "state"`},
		{"shape", "rules/a.yaml", "properties:\n  - {rule: x, properties: [x], shapes: [round]}\n", `rules/a.yaml:2:41: "round" is not one of: bool, pair, list, range, number, text`},
		{"alias", "models/a.yaml", "- &a\n  models: [a.b.c]\n- *a\n", "models/a.yaml:1:3: anchors, aliases, tags and directives"},
		{"tag", "models/a.yaml", "- !!binary x\n", "anchors, aliases, tags"},
		{"deep flow", "rules/a.yaml", "units: " + strings.Repeat("[", 5000), "nested deeper than 20 levels"},
		{"deep dashes", "rules/a.yaml", strings.Repeat("- ", 5000), "nested deeper than 20 levels"},
		{"long text", "lang/nl.yaml", "Temperature: " + strings.Repeat("x", 600) + "\n", "lang/nl.yaml:1:14: a text longer than 512 characters"},
		{"two documents", "lang/nl.yaml", "a: b\n---\nc: d\n", "one document per file"},
		{"many keys", "lang/nl.yaml", numbered(11_000), "more than 10000 keys"},
		{"many values", "models/a.yaml", "a: [" + strings.Repeat("1,", 50_000) + "1]", "more values than the 40000"},
		{"large", "lang/nl.yaml", strings.Repeat("# "+strings.Repeat("comment ", 20)+"\n", 10_000), "lang/nl.yaml: larger than 1048576 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			started := time.Now()
			_, err := entity.Load(mappings.FS, one(tc.file, tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want it to say %q", err, tc.want)
			}
			if d := time.Since(started); d > time.Minute { // wide: tests run on busy machines
				t.Errorf("took %s", d)
			}
			if len(entity.Validate(one(tc.file, tc.text), mappings.FS)) == 0 {
				t.Error("Validate found nothing")
			}
		})
	}
}

// numbered writes n keys.
func numbered(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "k%d: v\n", i)
	}
	return out.String()
}

func TestTooManyFilesAreRefused(t *testing.T) {
	tree := fstest.MapFS{}
	for i := range 2100 {
		tree[fmt.Sprintf("models/%d.yaml", i)] = &fstest.MapFile{Data: []byte("[]")}
	}
	if _, err := entity.Load(tree); err == nil || !strings.Contains(err.Error(), "more than 2000 mapping files") {
		t.Errorf("error %v", err)
	}
}

func TestUsersFolderLiesOverOurs(t *testing.T) {
	ours := fstest.MapFS{
		"models/brand.yaml": {Data: []byte("- models: [a.b.c]\n  batch: 1\n  sleepy: true\n")},
		"models/other.yaml": {Data: []byte("- models: [a.b.c]\n  interval: 30s\n")},
	}
	s := &mi.Spec{Model: "a.b.c"}
	for _, tc := range []struct {
		name, file, text string
		want             mi.Tuning
	}{
		{"another file adds and wins", "models/mine.yaml", "- models: [a.b.c]\n  batch: 5\n", mi.Tuning{Batch: 5, Sleepy: true, Interval: 30 * time.Second}},
		{"the same file replaces", "models/brand.yaml", "- models: [a.b.c]\n  batch: 7\n", mi.Tuning{Batch: 7, Interval: 30 * time.Second}},
		{"an empty file takes away", "models/brand.yaml", "[]\n", mi.Tuning{Interval: 30 * time.Second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rules, err := entity.Load(ours, one(tc.file, tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := rules.Correct(s).Tuning; got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestUsersRuleComesFirst(t *testing.T) {
	rules, err := entity.Load(mappings.FS, one("rules/mine.yaml", "properties:\n  - {rule: mine, properties: [temperature], name: Heat, class: temperature}\n"))
	if err != nil {
		t.Fatal(err)
	}
	m := rules.Build(sketch(t, "", "thing", "environment\n  temperature float rn celsius 0..50/1"), entity.Options{})
	if e := m.Entities[0]; e.Name != "Heat" || e.Rule != "properties/mine" {
		t.Errorf("got %q by %s", e.Name, e.Rule)
	}
}

const corrected = `- models: [brand.thing.*]
  batch: 3
  transport: cloud
  readback_delay: 2s
  gone_after: 10m
  parallel_writes: false
  like: brand.thing.v0
  hide: [plug/noise, "4"]
  add:
    - {id: "2.9", name: extra, format: int, access: rw, range: [0, 10, 2]}
    - {id: "9.1", service: own, name: speed, format: int, access: r, list: {1: Slow, 2: Fast}}
  properties:
    plug/power: {scale: 0.01, unit: watt, class: power, state_class: measurement}
    plug/reverse: {invert: true}
    plug/raw: {format: int, access: rw, list: {0: "Off", 1: "On"}, name: Raw switch}
    plug/level: {on_value: 100, off_value: 1, component: switch, name: Full power}
    plug/first: {with: {plug/second: true}}
  enable: [plug/first]
  disable: [plug/reverse]
`

func TestCorrections(t *testing.T) {
	rules, err := entity.Load(mappings.FS, one("models/brand.yaml", corrected))
	if err != nil {
		t.Fatal(err)
	}
	published := sketch(t, "brand.thing.v1", "outlet", `plug
  power int rn 0..100000/1
  noise int rn 0..9/1
  reverse bool rwn
  raw string r
  level int rwn 1..100/1
  first bool rw
  second bool rw
vendor:custom
  vendor:a int rn
vendor:hidden
  vendor:b int rn`)
	s := rules.Correct(published)
	if want := (mi.Tuning{Batch: 3, Route: "cloud", ReadDelay: 2 * time.Second, GoneAfter: 10 * time.Minute, NoParallelWrites: true}); s.Tuning != want {
		t.Errorf("tuning %+v, want %+v", s.Tuning, want)
	}
	if published.Tuning != (mi.Tuning{}) || len(published.Props) != 9 || published.Props[1].Access == 0 {
		t.Error("the published spec was changed")
	}
	if got := rules.Like("brand.thing.v1"); got != "brand.thing.v0" {
		t.Errorf("Like = %s", got)
	}
	m := rules.Build(s, entity.Options{})
	if got, want := ids(m), "sensor:p2_1 switch:p2_3 switch:p2_4 switch:p2_5 switch:p2_6 switch:p2_7 sensor:p3_1 number:p2_9 sensor:p9_1"; got != want {
		t.Fatalf("entities %s,\nwant %s", got, want)
	}
	v := values(t, s, "plug/power=1234 plug/reverse=true plug/raw=1 plug/level=100 own/speed=2")
	for id, want := range map[string]string{"p2_1": "state=12.34", "p2_3": "state=OFF", "p2_4": "state=ON", "p2_5": "state=ON", "p9_1": "state=Fast"} {
		if got := shown(m, at(t, m, id), v); got != want {
			t.Errorf("%s shows %s, want %s", id, got, want)
		}
	}
	for id, want := range map[string]string{"p2_3": "plug/reverse=false", "p2_5": "plug/level=100", "p2_6": "plug/first=true plug/second=true"} {
		o, err := m.Order(at(t, m, id), "state", "ON", v)
		if err != nil || told(s, o) != want {
			t.Errorf("%s ON: %s, %v; want %s", id, told(s, o), err, want)
		}
	}
	if e := m.Entities[0]; e.Unit != "W" || e.DeviceClass != "power" {
		t.Errorf("power has unit %q, class %q", e.Unit, e.DeviceClass)
	}
	if m.Entities[at(t, m, "p2_3")].Enabled || !m.Entities[at(t, m, "p2_6")].Enabled {
		t.Error("enable and disable were not heard")
	}
}

func TestTranslate(t *testing.T) {
	rules := shipped(t)
	for _, tc := range []struct{ language, name, want string }{
		{"de", "Last error", "Letzter Fehler"},
		{"de-AT", "Last error", "Letzter Fehler"},
		{"zh-Hans", "Motion sensor event", "人体传感器: 事件"},
		{"de", "Temperature 2", "Temperatur 2"},
		{"de", "Xyzzy", "Xyzzy"},
		{"eo", "Last error", "Last error"},
		{"", "Last error", "Last error"},
	} {
		if got := rules.Translate(tc.language, tc.name); got != tc.want {
			t.Errorf("Translate(%s, %s) = %q, want %q", tc.language, tc.name, got, tc.want)
		}
	}
}

func TestLanguageChangesNamesOnly(t *testing.T) {
	s := sketch(t, "", "air-purifier", `air-purifier
  on bool rwn
environment
  temperature float rn celsius 0..50/1
alarm
  alarm bool rwn
filter
  status int rn 1=Good 2=Bad`)
	rules := shipped(t)
	en, de := rules.Build(s, entity.Options{Language: "en"}), rules.Build(s, entity.Options{Language: "de"})
	if ids(en) != ids(de) {
		t.Fatalf("ids differ: %s, %s", ids(en), ids(de))
	}
	if e := de.Entities[at(t, de, "p4_1")]; e.Name != "Signalton" {
		t.Errorf("the buzzer is called %q", e.Name)
	}
	if e := de.Entities[at(t, de, "p5_1")]; e.Name != "Filter: Status" || e.Binds[0].Options[0] != "Good" {
		t.Errorf("the status is called %q with options %q", e.Name, e.Binds[0].Options)
	}
	if e := de.Entities[at(t, de, "p3_1")]; !e.ClassNamed {
		t.Error("the platform's own name of the temperature is not used")
	}
}

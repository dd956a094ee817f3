package entity_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

func readme(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../mappings/README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Every YAML example names its file in the first line and loads over the
// built-in files.
func TestReadmeExamplesLoad(t *testing.T) {
	tree := fstest.MapFS{}
	for _, block := range regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		tree[block[1]] = &fstest.MapFile{Data: []byte(block[2])}
	}
	if len(tree) < 3 {
		t.Fatalf("only %d examples found", len(tree))
	}
	for _, err := range entity.Validate(tree, mappings.FS) {
		t.Error(err)
	}
	rules, err := entity.Load(mappings.FS, tree)
	if err != nil {
		t.Fatal(err)
	}
	s := sketch(t, "example.fan.v1", "fan", `fan
  on bool rwn
  fault int rn 0=No 1=Yes
  a bool -
  b bool -
  c bool -
  d bool -
  e bool -
  anion bool rwn
  gear int rwn 1..5/1`)
	m := rules.Build(rules.Correct(s), entity.Options{})
	if got, want := ids(m), "fan:fan_2 switch:p2_8 number:p2_20 select:p2_21"; got != want {
		t.Errorf("entities %s, want %s", got, want)
	}
	lamp := rules.Build(sketch(t, "", "aroma", "aroma-lamp\n  on bool rwn\n  brightness int rwn 1..9/1"), entity.Options{})
	if got := ids(lamp); got != "light:light_2" {
		t.Errorf("the lamp became %s", got)
	}
}

// The table of conversions runs: raw in, shown out, through a correction.
func TestReadmeConversions(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([a-z]+: .+?)` \\| `(.+?)` \\| `(.+?)` \\|$").FindAllStringSubmatch(readme(t), -1)
	if len(rows) < 10 {
		t.Fatalf("only %d conversions found", len(rows))
	}
	for _, row := range rows {
		step, raw, want := row[1], row[2], row[3]
		t.Run(step+" "+raw, func(t *testing.T) {
			tree := fstest.MapFS{"models/x.yaml": {Data: []byte("- models: [a.b.c]\n  properties:\n    thing/value: {convert: [{" + step + "}]}\n")}}
			rules, err := entity.Load(mappings.FS, tree)
			if err != nil {
				t.Fatal(err)
			}
			format := "string"
			if strings.Trim(raw, "0123456789") == "" {
				format = "int"
			}
			if raw == "true" {
				format = "bool"
			}
			s := sketch(t, "a.b.c", "thing", "thing\n  value "+format+" rn")
			v := values(t, s, "thing/value="+raw)
			if format == "string" {
				v[0] = mi.Text(raw)
			}
			m := rules.Build(rules.Correct(s), entity.Options{})
			got := shown(m, 0, v)
			want := map[string]string{"true": "ON", "false": "OFF"}[want] + map[bool]string{false: want}[want == "true" || want == "false"]
			if got != "state="+want {
				t.Errorf("got %s, want state=%s", got, want)
			}
		})
	}
}

package profile

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const folder = "../../mappings/profiles"

// shipped loads the profiles that come with the program.
func shipped(t testing.TB) *Set {
	t.Helper()
	s, err := Load(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSmoke(t *testing.T) {
	p := shipped(t).Match("chuangmi.plug.m1")
	if p == nil {
		t.Fatal("no profile")
	}
	reads := p.Reads([]int{0, 1, 2})
	got, err := p.Parse(reads[0], json.RawMessage(`["on",39,"off"]`), nil)
	t.Log(string(reads[0].Params()), got, err)
	req, err := p.Write(mi.Change{Prop: 0, Value: mi.Bool(false)})
	t.Log(string(req[0].Params), err)
}

func TestLoadNamesTheMistake(t *testing.T) {
	for _, tc := range []struct{ name, yaml, want string }{
		{"unknown field", "models: [a.b.c]\ntype: light\nservises: []\n", `x.yaml:3:1: unknown field "servises"`},
		{"unknown inner field", "models: [a.b.c]\ntype: light\nservices:\n- siid: 2\n  name: light\n  properties:\n  - {piid: 1, name: on, format: bool, wier: power}\n", `x.yaml:7:39: unknown field "wier"`},
		{"no YAML", "models: [a.b.c\ntype", "x.yaml:2:1: "},
		{"format", "models: [a.b.c]\ntype: light\nservices:\n- siid: 2\n  name: light\n  properties:\n  - {piid: 1, name: on, format: boolean, wire: power}\n", `x.yaml:7:33: format is bool, int, float or text, not "boolean"`},
		{"twice", "models: [a.b.c]\ntype: light\nservices:\n- siid: 2\n  name: light\n  properties:\n  - {piid: 1, name: on, format: bool, wire: power}\n  - {piid: 1, name: on, format: bool, wire: power}\n", `x.yaml:8:12: property 2.1 occurs twice for a.b.c`},
		{"anchor", "models: &m [a.b.c]\ntype: light\nlegacy: *m\n", "x.yaml:1:9: anchors and aliases are not used here"},
		{"no model", "type: light\n", "x.yaml:1:1: models: a profile needs at least one model"},
		{"bad model", "models: [light]\ntype: light\n", `x.yaml:1:10: "light" is no model`},
		{"deep", "models: " + strings.Repeat("[", 5000), "x.yaml:1: nested deeper than 20"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{"x.yaml": {Data: []byte(tc.yaml)}})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Load says %v, want %q", err, tc.want)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		shipped(b)
	}
}

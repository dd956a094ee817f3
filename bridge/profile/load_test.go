package profile

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
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

// lamp is a file with one property.
func lamp(property string) string {
	return "models: [a.b.c]\ntype: light\nservices:\n- siid: 2\n  name: light\n  properties:\n  - " + property + "\n"
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
		{"codec", lamp("{piid: 1, name: on, format: bool, wire: power, codec: magic}"), `there is no codec "magic"`},
		{"read", lamp("{piid: 1, name: on, format: bool, read: other, wire: power}"), `there is no read with the id "other" for a.b.c`},
		{"slice", lamp("{piid: 1, name: on, format: bool, wire: power, slice: [1]}"), "slice is [first character, how many]"},
		{"scale", lamp("{piid: 1, name: on, format: int, wire: power, scale: 0}"), "scale cannot be 0"},
		{"as", lamp("{piid: 1, name: on, format: int, wire: power, as: yaml}"), "as is onoff, number, whole, text or hex"},
		{"range", lamp("{piid: 1, name: on, format: int, wire: power, range: [5, 1]}"), "range is [least, most]"},
		{"range and list", lamp("{piid: 1, name: on, format: int, wire: power, range: [1, 5], list: {1: One}}"), "a range or a list, not both"},
		{"map of another format", lamp("{piid: 1, name: on, format: bool, wire: power, map: {a: 7}}"), `map gives "7", which is not of the format of light/on`},
		{"list of another format", lamp("{piid: 1, name: on, format: int, wire: power, list: {one: One}}"), `list has "one", which is not of the format`},
		{"set", lamp("{piid: 1, name: on, format: bool, wire: power, set: {params: [1]}}"), "set is a method"},
		{"word", lamp("{piid: 1, name: on, format: bool, wire: power, set: {method: x, params: [$3]}}"), `"$3" stands for no value`},
		{"argument", lamp("{piid: 1, name: on, format: bool, wire: power}") + "  actions:\n  - {aiid: 1, name: go, call: go, in: [4]}\n", "a.b.c has no property 2.4"},
		{"event", lamp("{piid: 1, name: on, format: bool, wire: power}") + "  events:\n  - {eiid: 1, name: went, property: 1}\n", "an event needs is, above or below"},
		{"name", lamp("{piid: 1, name: On Off, format: bool, wire: power}"), "a name of lower case words"},
		{"two documents", "models: [a.b.c]\n---\nmodels: [a.b.d]\n", "a file is one profile"},
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

func TestTwoFilesOfOneModelAreRefused(t *testing.T) {
	text := []byte(lamp("{piid: 1, name: on, format: bool, wire: power}"))
	_, err := Load(fstest.MapFS{"a.yaml": {Data: text}, "b.yaml": {Data: text}})
	if err == nil || !strings.Contains(err.Error(), "b.yaml: model a.b.c is in a.yaml too") {
		t.Errorf("Load says %v", err)
	}
}

func TestTooLargeAFileIsRefused(t *testing.T) {
	_, err := Load(fstest.MapFS{"a.yaml": {Data: make([]byte, MaxFile+1)}})
	if err == nil || !strings.Contains(err.Error(), "larger than 65536 bytes") {
		t.Errorf("Load says %v", err)
	}
}

func TestLongestPatternWins(t *testing.T) {
	file := func(model, kind string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("models: [\"" + model + "\"]\ntype: " + kind + "\n")}
	}
	s, err := Load(fstest.MapFS{"a.yaml": file("a.b.*", "any"), "b.yaml": file("a.b.c*", "longer"), "c.yaml": file("a.b.c", "exact"), "d.yaml": {Data: []byte("legacy: [x.y.z]\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]string{"a.b.c": "exact", "a.b.c1": "longer", "a.b.d": "any"} {
		if got := s.Match(model).Spec(); got.Type != want || got.Model != model {
			t.Errorf("%s is %s %s, want %s", model, got.Model, got.Type, want)
		}
	}
	if first, second := s.Match("a.b.c"), s.Match("a.b.c"); first != second {
		t.Error("two devices of one model do not share a profile")
	}
	if !s.Legacy("x.y.z") || !s.Legacy("a.b.c") || s.Legacy("x.y.q") || s.Match("x.y.z") != nil {
		t.Error("the list of legacy models is not kept to")
	}
}

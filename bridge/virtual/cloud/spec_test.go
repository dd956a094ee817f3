package cloud

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
)

func TestSpecsHoldWhatTheThingsHave(t *testing.T) {
	s := dark(t)
	names, err := fs.Glob(Specs(), "*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("specs: %v, %v", names, err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(Specs(), name)
		if err != nil {
			t.Fatal(err)
		}
		model := strings.TrimSuffix(name, ".json")
		parsed, err := spec.Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, l := range s.Listings() {
			if l.Model != model {
				continue
			}
			values := s.Values(l.DID)
			for _, p := range parsed.Props {
				if !values[iid(p.SIID, p.PIID)].Known() {
					t.Errorf("%s has no value of %s", l.Name, p.Key)
				}
			}
			if len(values) != len(parsed.Props) || s.things[l.DID].house == nil || s.types[model] == "" {
				t.Errorf("%s has %d values, its spec %d", l.Name, len(values), len(parsed.Props))
			}
		}
	}
}

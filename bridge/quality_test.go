package bridge_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// rule is one line of the quality scale: one of the three is filled.
type rule struct {
	Done   []string
	Exempt string
	Open   string
}

// tests returns the names of all tests of the module.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	name := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range name.FindAllSubmatch(text, -1) {
			all[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// claims reads a file of rules, by part and name, and holds it to what it says: each
// rule is one of done, exempt and open, and every test that it names exists.
func claims(t *testing.T, file string) map[string]map[string]rule {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]map[string]rule{}
	if err := yaml.UnmarshalWithOptions(text, &parts, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	existing := tests(t)
	for part, rules := range parts {
		for name, r := range rules {
			filled := 0
			for _, is := range []bool{len(r.Done) > 0, r.Exempt != "", r.Open != ""} {
				if is {
					filled++
				}
			}
			if filled != 1 {
				t.Errorf("%s: %s is one of done, exempt and open", part, name)
			}
			for _, test := range r.Done {
				if !existing[test] {
					t.Errorf("%s: %s names %s, which does not exist", part, name, test)
				}
			}
		}
	}
	return parts
}

func TestQualityScaleNamesTestsThatExist(t *testing.T) {
	scale := claims(t, "../.github/quality_scale.yaml")
	for tier, want := range map[string]int{"bronze": 20, "silver": 10, "gold": 21, "platinum": 3} {
		if len(scale[tier]) != want {
			t.Errorf("%s has %d rules, want %d", tier, len(scale[tier]), want)
		}
	}
}

// TestFaultsNameTestsThatExist keeps the list of what may go wrong honest.
func TestFaultsNameTestsThatExist(t *testing.T) {
	if n := len(claims(t, "../.github/faults.yaml")["invariants"]); n != 15 {
		t.Errorf("%d invariants, want 15", n)
	}
}

package bridge_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// requirements is how many there are: S1, S2 and so on.
const requirements = 36

func TestSecurityRequirementsNameTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../.github/security-requirements.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]map[string]rule{}
	if err := yaml.UnmarshalWithOptions(text, &parts, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	existing, numbers := tests(t), map[string]bool{}
	for part, rules := range parts {
		for name, r := range rules {
			number, _, _ := strings.Cut(name, " ")
			numbers[number] = true
			if (len(r.Done) > 0) == (r.Exempt != "" || r.Open != "") {
				t.Errorf("%s: %s is one of done, exempt and open", part, name)
			}
			for _, test := range r.Done {
				if !existing[test] {
					t.Errorf("%s: %s names %s, which does not exist", part, name, test)
				}
			}
		}
	}
	for i := range requirements {
		if number := fmt.Sprint("S", i+1); !numbers[number] {
			t.Errorf("nothing is said of %s", number)
		}
	}
}

// TestNothingServesAProfile keeps out what would show the memory, secrets included, to
// whoever asks.
func TestNothingServesAProfile(t *testing.T) {
	for name, pkg := range ours(t) {
		for _, path := range []string{"net/http/pprof", "runtime/pprof", "expvar", "runtime/trace", "plugin", "os/exec"} {
			if slices.Contains(pkg.Imports, path) && !(path == "os/exec" && strings.HasPrefix(name, "cmd/notices")) {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

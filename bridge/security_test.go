package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// requirements is how many there are: S1, S2 and so on.
const requirements = 36

func TestSecurityRequirementsNameTestsThatExist(t *testing.T) {
	numbers := map[string]bool{}
	for _, rules := range claims(t, "../.github/security-requirements.yaml") {
		for name := range rules {
			number, _, _ := strings.Cut(name, " ")
			numbers[number] = true
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

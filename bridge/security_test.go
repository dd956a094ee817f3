package bridge_test

import (
	"os"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestSecurityRequirementsNameTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../.github/security-requirements.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]map[string]rule{}
	if err := yaml.UnmarshalWithOptions(text, &parts, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	existing, count := tests(t), 0
	for part, rules := range parts {
		for name, r := range rules {
			count++
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
	if count < 30 {
		t.Errorf("only %d requirements", count)
	}
}

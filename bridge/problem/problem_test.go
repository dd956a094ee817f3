package problem

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	id := regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)
	rude := regexp.MustCompile(`(?i)\b(please|oops|unfortunately|sorry)\b`)
	seen := map[string]bool{}
	for _, k := range All() {
		if !id.MatchString(k.ID) || seen[k.ID] {
			t.Errorf("%q is no id, or is there twice", k.ID)
		}
		seen[k.ID] = true
		for measured := range maps.Keys(k.Else) {
			if k.Text(measured) == k.Sentence {
				t.Errorf("%s: %s is the same sentence", k.ID, measured)
			}
		}
		for _, text := range append(slices.Collect(maps.Values(k.Else)), k.Text("")) {
			if n := len(strings.Fields(text)); n > 35 {
				t.Errorf("%s: %d words", k.ID, n)
			}
			if rude.MatchString(text + k.ToDo) {
				t.Errorf("%s: %s", k.ID, text)
			}
			named := strings.Contains(text, "{name}") || strings.Contains(text, "{model}")
			if named == k.Whole {
				t.Errorf("%s: who is it about?", k.ID)
			}
		}
		if found, ok := Find(k.ID); !ok || found.Sentence != k.Sentence {
			t.Errorf("%s is not found", k.ID)
		}
	}
	if len(seen) != 33 {
		t.Errorf("%d kinds", len(seen))
	}
	if _, ok := Find("net"); ok {
		t.Error("found what is not there")
	}
}

func TestSay(t *testing.T) {
	for text, want := range map[string]string{
		"{name} is at {ip}.":   "Lamp is at unknown.",
		"{name}{name}":         "LampLamp",
		"nothing":              "nothing",
		"open {name":           "open {name",
		"{empty} and {} more}": "unknown and unknown more}",
	} {
		if got := Say(text, "name", "Lamp", "empty", "", "odd"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := strings.Join(Places("{a} {b} {a} {c"), " "); got != "a b" {
		t.Errorf("places %q", got)
	}
}

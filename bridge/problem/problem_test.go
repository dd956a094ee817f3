package problem

import (
	"regexp"
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
		if n := len(strings.Fields(k.Sentence)); n > 35 {
			t.Errorf("%s: %d words", k.ID, n)
		}
		if rude.MatchString(k.Sentence + k.ToDo) {
			t.Errorf("%s: %s", k.ID, k.Sentence)
		}
		named := strings.Contains(k.Sentence, "{name}") || strings.Contains(k.Sentence, "{model}")
		if named == k.Whole {
			t.Errorf("%s: who is it about?", k.ID)
		}
		if found, ok := Find(k.ID); !ok || found != k {
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

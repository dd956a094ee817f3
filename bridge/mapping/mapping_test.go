package mapping

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// shelf is what is published: a switch for each of its models.
type shelf []string

func (s shelf) Spec(_ context.Context, model string) (*mi.Spec, error) {
	if !slices.Contains(s, model) {
		return nil, fmt.Errorf("shelf: %s: %w", model, mi.ErrUnsupported)
	}
	return &mi.Spec{Model: model, Type: "switch"}, nil
}

func load(t *testing.T, text string) Files {
	t.Helper()
	files, err := Load(fstest.MapFS{"models/own.yaml": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSpecsAreSharedUntilTheFilesChange(t *testing.T) {
	s := NewSpecs(shelf{"own.switch.a", "own.switch.b"}, load(t, "- models: [own.switch.c]\n  like: own.switch.a\n"))
	spec := func(model string) *mi.Spec {
		t.Helper()
		found, err := s.Spec(t.Context(), model)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	b, a, c := spec("own.switch.b"), spec("own.switch.a"), spec("own.switch.c")
	if a != spec("own.switch.a") || a == b {
		t.Error("two devices of one model have a spec each")
	}
	if c.Model != "own.switch.c" || c.Type != a.Type {
		t.Errorf("what is like another is %+v", c)
	}
	if models := s.Replace(load(t, "[]\n")); !slices.Equal(models, []string{"own.switch.a", "own.switch.b", "own.switch.c"}) {
		t.Errorf("other files concern %v", models)
	}
	if a == spec("own.switch.a") {
		t.Error("a spec outlives the files that corrected it")
	}
	if _, err := s.Spec(t.Context(), "own.switch.c"); err == nil {
		t.Error("nothing says any more what it is like, and it has a spec")
	}
}

func TestModelsWithAProfile(t *testing.T) {
	s := NewSpecs(shelf{}, load(t, "[]\n"))
	for model, want := range map[string]bool{"zhimi.airpurifier.m1": true, "own.switch.a": false} {
		if got := s.Match(model) != nil; got != want || s.Legacy(model) != want {
			t.Errorf("%s has a profile: %v, is legacy: %v; want %v", model, got, s.Legacy(model), want)
		}
	}
}

func TestMistakeNamesTheFile(t *testing.T) {
	_, err := Load(fstest.MapFS{"models/own.yaml": {Data: []byte("- models: [own.switch.a]\n  nonsense: true\n")}})
	if err == nil || !strings.Contains(err.Error(), "own.yaml:2") {
		t.Errorf("Load = %v", err)
	}
}

package profile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// blocks returns the fenced blocks of a page: pairs of profile and script.
func blocks(page string) (out [][2]string) {
	var yaml string
	for _, part := range strings.Split(page, "\n```")[1:] {
		lang, body, _ := strings.Cut(part, "\n")
		switch lang {
		case "yaml":
			yaml = body + "\n"
		case "text":
			out = append(out, [2]string{yaml, body + "\n"})
		}
	}
	return out
}

func TestReadmeTellsTheTruth(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := blocks(string(page))
	if len(all) != 3 {
		t.Fatalf("%d examples, want 3", len(all))
	}
	for _, b := range all {
		set, err := Load(fstest.MapFS{"readme.yaml": {Data: []byte(b[0])}})
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := (&script{set: set}).run(b[1])
		if err != nil {
			t.Error(err)
			continue
		}
		compare(t, got, b[1])
	}
}

func TestProfilesAreShort(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(folder, "miio", "*.yaml"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d profiles, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > 80 {
			t.Errorf("%s has %d lines, at most 80 are read at a glance", name, n)
		}
	}
}

// The codecs and fields of the language are all in its reference.
func TestReadmeNamesEveryCodec(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"clock", "cooker-recipe", "cooker-temperature", "last-sample", "numbers", "water-depth"} {
		if _, ok := codecOf(name); !ok || !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("codec %s is missing from the code or from the page", name)
		}
	}
}

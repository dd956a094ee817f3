package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const manualFolder = "../../mappings/devices"

// TestManualIsCurrent makes the pages anew; they differ when go generate was
// forgotten.
func TestManualIsCurrent(t *testing.T) {
	fresh := t.TempDir()
	if err := os.CopyFS(fresh, os.DirFS(manualFolder)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(fresh, "*.md"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	want := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want[filepath.Base(file)] = string(text)
	}
	var out, talk bytes.Buffer
	if code := run(t.Context(), []string{"show", "--into", fresh}, []string{"MIHOME2MQTT_DATA=" + t.TempDir()}, &out, &talk); code != 0 {
		t.Fatalf("ended with %d: %s", code, &talk)
	}
	if after, _ := filepath.Glob(filepath.Join(fresh, "*.md")); len(after) != len(files) || !strings.Contains(talk.String(), fmt.Sprintf("%d pages", len(files)-1)) {
		t.Errorf("%d files before, %d after: %s", len(files), len(after), &talk)
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(fresh, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(got)); diff != "" {
			t.Errorf("%s is out of date, run go generate ./cmd/mihome2mqtt: %s", name, diff)
		}
	}
}

func TestNotesByHandOutliveThePage(t *testing.T) {
	folder := t.TempDir()
	page := filepath.Join(folder, "chuangmi.plug.v1.md")
	write := func(text string) {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	render := func() (string, int) {
		var talk bytes.Buffer
		code := run(t.Context(), []string{"show", "--into", folder}, []string{"MIHOME2MQTT_DATA=" + t.TempDir()}, &talk, &talk)
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + talk.String(), code
	}
	write("old\n" + notesFrom + "\nThe blue LED stays on.\n" + notesTo + "\n")
	if got, code := render(); code != 0 || !strings.Contains(got, notesFrom+"\nThe blue LED stays on.\n"+notesTo+"\n") || strings.Contains(got, "old\n") {
		t.Errorf("%d: %s", code, got)
	}
	write("somebody removed the marks")
	if got, code := render(); code != exitFailed || !strings.Contains(got, "has lost the marks around its notes") {
		t.Errorf("%d: %s", code, got)
	}
}

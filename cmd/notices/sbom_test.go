package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// TestBOMHoldsWhatTheBinaryHolds lists the test's own binary.
func TestBOMHoldsWhatTheBinaryHolds(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Skip("the test has no build information")
	}
	info.Deps = append(info.Deps, &debug.Module{Path: "example.org/a", Version: "v1.2.3", Sum: "h1:x"},
		&debug.Module{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/new", Version: "v2.0.0", Sum: "h1:y"}})
	list := newBOM(info, []module{{path: "example.org/a", licence: "MIT"}, {path: "Go standard library", licence: "BSD-3-Clause"}})
	if got, want := len(list.Components), len(info.Deps)+1; got != want {
		t.Errorf("%d components, want %d", got, want)
	}
	seen := map[string]component{}
	for _, c := range list.Components {
		if _, twice := seen[c.Ref]; twice {
			t.Errorf("%s stands there twice", c.Ref)
		}
		seen[c.Ref] = c
	}
	a := seen["pkg:golang/example.org/a@v1.2.3"]
	if len(a.Licences) != 1 || a.Licences[0].Licence.ID != "MIT" || len(a.Properties) != 1 || a.Properties[0].Value != "h1:x" {
		t.Errorf("a module is %+v", a)
	}
	if _, there := seen["pkg:golang/example.org/new@v2.0.0"]; !there {
		t.Error("what replaces a module is missing")
	}
	if std := list.Components[0]; std.Name != "std" || "go"+std.Version != info.GoVersion || len(std.Licences) != 1 {
		t.Errorf("the standard library is %+v", std)
	}
}

func TestBOMOfAFile(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeBOM(&out, exe, nil); err != nil {
		t.Fatal(err)
	}
	var list bom
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || list.Format != "CycloneDX" {
		t.Errorf("%v: %.200s", err, &out)
	}
	if h := list.Metadata.Component.Hashes; len(h) != 1 || len(h[0].Content) != 64 {
		t.Errorf("the binary's hash is %v", h)
	}
	if err := writeBOM(&out, "main.go", nil); err == nil || !strings.Contains(err.Error(), "build information") {
		t.Errorf("of a text: %v", err)
	}
}

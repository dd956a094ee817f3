package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

const shipped = "../mihome2mqtt/NOTICES.txt"

func TestNoticesAreThoseOfTheBinary(t *testing.T) {
	modules, err := buildList(ours + "/cmd/mihome2mqtt")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := render(&want, modules); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("NOTICES.txt is not that of the build list; run: go generate ./cmd/...")
	}
}

func TestRenderRefusesWhatMustNotShip(t *testing.T) {
	for _, licence := range []string{"GPL", "AGPL", "LGPL", "unknown"} {
		err := render(&bytes.Buffer{}, []module{{path: "example.org/x", version: "v1.0.0", licence: licence}})
		if err == nil || !strings.Contains(err.Error(), "example.org/x v1.0.0") {
			t.Errorf("%s: got %v", licence, err)
		}
	}
}

func TestClassify(t *testing.T) {
	for text, want := range map[string]string{
		"Permission is hereby granted,\n free of charge":                                      "MIT",
		"Apache License\nVersion 2.0":                                                         "Apache-2.0",
		"GNU General Public License, and parts: Permission is hereby granted, free of charge": "GPL",
		"Mozilla Public License, version 2.0 … GNU Affero General Public License":             "MPL-2.0",
		"Eclipse Public License - v 2.0 and Apache License":                                   "EPL-2.0",
		"all rights reserved": "unknown",
	} {
		if got := classify(text); got != want {
			t.Errorf("classify(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestLegalFiles(t *testing.T) {
	for name, want := range map[string]bool{"LICENSE": true, "LICENSE.md": true, "licence.txt": true, "NOTICE": true, "COPYING": true, "license_test.go": false, "README.md": false} {
		if legal(name) != want {
			t.Errorf("legal(%q) = %v", name, !want)
		}
	}
}

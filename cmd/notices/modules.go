package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ours is the module whose licence is the project's own.
const ours = "github.com/mihome2mqtt/mihome2mqtt"

// module is one part of the binary with its licence.
type module struct {
	path, version string
	licence       string // short name
	text          string // licence and notice files
}

// architectures are those that the image ships for.
var architectures = []string{"amd64", "arm64", "arm"}

// buildList returns the modules that pkg is built from on any of the
// architectures, and the Go standard library, sorted by path.
func buildList(pkg string) ([]module, error) {
	root, err := goRoot()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	dirs := map[string]string{"Go standard library " + goVersion(): root}
	for _, arch := range architectures {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}", pkg)
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", arch, err)
		}
		for line := range strings.Lines(string(out)) {
			name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t")
			if ok && !strings.HasPrefix(name, ours) {
				dirs[name] = dir
			}
		}
	}
	return read(dirs)
}

func read(dirs map[string]string) ([]module, error) {
	var out []module
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		text, err := licenceText(dirs[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		at := strings.LastIndex(name, " ")
		out = append(out, module{path: name[:at], version: name[at+1:], licence: classify(text), text: text})
	}
	return out, nil
}

// goVersion leaves out the patch level, so that the file holds for each of them.
func goVersion() string {
	parts := strings.SplitN(runtime.Version(), ".", 3)
	return parts[0] + "." + parts[1]
}

func goRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	return strings.TrimSpace(string(out)), err
}

// licenceText joins the licence and notice files of a module.
func licenceText(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, e := range entries {
		if e.IsDir() || !legal(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	if b.Len() == 0 {
		return "", fmt.Errorf("no licence file in %s", dir)
	}
	return b.String(), nil
}

func legal(file string) bool {
	name := strings.ToUpper(strings.TrimSuffix(strings.TrimSuffix(file, filepath.Ext(file)), "-MIT"))
	return slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "EPL-V20", "EDL-V10"}, name) || name == "COPYRIGHT"
}

// marks are sentences that only one licence has. The first hit counts: MPL and
// EPL name the GNU licences, and all of them are longer than the last ones.
var marks = []struct{ licence, sentence string }{
	{"EPL-2.0", "Eclipse Public License - v 2.0"},
	{"MPL-2.0", "Mozilla Public License, version 2.0"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"AGPL", "GNU AFFERO GENERAL PUBLIC LICENSE"},
	{"LGPL", "GNU LESSER GENERAL PUBLIC LICENSE"},
	{"GPL", "GNU GENERAL PUBLIC LICENSE"},
	{"Apache-2.0", "Apache License"},
	{"BSD-3-Clause", "may be used to endorse or promote products"},
	{"BSD-2-Clause", "Redistributions in binary form must reproduce"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
	{"ISC", "Permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
	{"MIT", "Permission is hereby granted, free of charge"},
}

// classify names the licence of a text, "unknown" when none fits.
func classify(text string) string {
	flat := strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, m := range marks {
		if strings.Contains(flat, strings.ToLower(m.sentence)) {
			return m.licence
		}
	}
	return "unknown"
}

// allowed are the licences that may go into the binary.
var allowed = []string{"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "MPL-2.0", "EPL-2.0", "ISC"}

// render writes the notices; it refuses a licence that is not allowed.
func render(w io.Writer, modules []module) error {
	fmt.Fprint(w, "mihome2mqtt contains the following software.\n\n")
	for _, m := range modules {
		if !slices.Contains(allowed, m.licence) {
			return fmt.Errorf("%s %s: its licence (%s) must not ship", m.path, m.version, m.licence)
		}
		fmt.Fprintf(w, "%-12s  %s %s\n", m.licence, m.path, m.version)
	}
	for _, m := range modules {
		fmt.Fprintf(w, "\n%s\n%s %s (%s)\n%s\n\n%s", strings.Repeat("=", 80), m.path, m.version, m.licence, strings.Repeat("=", 80), m.text)
	}
	return nil
}

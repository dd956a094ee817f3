//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFilesThatAttack hands the bridge files that are made to break it. Each must
// end in words, quickly and without much memory.
func TestFilesThatAttack(t *testing.T) {
	base := startChild(t, nil, "validate")
	base.ends(30 * time.Second)
	for _, tc := range []struct {
		name string
		file string // below the folder
		make func(t *testing.T, name string)
		args []string // FOLDER stands for the folder
		env  string
		want string // in what it says
	}{
		{"alias bomb in a correction", "models/bomb.yaml", text(aliasBomb), checkFolder, "", "models/bomb.yaml:1:4: anchors, aliases"},
		{"alias bomb in a profile", "profiles/bomb.yaml", text(aliasBomb), checkFolder, "", "bomb.yaml:1:4: anchors and aliases"},
		{"deep nesting", "rules/deep.yaml", text("units: " + strings.Repeat("[", 500_000)), checkFolder, "", "rules/deep.yaml: more values than"},
		{"a sparse gibibyte", "models/large.yaml", sparse, checkFolder, "", "models/large.yaml: larger than 1048576 bytes"},
		{"a sparse profile", "profiles/large.yaml", sparse, checkFolder, "", "large.yaml: larger than 65536 bytes"},
		{"a link out of the folder", "models/link.yaml", link, checkFolder, "", "path escapes from parent"},
		{"a list of devices without end", "devices.csv", sparse, []string{"devices"}, "MIHOME2MQTT_DEVICES_FILE=FOLDER/devices.csv", "which cannot be read: it is larger than 16 MiB"},
		{"a spec of a million properties", "acme.bomb.v1.json", manyProperties, showBomb, "MIHOME2MQTT_SPECS=FOLDER", "acme.bomb.v1"},
		{"a sparse spec", "acme.bomb.v1.json", sparse, showBomb, "MIHOME2MQTT_SPECS=FOLDER", "acme.bomb.v1"},
		{"a spec that is a link", "acme.bomb.v1.json", link, showBomb, "MIHOME2MQTT_SPECS=FOLDER", "path escapes from parent"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := t.TempDir()
			name := filepath.Join(folder, tc.file)
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			tc.make(t, name)
			var args []string
			for _, arg := range tc.args {
				args = append(args, strings.ReplaceAll(arg, "FOLDER", folder))
			}
			c := startChild(t, []string{"MIHOME2MQTT_SPECS_ONLINE=false", strings.ReplaceAll(tc.env, "FOLDER", folder)}, args...)
			if code := c.ends(20 * time.Second); code == 0 || code > exitNotFound {
				t.Errorf("ended with %d", code)
			}
			if said := c.said.String(); !strings.Contains(said, tc.want) || len(said) > 4096 {
				t.Errorf("it does not say %q: %.2000s", tc.want, said)
			}
			if used := memory(t, c) - memory(t, base); used > 64<<10 {
				t.Errorf("it took %d KiB more than nothing does", used)
			}
			if took := c.cmd.ProcessState.UserTime() - base.cmd.ProcessState.UserTime(); took > time.Second {
				t.Errorf("it took %s of computing", took)
			}
		})
	}
}

var checkFolder, showBomb = []string{"validate", "FOLDER"}, []string{"show", "acme.bomb.v1"}

const aliasBomb = `a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
h: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g]
`

func text(content string) func(*testing.T, string) {
	return func(t *testing.T, name string) {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func sparse(t *testing.T, name string) {
	text("")(t, name)
	if err := os.Truncate(name, 1<<30); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, name string) {
	if err := os.Symlink("/etc/hostname", name); err != nil {
		t.Fatal(err)
	}
}

// manyProperties writes piece by piece: what this process needs counts against its
// children.
func manyProperties(t *testing.T, name string) {
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	b := bufio.NewWriter(f)
	fmt.Fprint(b, `{"type":"urn:miot-spec-v2:device:fan:0000A005:acme-bomb:1","services":[{"iid":2,"type":"urn:miot-spec-v2:service:fan:00007808:acme:1","properties":[`)
	for i := range 1_000_000 {
		fmt.Fprintf(b, `{"iid":%d,"type":"urn:a:property:b:1:c:1","format":"bool","access":["read"]},`, i+1)
	}
	fmt.Fprint(b, `{}]}]}`)
	if err := errors.Join(b.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// memory is the largest size that the process had, in KiB.
func memory(t *testing.T, c *child) int64 {
	t.Helper()
	usage, ok := c.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage")
	}
	return int64(usage.Maxrss) //nolint:unconvert // 32 bits on some machines
}

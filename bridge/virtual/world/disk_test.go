package world

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func write(t *testing.T, d *Disk, name, text string) {
	t.Helper()
	if err := d.WriteFile(name, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestDiskKeepsThePreviousContent(t *testing.T) {
	d := NewDisk(1)
	write(t, d, "a.json", "one")
	write(t, d, "a.json", "two")
	write(t, d, "specs/b.json", "b")
	for name, want := range map[string]string{"a.json": "two", "a.json.prev": "one"} {
		if got, err := d.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
	if got, err := d.List("specs"); err != nil || !slices.Equal(got, []string{"specs/b.json"}) {
		t.Errorf("specs: %v, %v", got, err)
	}
	if got, err := fs.ReadFile(d.FS(), "specs/b.json"); err != nil || string(got) != "b" {
		t.Errorf("by FS: %q, %v", got, err)
	}
	if err := d.Remove("a.json"); err != nil {
		t.Error(err)
	}
	if _, err := d.ReadFile("a.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
	if writes, n := d.Wear(); writes != 3 || n != 7 {
		t.Errorf("wear: %d writes, %d bytes", writes, n)
	}
}

func TestDiskFullAndReadOnlyKeepTheOldFile(t *testing.T) {
	for _, tc := range []struct {
		name string
		hurt func(*Disk)
		want error
	}{
		{"full", func(d *Disk) { d.Fill(10) }, syscall.ENOSPC},
		{"read-only", func(d *Disk) { d.Protect(true) }, syscall.EROFS},
		{"no power", func(d *Disk) { d.PowerLoss() }, syscall.EIO},
	} {
		d := NewDisk(1)
		write(t, d, "a", "old")
		tc.hurt(d)
		if err := d.WriteFile("a", bytes.Repeat([]byte("x"), 20)); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		d.Fill(0)
		d.Protect(false)
		d.PowerOn(false)
		if got, err := d.ReadFile("a"); err != nil || string(got) != "old" {
			t.Errorf("%s: the old file holds %q, %v", tc.name, got, err)
		}
	}
}

func TestInterruptedWriteLeavesOldOrNew(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(60) {
		d := NewDisk(seed)
		write(t, d, "a", "old")
		d.KillAt(2)
		write(t, d, "b", "b")
		if err := d.WriteFile("a", []byte("new content")); !errors.Is(err, syscall.EIO) {
			t.Fatalf("the interrupted write: %v", err)
		}
		d.PowerOn(false)
		got, err := d.ReadFile("a")
		if err != nil {
			t.Fatal(err)
		}
		seen[string(got)]++
		if left, err := d.List(""); err != nil || slices.ContainsFunc(left, func(n string) bool { return strings.HasSuffix(n, ".tmp") }) {
			t.Errorf("list: %v, %v", left, err)
		}
	}
	if seen["old"] < 20 || seen["new content"] < 5 || len(seen) != 2 {
		t.Errorf("left behind: %v", seen)
	}
}

func TestLyingDiskLeavesAPrefix(t *testing.T) {
	torn := 0
	for seed := range uint64(40) {
		d := NewDisk(seed)
		write(t, d, "a", "old")
		d.PowerOn(false)
		write(t, d, "b", "new content")
		d.PowerLoss()
		d.PowerOn(true)
		got, err := d.ReadFile("b")
		if err != nil || !strings.HasPrefix("new content", string(got)) {
			t.Fatalf("%q, %v", got, err)
		}
		if len(got) < len("new content") {
			torn++
		}
		if old, err := d.ReadFile("a"); err != nil || string(old) != "old" {
			t.Errorf("what was safe holds %q, %v", old, err)
		}
	}
	if torn < 20 {
		t.Errorf("torn %d of 40", torn)
	}
}

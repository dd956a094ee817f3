package host

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatchTellsChangesBelow(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	changed, err := Watch(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s was not told", what)
		}
	}
	below := filepath.Join(dir, "models")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	expect("a new folder")
	if err := os.WriteFile(filepath.Join(below, "acme.yaml"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("a new file in the new folder")
	stop()
	for range changed { //nolint:revive // until it is closed
	}
}

func TestWatchNamesAMissingFolder(t *testing.T) {
	if _, err := Watch(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("watched a folder that is not there")
	}
}

package host

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatchTellsOfFilesInNewFolders(t *testing.T) {
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
	sub := filepath.Join(dir, "models")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	expect("a new folder")
	if err := os.WriteFile(filepath.Join(sub, "x.yaml"), []byte("- models: []\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	expect("a new file in it")
	stop()
	for range changed {
	}
}

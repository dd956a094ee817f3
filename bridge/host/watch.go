package host

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// calm is how long a folder must be left alone after a change: editors write a
// file in several steps.
const calm = 300 * time.Millisecond

// Watch sends once whenever something in a folder, or in a folder below it,
// changed. The channel is closed when ctx ends.
func Watch(ctx context.Context, dir string) (<-chan struct{}, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("host: watch %s: %w", dir, err)
	}
	if err := watchTree(w, dir); err != nil {
		return nil, fmt.Errorf("host: watch %s: %w", dir, explain(dir, err))
	}
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		defer func() { _ = w.Close() }()
		follow(ctx, w, changed)
	}()
	return changed, nil
}

// watchTree adds dir and every folder below it.
func watchTree(w *fsnotify.Watcher, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return w.Add(path)
	})
}

// follow sends to changed when it has been calm after a change.
func follow(ctx context.Context, w *fsnotify.Watcher, changed chan<- struct{}) {
	quiet := time.NewTimer(calm)
	quiet.Stop()
	defer quiet.Stop()
	for {
		select {
		case e := <-w.Events:
			if e.Has(fsnotify.Create) {
				_ = watchTree(w, e.Name) // most often a file, which needs no watch of its own
			}
			quiet.Reset(calm)
			continue
		case <-w.Errors: //nolint:errcheck // whatever went wrong, events were lost
			quiet.Reset(calm)
			continue
		case <-quiet.C:
		case <-ctx.Done():
			return
		}
		select {
		case changed <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

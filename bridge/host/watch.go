package host

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const settle = 500 * time.Millisecond // an editor writes a file in several steps

// Watch returns a channel that gets a signal after something below dir changed
// and has been quiet for a moment. It is closed when ctx ends.
func Watch(ctx context.Context, dir string) (<-chan struct{}, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("host: watch %s: %w", dir, err)
	}
	if err := watchTree(w, dir); err != nil {
		return nil, fmt.Errorf("host: watch %s: %w", dir, err)
	}
	changed := make(chan struct{}, 1)
	go func() {
		defer close(changed)
		defer w.Close()
		relay(ctx, w, dir, changed)
	}()
	return changed, nil
}

func watchTree(w *fsnotify.Watcher, dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return w.Add(name)
	})
}

func relay(ctx context.Context, w *fsnotify.Watcher, dir string, changed chan<- struct{}) {
	quiet := time.NewTimer(settle)
	quiet.Stop()
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			if e.Has(fsnotify.Create) {
				_ = watchTree(w, dir) // a new folder; one that vanished again needs no watch
			}
			quiet.Reset(settle)
		case <-w.Errors: // events were lost: look at everything
			quiet.Reset(settle)
		case <-quiet.C:
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}
}

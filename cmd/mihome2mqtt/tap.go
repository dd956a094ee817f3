package main

import (
	"sync/atomic"

	"github.com/rs/zerolog"
)

// tap lets somebody listen to the log, masked like everything that leaves the
// process. It is a zerolog.LevelWriter.
type tap struct {
	clean func(string) string
	hear  atomic.Pointer[func(zerolog.Level, []byte)]
}

// listen makes hear the one that is told every line; nil ends it.
func (t *tap) listen(hear func(zerolog.Level, []byte)) { t.hear.Store(&hear) }

// Write implements io.Writer.
func (t *tap) Write(line []byte) (int, error) { return t.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel implements zerolog.LevelWriter.
func (t *tap) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	if hear := t.hear.Load(); hear != nil && *hear != nil {
		(*hear)(level, []byte(t.clean(string(line))))
	}
	return len(line), nil
}

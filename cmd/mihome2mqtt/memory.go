package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

const (
	settling = 30 * time.Second // from the start until memory is worth more than speed
	// thrift is how much garbage, in percent of what is in use, a settled bridge
	// lets pile up: it makes little, and collecting it costs about 1 % of a core
	// with ten thousand devices.
	thrift = 12
)

// thrifty gives back what the start took, and keeps memory small from then on. A
// GOGC of the user's stays as it is.
func thrifty(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	select {
	case <-time.After(settling):
		debug.SetGCPercent(thrift)
		debug.FreeOSMemory()
	case <-ctx.Done():
	}
}

// Command mihome2mqtt brings Xiaomi and Mi Home devices to MQTT and Home
// Assistant.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	_ "time/tzdata" // the image has no zone files
)

func main() {
	harden()
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// endings are the signals that end the process in order: a closed terminal is one
// of them, unless nohup says otherwise.
func endings() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// run is the whole command: it returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	p := newProcess(ctx, environ, stdout, stderr)
	return p.finish(guard(func() error { return p.main(args) }))
}

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

	"github.com/mihome2mqtt/mihome2mqtt/bridge/redact"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole command: it returns the exit code. Everything that it writes
// passes the masking writer.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var secrets redact.Secrets
	out, talk := secrets.Writer(stdout), secrets.Writer(stderr)
	p := &process{ctx: ctx, environ: environ, out: out, talk: talk, secrets: &secrets}
	code := p.exit(guard(func() error { return p.main(args) }))
	out.Flush()
	talk.Flush()
	return code
}

package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// TestWallClockMayJump starts a home in 1970, as a machine without a clock does, and
// moves its clock by decades. Nobody may seem gone because of it.
func TestWallClockMayJump(t *testing.T) {
	address := freePort(t)
	environ := []string{"MIHOME2MQTT_BROKER_LISTEN=" + address, "MIHOME2MQTT_POLL=1s", "MIHOME2MQTT_GONE_WIFI=10s"}
	var step atomic.Int64 // from the true time
	step.Store(int64(time.Until(time.Unix(60, 0))))
	ctx, stop := context.WithCancel(t.Context())
	p := newProcess(ctx, environ, io.Discard, &heard{})
	ended := make(chan error, 1)
	go func() {
		ended <- clockDemo(p, t.TempDir(), func() time.Time { return time.Now().Add(time.Duration(step.Load())) })
	}()
	for last := health(t, environ); last == nil || last["devices"] != last["online"]; last = health(t, environ) {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	e := listenTo(t, address, nil)
	for _, jump := range []time.Duration{0, 56 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
		step.Add(int64(jump))
		<-time.After(3 * time.Second) // of polls
	}
	stop()
	before := e.heard()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if i := slices.IndexFunc(before, func(m string) bool { return strings.HasSuffix(m, "/availability offline") }); i >= 0 {
		t.Errorf("the clock jumped and somebody was gone: %s", before[i])
	}
	for _, year := range []string{" 1970-", time.Now().Add(time.Duration(step.Load())).Format(" 2006-")} {
		if !slices.ContainsFunc(before, func(m string) bool { return strings.Contains(m, "/last_seen"+year) }) {
			t.Errorf("no device was last seen in%s", year)
		}
	}
}

// clockDemo is the demo with another wall clock.
func clockDemo(p *process, data string, now func() time.Time) error {
	opt, disk, err := p.prepare(map[string]string{config.Prefix + "DATA": data})
	if err != nil {
		return err
	}
	defer disk.Close()
	home, err := miio.New(opt.World, miio.Options{})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	left := make(chan error, 1)
	go func() { left <- home.Run(ctx) }()
	opt.World.Now = now
	opt.Alone, opt.Known = true, home.Infos()
	opt.Sources = append(opt.Sources, spec.NewFolder(miio.Specs()))
	err = p.serve(opt)
	stop()
	<-left
	return err
}

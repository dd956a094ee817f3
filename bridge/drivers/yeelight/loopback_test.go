package yeelight_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/yeelight"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/yeelight"
)

// TestLampsOnLoopback finds known lamps by unicast and uses them over real sockets.
func TestLampsOnLoopback(t *testing.T) {
	w := mi.World{Net: host.Network(), Now: time.Now, Seed: 3}
	lamps, err := virtual.New(w, virtual.Options{Search: true, Address: func(i int) string { return fmt.Sprintf("127.98.78.%d:0", i+1) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lived := make(chan error, 1)
	go func() { lived <- lamps.Run(ctx) }()
	defer func() { cancel(); <-lived }()
	d := yeelight.New(w, yeelight.Options{Log: zerolog.Nop(), NoMulticast: true, Known: lamps.Infos})

	looking, found := context.WithTimeout(ctx, 20*time.Second)
	left := map[string]bool{}
	for _, info := range lamps.Infos() {
		left[info.DID] = true
	}
	err = d.Find(looking, func(i mi.Info) {
		if delete(left, i.DID); len(left) == 0 {
			found()
		}
	})
	if err != nil || len(left) > 0 {
		t.Fatalf("Find = %v, missed %v", err, left)
	}
	heard := newSink()
	link, err := d.Open(ctx, lamps.Infos()[0], heard)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	spec, err := link.Spec(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := mi.Change{Prop: prop(t, spec, "light/on"), Value: mi.Bool(true)}
	if err := link.(mi.Setter).Set(ctx, []mi.Change{want}); err != nil {
		t.Fatal(err)
	}
	select {
	case c := <-heard.changes:
		if c != want {
			t.Errorf("heard %v, want %v", c, want)
		}
	case <-time.After(20 * time.Second):
		t.Error("the lamp's own report did not arrive")
	}
}

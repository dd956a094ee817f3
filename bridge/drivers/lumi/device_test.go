package lumi_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// board is what people would see.
type board struct {
	mu     sync.Mutex
	online map[string]bool
	parent map[string]string
	values map[string]map[mi.Key]mi.Value
	events map[string]int
}

func (b *board) Opened(d *device.Device, spec *mi.Spec) device.Plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parent[d.Info().DID] = d.Info().Parent
	var plan device.Plan
	for i := range spec.Props {
		if spec.Props[i].Access&mi.Read != 0 {
			plan.Fast = append(plan.Fast, i)
		}
	}
	return plan
}

func (b *board) Changed(d *device.Device, changes []mi.Change) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	did := d.Info().DID
	if b.values[did] == nil {
		b.values[did] = map[mi.Key]mi.Value{}
	}
	for _, c := range changes {
		b.values[did][d.Spec().Props[c.Prop].Key] = c.Value
	}
	return false
}

func (b *board) Happened(d *device.Device, _ mi.Happening) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events[d.Info().DID]++
}

func (b *board) Status(d *device.Device, s device.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.online[d.Info().DID] = s.Online
}

func (b *board) Removed(*device.Device) {}

func (b *board) at(did string, key mi.Key) mi.Value {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values[did][key]
}

func (b *board) here(did string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online[did]
}

// TestHomeLivesWithAGateway runs the driver under the device loop: children are
// devices of their own, known by their heartbeats alone.
func TestHomeLivesWithAGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := &board{online: map[string]bool{}, parent: map[string]string{}, values: map[string]map[mi.Key]mi.Value{}, events: map[string]int{}}
		home := device.New(device.Options{
			World: mi.World{Now: time.Now, Seed: 5}, View: b, Log: zerolog.Nop(),
			Routes: []device.Route{{Name: "gateway", Driver: h.driver}},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- home.Run(ctx) }()
		time.Sleep(time.Minute)
		for place, info := range h.infos {
			if !b.here(info.DID) || b.parent[info.DID] != info.Parent {
				t.Errorf("%d: %s is online %v under %q", place, info.DID, b.here(info.DID), b.parent[info.DID])
			}
		}
		switched(t, h, home, b)
		h.report(button, "status", "click")
		if n := b.events[h.infos[button].DID]; n != 1 {
			t.Errorf("a press is %d events", n)
		}
		time.Sleep(2 * time.Hour) // children beat
		h.gateway.Mute(true)
		time.Sleep(10 * time.Minute)
		if b.here(h.infos[0].DID) || !b.here(h.infos[door].DID) {
			t.Error("want the silent gateway gone before its children")
		}
		time.Sleep(40 * time.Minute)
		if b.here(h.infos[plug].DID) || !b.here(h.infos[door].DID) {
			t.Error("want the plug gone before the battery devices")
		}
		time.Sleep(3 * time.Hour)
		if b.here(h.infos[door].DID) {
			t.Error("the door never left")
		}
		h.gateway.Mute(false)
		time.Sleep(20 * time.Second)
		h.beat(door)
		if !b.here(h.infos[door].DID) || b.events[h.infos[button].DID] != 1 {
			t.Errorf("the door is back: %v, events %v", b.here(h.infos[door].DID), b.events)
		}
		cancel()
		<-done
		h.stop()
	})
}

// switched turns the plug on by order and off by hand.
func switched(t *testing.T, h *house, home *device.Home, b *board) {
	t.Helper()
	did := h.infos[plug].DID
	failure := make(chan error, 1)
	home.Device(did).Do(device.Request{
		Order: mi.Order{Set: []mi.Change{{Prop: 0, Value: mi.Bool(true)}}}, Cause: "test",
		Done: func(_ []mi.Value, err error) { failure <- err },
	})
	if err := <-failure; err != nil {
		t.Errorf("order: %v", err)
	}
	settle()
	if b.at(did, "switch/on") != mi.Bool(true) {
		t.Error("the plug is not shown on")
	}
	h.report(plug, "status", "off")
	if b.at(did, "switch/on") != mi.Bool(false) {
		t.Error("the plug was switched by hand and is still shown on")
	}
}

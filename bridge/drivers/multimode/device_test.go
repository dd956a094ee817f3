package multimode_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/multimode"
)

// board is what people would see.
type board struct {
	mu     sync.Mutex
	online map[string]bool
	values map[string]mi.Value // by did and key
	events []string
}

func (b *board) Opened(_ *device.Device, spec *mi.Spec) (plan device.Plan) {
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
	for _, c := range changes {
		b.values[d.Info().DID+" "+string(d.Spec().Props[c.Prop].Key)] = c.Value
	}
	return false
}

func (b *board) Happened(d *device.Device, h mi.Happening) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, d.Info().DID+" "+string(d.Spec().Events[h.Event].Key))
}

func (b *board) Status(d *device.Device, s device.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.online[d.Info().DID] = s.Online
}

func (b *board) Removed(*device.Device) {}

func (b *board) is(did string, key mi.Key) mi.Value {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values[did+" "+string(key)]
}

func (b *board) here(did string) bool {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online[did]
}

// TestHomeLivesWithAGateway runs the driver under the device loop.
func TestHomeLivesWithAGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := home(mi.World{Now: time.Now, Seed: 5})
		b := &board{online: map[string]bool{}, values: map[string]mi.Value{}}
		h := device.New(device.Options{
			World: mi.World{Now: time.Now, Seed: 5}, View: b, Log: zerolog.Nop(),
			Routes: []device.Route{{Name: "gateway", Driver: d}}, Known: m.Children(),
		})
		ctx, cancel := contextFor(t)
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(10 * time.Second)
		m.Beat()
		time.Sleep(time.Minute)
		for _, c := range m.Children() {
			if !b.here(c.DID) || h.Device(c.DID).Info().Parent != gatewayDID {
				t.Errorf("%s is online %v under %q", c.Name, b.here(c.DID), h.Device(c.DID).Info().Parent)
			}
		}
		if v := b.is(virtual.Lamp, "light/brightness"); v != mi.Int(40) {
			t.Errorf("the lamp is at %s", v)
		}
		failure := make(chan error, 1)
		h.Device(virtual.Plug).Do(device.Request{
			Order: mi.Order{Set: []mi.Change{{Prop: 0, Value: mi.Bool(false)}}}, Cause: "test",
			Done: func(_ []mi.Value, err error) { failure <- err },
		})
		if err := <-failure; err != nil || b.is(virtual.Plug, "switch/on") != mi.Bool(false) {
			t.Errorf("order: %v, the plug is on %s", err, b.is(virtual.Plug, "switch/on"))
		}
		m.Mute()
		time.Sleep(time.Hour)
		if b.here(virtual.Plug) || !b.here(virtual.Door) {
			t.Error("want the plug gone before the battery devices")
		}
		time.Sleep(3 * time.Hour)
		if b.here(virtual.Door) {
			t.Error("the door never left")
		}
		cancel()
		<-done
		if got := strings.Join(b.events, " "); got != "" {
			t.Errorf("heartbeats became %s", got)
		}
	})
}

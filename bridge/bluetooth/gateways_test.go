package bluetooth

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// wireless is a bus without a broker.
type wireless struct {
	mu     sync.Mutex
	takers map[string]func(string, []byte, bool) // by filter
	refuse error
}

func (w *wireless) Subscribe(ctx context.Context, filter string, arrived func(string, []byte, bool)) error {
	w.mu.Lock()
	refuse := w.refuse
	w.takers[filter] = arrived
	w.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	<-ctx.Done()
	return nil
}

func (w *wireless) Publish(context.Context, string, []byte) error { return mi.ErrUnsupported }

func (w *wireless) say(filter, topic, payload string, retained bool) {
	w.mu.Lock()
	take := w.takers[filter]
	w.mu.Unlock()
	take(topic, []byte(payload), retained)
}

const motion = `{"id":"A4:C1:38:0A:1B:2C","rssi":-60,"servicedata":"5020","servicedatauuid":"fe95"}`

// listenTo starts a receiver and returns what it hears.
func listenTo(t *testing.T, g mi.Receiver) (heard func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var got []string
	over := make(chan error, 1)
	go func() {
		over <- g.Listen(ctx, func(a mi.Advert) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, a.Receiver+": "+show(a))
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		out := got
		got = nil
		return out
	}
}

func TestGatewaysHearAndFallSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wireless{takers: map[string]func(string, []byte, bool){}}
		g := NewGateways(w, "", zerolog.Nop())
		heard := listenTo(t, g)
		if err := g.Hearing(); !errors.Is(err, mi.ErrOffline) || !strings.Contains(err.Error(), DefaultFilter) {
			t.Errorf("before the first: %v", err)
		}
		w.say(DefaultFilter, "home/hall/BTtoMQTT/A4C1380A1B2C", motion, true)
		w.say(DefaultFilter, "home/hall/BTtoMQTT/A4C1380A1B2C", motion, false)
		w.say(DefaultFilter, "home/attic/BTtoMQTT/undecoded", motion, false)
		w.say(DefaultFilter, "home/attic/BTtoMQTT/undecoded", "{", false)
		w.say(DefaultFilter, "home/attic/BTtoMQTT/undecoded", strings.Repeat(" ", maxMessage+1), false)
		want := []string{`hall: A4:C1:38:0A:1B:2C -60 "" fe95=5020`, `attic: A4:C1:38:0A:1B:2C -60 "" fe95=5020`}
		if got := heard(); !slices.Equal(got, want) {
			t.Errorf("heard %q", got)
		}
		if got := g.Counts(); !maps.Equal(got, map[string]uint64{"heard": 2, "retained": 1, "malformed": 1, "oversized": 1, "surplus": 0}) {
			t.Errorf("counts %v", got)
		}
		if err := g.Hearing(); err != nil {
			t.Error(err)
		}
		w.say("home/+/LWT", "home/attic/LWT", "offline", false)
		if err := g.Hearing(); err == nil || !strings.Contains(err.Error(), "gateway attic is silent, 1 of 2 work") {
			t.Errorf("after its will: %v", err)
		}
		w.say(DefaultFilter, "home/attic/BTtoMQTT/undecoded", motion, false)
		if err := g.Hearing(); err != nil {
			t.Error(err)
		}
		time.Sleep(11 * time.Minute)
		if err := g.Hearing(); err == nil || !strings.Contains(err.Error(), "attic, hall") {
			t.Errorf("after a silence: %v", err)
		}
		time.Sleep(25 * time.Hour)
		if got := g.Known(); len(got) != 0 {
			t.Errorf("still known: %v", got)
		}
	})
}

func TestGatewaysSayWhenTheBrokerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wireless{takers: map[string]func(string, []byte, bool){}, refuse: mi.ErrDenied}
		g := NewGateways(w, "away/ble/#", zerolog.Nop())
		listenTo(t, g)
		if err := g.Hearing(); !errors.Is(err, mi.ErrDenied) {
			t.Errorf("Hearing = %v", err)
		}
		w.mu.Lock()
		w.refuse = nil
		w.mu.Unlock()
		time.Sleep(2 * time.Second)
		w.say("away/ble/#", "away/ble/x", motion, false)
		if err := g.Hearing(); err != nil {
			t.Errorf("Hearing = %v", err)
		}
	})
}

func TestGatewayOf(t *testing.T) {
	for _, tc := range []struct{ filter, topic, want string }{
		{"home/+/BTtoMQTT/#", "home/hall/BTtoMQTT/x", "hall"},
		{"a/b/+/BTtoMQTT/#", "a/b/hall/BTtoMQTT/x/y", "hall"},
		{"home/hall/BTtoMQTT/#", "home/hall/BTtoMQTT/x", "hall"},
		{"ble/#", "ble/hall/BTtoMQTT/x", "hall"},
		{"ble", "ble", "ble"},
	} {
		if got := gatewayOf(tc.filter, tc.topic); got != tc.want {
			t.Errorf("gatewayOf(%q, %q) = %q", tc.filter, tc.topic, got)
		}
	}
}

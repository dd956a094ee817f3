package mqtt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// ear takes what a bus hands over.
type ear struct {
	mu  sync.Mutex
	got []string
}

func (e *ear) take(topic string, payload []byte, retained bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = append(e.got, fmt.Sprint(topic, " ", string(payload), " ", retained))
}

func (e *ear) heard() []string {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.got
	e.got = nil
	return got
}

func TestBusSurvivesReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		s := newHouse(t, w, 0, external)
		var e ear
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- s.home.Bus().Subscribe(ctx, "home/+/BTtoMQTT/#", e.take) }()
		time.Sleep(10 * time.Second)

		u := mustConnect(t, w, "gateway")
		u.say("home/kitchen/BTtoMQTT/AABB", "one", true)
		u.say("home/kitchen/SYStoMQTT", "no", false)
		if got := e.heard(); !slices.Equal(got, []string{"home/kitchen/BTtoMQTT/AABB one false"}) {
			t.Errorf("heard %q", got)
		}
		kept := b.down()
		time.Sleep(30 * time.Second)
		if err := s.home.Bus().Publish(ctx, "home/kitchen/commands", []byte("x")); !errors.Is(err, mi.ErrOffline) {
			t.Errorf("publish without a broker: %v", err)
		}
		b.up(kept)
		time.Sleep(2 * time.Minute)
		u = mustConnect(t, w, "gateway")
		u.listen("home/kitchen/commands")
		u.say("home/attic/BTtoMQTT/CCDD", "two", false)
		want := []string{"home/kitchen/BTtoMQTT/AABB one true", "home/attic/BTtoMQTT/CCDD two false"}
		if got := e.heard(); !slices.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
		if err := s.home.Bus().Publish(ctx, "home/kitchen/commands", []byte("x")); err != nil {
			t.Error(err)
		}
		if got := u.heard(); !slices.Equal(got, []string{"home/kitchen/commands x"}) {
			t.Errorf("published %q", got)
		}
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		u.say("home/attic/BTtoMQTT/CCDD", "three", false)
		if got := e.heard(); got != nil {
			t.Errorf("heard %q after the end", got)
		}
		u.bye()
		s.stop()
		b.down()
	})
}

func TestOwnBrokerLetsWriteWhereSomebodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 0, nil)
		time.Sleep(10 * time.Second)
		var e ear
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		u := mustConnect(t, s.world, "gateway")
		u.say("home/kitchen/BTtoMQTT/AABB", "early", false)
		go func() { over <- s.home.Bus().Subscribe(ctx, "home/+/BTtoMQTT/#", e.take) }()
		time.Sleep(time.Second)
		u.say("home/kitchen/BTtoMQTT/AABB", "one", true)
		u.say("mihome2mqtt/bridge/state", "forged", false)
		u.say("elsewhere/BTtoMQTT/AABB", "no", false)
		if got := e.heard(); !slices.Equal(got, []string{"home/kitchen/BTtoMQTT/AABB one false"}) {
			t.Errorf("heard %q", got)
		}
		if among(s.tree(), "BTtoMQTT") {
			t.Error("the broker keeps what a guest said")
		}
		cancel()
		<-over
		u.bye()
		s.stop()
	})
}

func TestBusRefusesOurOwnTopics(t *testing.T) {
	b := newBus(&Client{}, []string{"mihome2mqtt", "ha/discovery"})
	for _, filter := range []string{"", "#", "+/x", "mihome2mqtt/#", "ha/discovery/+", "a/#/b", "a/b+", "a\x00b"} {
		if err := b.Subscribe(t.Context(), filter, nil); !errors.Is(err, mi.ErrInvalid) {
			t.Errorf("Subscribe(%q) = %v", filter, err)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		filter, topic string
		want          bool
	}{
		{"home/+/BTtoMQTT/#", "home/a/BTtoMQTT/x", true},
		{"home/+/BTtoMQTT/#", "home/a/BTtoMQTT/x/y", true},
		{"home/+/BTtoMQTT/#", "home/a/BTtoMQTT", true},
		{"home/+/BTtoMQTT/#", "home/a/b/BTtoMQTT/x", false},
		{"home/+/LWT", "home/a/LWT", true},
		{"home/+/LWT", "home/a", false},
		{"home/+/LWT", "home/a/LWT/x", false},
		{"home/+", "home/", true},
		{"home", "home/x", false},
		{"#", "$SYS/x", false},
	} {
		if got := matches(tc.filter, tc.topic); got != tc.want {
			t.Errorf("matches(%q, %q) = %v", tc.filter, tc.topic, got)
		}
	}
}

func BenchmarkBusArrived(b *testing.B) {
	bus := newBus(&Client{}, nil)
	n := 0
	bus.change(func(all []*listener) []*listener {
		return append(all, &listener{"home/+/BTtoMQTT/#", func(string, []byte, bool) { n++ }})
	})
	a := arrival{topic: "home/OMG_kitchen/BTtoMQTT/AABBCCDDEEFF", payload: []byte(`{"id":"AA:BB:CC:DD:EE:FF"}`)}
	b.ReportAllocs()
	for b.Loop() {
		bus.arrived(a)
	}
}

package mqtt

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestHomeShowsDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 2, nil)
		time.Sleep(10 * time.Second)
		tree := s.tree()
		for _, want := range []string{
			"!mihome2mqtt/bridge/availability online", "!mihome2mqtt/bridge/state {\"state\":\"online\"}", "!mihome2mqtt/bridge/device_count 2",
			"!mihome2mqtt/d1/availability online", "!mihome2mqtt/d1/connection lan", "!mihome2mqtt/d1/last_error None",
			"!mihome2mqtt/d1/p2_1/state OFF", "!mihome2mqtt/d2/p2_2/state 50",
			"!homeassistant/device/mihome2mqtt_d1/config {", "!homeassistant/device/mihome2mqtt_d2/config {", "!homeassistant/device/mihome2mqtt_bridge/config {",
		} {
			if !among(tree, want) {
				t.Errorf("%q is missing in\n%s", want, strings.Join(tree, "\n"))
			}
		}
		s.stop()
		if s.err != nil {
			t.Error(s.err)
		}
	})
}

func TestHomeSaysOfflineFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		s := newHouse(t, w, 1, external)
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.heard()
		began := time.Now()
		s.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
		got := u.heard()
		if len(got) == 0 || got[0] != "mihome2mqtt/bridge/availability offline" {
			t.Errorf("on leaving: %q", got)
		}
		u.bye()
		b.down()
	})
}

func TestHomeSurvivesABrokerAway(t *testing.T) {
	for _, forgets := range []bool{false, true} {
		t.Run(fmt.Sprint("forgets=", forgets), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testWorld()
				b := newForeign(t, w)
				s := newHouse(t, w, 3, external)
				time.Sleep(10 * time.Second)
				before := s.tree()
				time.Sleep(2 * time.Hour) // of quiet

				lost := s.home.Connection().Lost
				kept := b.down()
				if forgets {
					kept = nil
				}
				time.Sleep(30 * time.Minute)
				for range 3 {
					s.lamps.byID["d1"].sink.Happened(mi.Happening{Event: 0, At: time.Now()})
					time.Sleep(time.Second)
				}
				s.lamps.byID["d1"].put(func(l *lamp) { l.values[1] = mi.Int(77) })
				time.Sleep(30 * time.Minute)
				if c := s.home.Connection(); c.Up || !strings.Contains(c.Problem, "nothing listens") || c.Lost != lost+3 {
					t.Errorf("while away: %+v", c)
				}
				if n := s.log.count("no connection to the broker"); n > 4 {
					t.Errorf("%d log lines for one outage", n)
				}
				b.up(kept)
				u := s.watch()
				for !s.home.Connection().Up {
					time.Sleep(100 * time.Millisecond)
				}
				u.heard()
				time.Sleep(10 * time.Second)
				for _, line := range u.heard() {
					if strings.Contains(line, "/event ") {
						t.Errorf("replayed: %s", line)
					}
				}
				u.bye()
				after := s.tree()
				want := slices.Clone(before)
				want[slices.Index(want, "!mihome2mqtt/d1/p2_2/state 50")] = "!mihome2mqtt/d1/p2_2/state 77"
				if !slices.Equal(after, want) {
					t.Errorf("after the outage\n%s\nwant\n%s", strings.Join(after, "\n"), strings.Join(want, "\n"))
				}
				s.stop()
				b.down()
			})
		})
	}
}

func TestHomeAnnouncesOnceAfterReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		s := newHouse(t, w, 3, external)
		time.Sleep(10 * time.Second)
		b.up(b.down())
		u := s.watch()
		u.heard()
		time.Sleep(time.Minute)
		for _, line := range u.heard() {
			if strings.HasPrefix(line, "homeassistant/") {
				t.Errorf("announced again though the broker has it: %.80s", line)
			}
		}
		u.bye()
		s.stop()
		b.down()
	})
}

func TestHomeCorrectsForgedTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		s := newHouse(t, w, 1, external)
		time.Sleep(10 * time.Second)
		want := s.tree()
		s.stop()
		evil := mustConnect(t, w, "evil")
		evil.say("homeassistant/device/mihome2mqtt_d1/config", `{"device":{"identifiers":["x"]}}`, true)
		evil.say("homeassistant/device/mihome2mqtt_ghost/config", `{"device":{"identifiers":["y"]}}`, true)
		evil.say("mihome2mqtt/bridge/info", `{"version":"6.6.6"}`, true)
		evil.say("mihome2mqtt/ghost/p2_1/state", "ON", true)
		evil.say("mihome2mqtt/d1/p9_9/state", "ON", true)
		evil.say("mihome2mqtt/d1/p2_1/state", "ON", true)
		evil.say("mihome2mqtt/d1/p2_1/state/set", "ON", true)
		evil.say("mihome2mqtt/bridge/request/remove", "d1", true)
		s = newHouse(t, w, 1, external)
		time.Sleep(3 * time.Minute)
		evil.say("mihome2mqtt/bridge/availability", "offline", true)
		time.Sleep(time.Second)
		got := slices.DeleteFunc(s.tree(), func(l string) bool {
			return strings.Contains(l, "/set ON") || strings.HasPrefix(l, "!mihome2mqtt/bridge/request/")
		})
		if !slices.Equal(got, want) {
			t.Errorf("after forgery\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if orders := s.lamps.byID["d1"].taken(); orders != "" {
			t.Errorf("executed: %s", orders)
		}
		evil.bye()
		s.stop()
		b.down()
	})
}

func TestSecondBridgeRefusesToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		first := newHouse(t, w, 1, external)
		time.Sleep(10 * time.Second)
		other := w
		other.Seed = 2
		second := newHouse(t, other, 1, external)
		time.Sleep(10 * time.Second)
		second.stop()
		if !errors.Is(second.err, ErrTaken) || !strings.Contains(second.err.Error(), "host testhost, version 1.0, running since") {
			t.Errorf("second bridge: %v", second.err)
		}
		if !first.home.Connection().Up {
			t.Error("the first one went down")
		}
		if among(first.tree(), "availability offline") {
			t.Error("the second one said offline for the first")
		}
		first.stop()
		third := newHouse(t, other, 1, external)
		time.Sleep(10 * time.Second)
		if !third.home.Connection().Up {
			t.Errorf("after the first has left: %+v", third.home.Connection())
		}
		third.stop()
		b.down()
	})
}

// TestStaleLockIsNoObstacle: a bridge that was killed leaves its record behind.
func TestStaleLockIsNoObstacle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		u := mustConnect(t, w, "past")
		u.say("mihome2mqtt/bridge/instance", `{"id":"dead","host":"pi","version":"0.9","since":"2020-01-01T00:00:00Z"}`, true)
		s := newHouse(t, w, 1, external)
		time.Sleep(10 * time.Second)
		if tree := s.tree(); !among(tree, "_d1/config {") || !among(tree, "d1/p2_1/state OFF") {
			t.Errorf("after 10 s: %.500q", tree)
		}
		u.bye()
		s.stop()
		b.down()
	})
}

// TestFloodIsNotLogged sends commands to topics that do not exist.
func TestFloodIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		time.Sleep(10 * time.Second)
		for i := range 60 * 5000 {
			s.home.arrived(arrival{topic: fmt.Sprintf("mihome2mqtt/d1/x%d/state/set", i), payload: []byte("1")})
			if i%5000 == 0 {
				time.Sleep(time.Second)
			}
		}
		if n := s.log.count("command for something"); n > 12 {
			t.Errorf("%d log lines", n)
		}
		if n := s.home.counts.unknown.Load(); n != 60*5000 {
			t.Errorf("%d counted", n)
		}
		s.stop()
	})
}

package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestRemovedDeviceLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 2, nil)
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.say("mihome2mqtt/bridge/request/remove", "d1", false)
		time.Sleep(10 * time.Second)
		if tree := s.tree(); among(tree, "d1/") || among(tree, "_d1/") || !among(tree, "d2/p2_1/state") {
			t.Errorf("left:\n%s", strings.Join(tree, "\n"))
		}
		u.bye()
		s.stop()
	})
}

func TestDeviceGoneWhileAwayIsCleanedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		s := newHouse(t, w, 3, external)
		time.Sleep(10 * time.Second)
		s.stop()

		s = newHouse(t, w, 0, external)
		time.Sleep(5 * time.Minute)
		if tree := s.tree(); !among(tree, "_d3/config") {
			t.Error("an empty list of devices emptied the home")
		}
		s.stop()

		s = newHouse(t, w, 2, external)
		time.Sleep(2 * time.Minute)
		if tree := s.tree(); among(tree, "d3/") || among(tree, "_d3/") || !among(tree, "d2/p2_1/state") {
			t.Errorf("left:\n%s", strings.Join(tree, "\n"))
		}
		s.stop()
		b.down()
	})
}

func TestRenameAnnouncesAgainAndMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.heard()
		for i := range 5 {
			u.say("mihome2mqtt/bridge/request/rename", fmt.Sprintf(`{"id":"d1","name":"Desk %d"}`, i), false)
		}
		time.Sleep(10 * time.Second)
		var announced []string
		for _, l := range u.heard() {
			if strings.Contains(l, "_d1/config") {
				announced = append(announced, l)
			}
			if strings.HasPrefix(l, "mihome2mqtt/d1/p2_1/state") {
				t.Errorf("state published for a rename: %s", l)
			}
		}
		if len(announced) != 1 || !strings.Contains(announced[0], `"name":"Desk 4"`) {
			t.Errorf("announced %.300q", announced)
		}
		u.bye()
		s.stop()
	})
}

// withoutNumber is lampModel after rules that show less.
func withoutNumber(spec *mi.Spec, detail string) (*entity.Model, renderer) {
	m, r := lampModel(spec, detail)
	m.Entities[1].ID, m.Entities[1].Component = "x2_2", "sensor"
	m.Entities[1].Binds[0].Command = false
	return m, r
}

func TestNewRulesTakeBackInTwoSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.heard()
		s.home.reshape(withoutNumber)
		time.Sleep(10 * time.Second)
		var steps []string
		for _, l := range u.heard() {
			if strings.Contains(l, "_d1/config") {
				steps = append(steps, l)
			}
		}
		if len(steps) != 2 || !strings.Contains(steps[0], `"p2_2":{"platform":"number"}`) || strings.Contains(steps[1], "p2_2\":") {
			t.Errorf("steps %.900q", steps)
		}
		if tree := s.tree(); among(tree, "p2_2/state") || !among(tree, "d1/x2_2/state 50") || !among(tree, "d1/p2_1/state OFF") {
			t.Errorf("tree:\n%s", strings.Join(tree, "\n"))
		}
		u.bye()
		s.stop()
	})
}

func TestChoice(t *testing.T) {
	info := mi.Info{DID: "d1", Model: "acme.light.one", Room: "Kitchen"}
	for _, tc := range []struct {
		include, exclude []string
		want             bool
	}{
		{nil, nil, true},
		{[]string{"d1"}, nil, true},
		{[]string{"d2"}, nil, false},
		{[]string{"acme.*"}, nil, true},
		{[]string{"kitchen"}, nil, true},
		{nil, []string{"*.light.*"}, false},
		{nil, []string{"Bath"}, true},
		{[]string{"Kitchen"}, []string{"d1"}, false},
		{nil, []string{"["}, true},
		{[]string{"ble.1"}, nil, true},
		{nil, []string{"ble.1"}, false},
	} {
		if got := (choice{tc.include, tc.exclude}).takes(info, "ble.1"); got != tc.want {
			t.Errorf("include %q exclude %q: %v, want %v", tc.include, tc.exclude, got, tc.want)
		}
	}
}

func TestExcludedDeviceIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 2, func(o *Options) { o.Exclude = []string{"d1"} })
		time.Sleep(10 * time.Second)
		if tree := s.tree(); among(tree, "/d1/") || among(tree, "_d1/") || !among(tree, `"id":"d1"`) || !among(tree, "d2/p2_1/state") {
			t.Errorf("tree:\n%s", strings.Join(tree, "\n"))
		}
		s.stop()
	})
}

// TestUnprovenDeviceIsOnlyListed: anybody can claim to be a device.
func TestUnprovenDeviceIsOnlyListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		s.lamps.mu.Lock()
		s.lamps.byID["d1"].fail = fmt.Errorf("wire: %w", mi.ErrDenied)
		s.lamps.mu.Unlock()
		stranger := device.New(device.Options{World: s.world, View: s.home, Routes: []device.Route{{Name: "lan", Driver: s.lamps}}, Known: []mi.Info{{DID: "s1", Model: "acme.light.one"}}})
		d := stranger.Device("s1")
		s.home.Opened(d, sharedLamp)
		s.home.Status(d, device.Status{LastError: "token refused"})
		time.Sleep(10 * time.Second)
		if tree := s.tree(); among(tree, "_s1/config") {
			t.Error("a device without a proven key was announced")
		}
		if got := s.home.describe(d); got.Problem != "found, needs a token" {
			t.Errorf("listed as %+v", got)
		}
		s.home.Status(d, device.Status{Online: true})
		time.Sleep(10 * time.Second)
		if tree := s.tree(); !among(tree, "_s1/config") {
			t.Error("not announced after it was proven")
		}
		s.stop()
	})
}

func TestEventsAreMomentary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 1, nil)
		time.Sleep(10 * time.Second)
		u := s.watch()
		u.heard()
		sink := s.lamps.byID["d1"].sink
		sink.Happened(mi.Happening{Event: 0, At: time.Now()})
		sink.Happened(mi.Happening{Event: 0, At: time.Now().Add(-time.Minute)})
		time.Sleep(5 * time.Second)
		n := 0
		for _, l := range u.heard() {
			if l == `mihome2mqtt/d1/e4_1/event {"event_type":"click"}` {
				n++
			}
		}
		if n != 1 || s.home.counts.stale.Load() != 1 {
			t.Errorf("%d events, %d stale", n, s.home.counts.stale.Load())
		}
		if kept := s.tree(); among(kept, `/event {"event_type"`) || !among(kept, "mihome2mqtt/d1/e4_1/event {}") {
			t.Error("an event is retained, or its topic does not rest at {}")
		}
		u.bye()
		s.stop()
	})
}

func TestOddValueIsUnknownAndLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 2, nil)
		for _, l := range s.lamps.byID {
			l.put(func(l *lamp) { l.values[1] = mi.Int(255) })
		}
		time.Sleep(10 * time.Minute)
		if tree := s.tree(); !among(tree, "d1/p2_2/state None") || !among(tree, "d2/p2_2/state None") {
			t.Errorf("tree:\n%s", strings.Join(tree, "\n"))
		}
		if n := s.log.count("not in the list"); n != 1 {
			t.Errorf("%d log lines, want one for the model", n)
		}
		s.stop()
	})
}

func TestQuietHomePublishesLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHouse(t, testWorld(), 3, nil)
		time.Sleep(time.Minute)
		u := s.watch()
		u.heard()
		time.Sleep(10 * time.Minute)
		allowed := []string{"/last_seen ", "/bridge/health ", "/bridge/instance "}
		for _, l := range u.heard() {
			if !slices.ContainsFunc(allowed, func(part string) bool { return strings.Contains(l, part) }) {
				t.Errorf("published though nothing changed: %s", l)
			}
		}
		u.bye()
		s.stop()
	})
}

func TestChangingTheFormMigrates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b := newForeign(t, w)
		s := newHouse(t, w, 1, func(o *Options) {
			external(o)
			o.Targets = []Target{{"homeassistant", homeassistant.SingleForm}}
		})
		time.Sleep(10 * time.Second)
		if !among(s.tree(), "homeassistant/switch/mihome2mqtt_d1/p2_1/config {") {
			t.Error("single form is missing")
		}
		s.stop()
		u := mustConnect(t, w, "reader")
		u.listen("#")
		u.heard()
		s = newHouse(t, w, 1, external)
		time.Sleep(20 * time.Second)
		heard := u.heard()
		order := []string{"switch/mihome2mqtt_d1/p2_1/config {\"migrate_discovery\":true}", "device/mihome2mqtt_d1/config {", "switch/mihome2mqtt_d1/p2_1/config "}
		at := -1
		for _, part := range order {
			i := slices.IndexFunc(heard[at+1:], func(l string) bool { return strings.Contains(l, part) })
			if i < 0 {
				t.Fatalf("%q does not come in its turn", part)
			}
			at += i + 1
		}
		if tree := s.tree(); among(tree, "homeassistant/switch/") {
			t.Error("old topics are left")
		}
		u.bye()
		s.stop()
		b.down()
	})
}

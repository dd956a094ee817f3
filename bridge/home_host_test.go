package bridge_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bridgetest"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// TestHomeBearsWhatItsMachineMeets plays what happens to the machine of the bridge.
func TestHomeBearsWhatItsMachineMeets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		external bool
		faults   string
	}{
		{"other addresses, Home Assistant starts", false, "address:world:10m-20m:2 address:world:25m-35m:2 birth:world:15m-15m:1"},
		{"other addresses, a broker elsewhere", true, "address:world:10m-20m:2 address:world:25m-35m:2"},
		{"sleep, a broker elsewhere", true, "sleep:world:20m-20m:8 sleep:world:25m-25m:30"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			sc := staged(t, tc.external, 0, tc.faults)
			sc.brief = true
			check(t, sc)
		})
	}
}

// here returns the address of the bridge's machine.
func (s *stage) here() netip.Addr {
	cards, _ := s.ground.Interfaces() // a machine in memory always knows them
	return cards[len(cards)-1].Prefix.Addr()
}

// readdress gives the bridge's machine another address.
func (s *stage) readdress(to string) {
	s.ground.Readdress(bridgetest.Prefix(to))
	if s.broker != nil {
		s.user.parted()
	}
}

// sleep lets the bridge's machine sleep: in no time at all everything else is further
// on, and has given up who did not answer.
func (s *stage) sleep(by time.Duration) {
	s.record(history.Entry{Actor: history.Bridge, What: history.Slept, Value: by.String()})
	s.home.Lapse(by)
	s.net.Lapse()
	s.clock.Step(by)
	if s.broker != nil {
		s.net.Break(s.here())
		s.user.parted()
	}
}

// told returns the events of a device that were published since an instant.
func (s *stage) told(did string, since time.Time) (n int) {
	for _, e := range s.history.Entries() {
		if e.What == history.Event && e.DID == did && e.At.After(since) {
			n++
		}
	}
	return n
}

// executed returns when a device carried something out since an instant.
func (s *stage) executed(did string, since time.Time) (at []time.Time) {
	for _, e := range s.history.Entries() {
		if e.What == history.Executed && e.DID == did && e.At.After(since) {
			at = append(at, e.At)
		}
	}
	return at
}

// heard returns how many messages of each topic the user has heard.
func (s *stage) heard() map[string]int {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	return maps.Clone(s.user.count)
}

// turn orders a plug on or off.
func (s *stage) turn(plug *miio.Device, on bool) {
	did, word := plug.Info().DID, map[bool]string{false: "OFF", true: "ON"}[on]
	name := "turn " + time.Since(s.began).String()
	s.record(history.Entry{Actor: history.User, What: history.Order, DID: did, Key: "2.1", Value: fmt.Sprint(on), ID: name})
	s.record(history.Entry{Actor: history.Bridge, What: history.Done, DID: did, ID: name}) // its end is the test's to look at
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	if err := s.user.client.publish(base+did+"/switch_2/state/set", word, 1, false); err != nil {
		s.failed = append(s.failed, err)
	}
}

// shows reports how a topic stands that keeps its message.
func (s *stage) shows(topic, want string) {
	s.t.Helper()
	if got := s.retained()[topic]; got != want {
		s.t.Errorf("%s is %q, want %q", topic, got, want)
	}
}

// well checks that every device is there and has nothing to complain about.
func (s *stage) well() {
	s.t.Helper()
	tree := s.retained()
	for _, d := range s.home.Devices() {
		at := base + d.Info().DID
		if a, e := tree[at+"/availability"], tree[at+"/last_error"]; a != "online" || e != "None" {
			s.t.Errorf("%s is %s: %s", d.Info().Model, a, e)
		}
	}
}

// TestHomeIsFoundFromANewAddress gives the bridge's machine another address: devices
// report to it before they are read the next time. Then the whole home gets addresses
// of another network.
func TestHomeIsFoundFromANewAddress(t *testing.T) {
	t.Parallel()
	sc := scene{models: some, idle: true, still: true, brief: true, plan: chaos.Plan{Seed: 3, Span: 12 * time.Minute}}
	sc.script = func(s *stage) {
		vacuum := s.home.Devices()[3]
		did := vacuum.Info().DID
		reports := func(battery int64, text string) {
			at := time.Now()
			vacuum.Happen(3, 1, nil)
			vacuum.Press("3.1", mi.Int(battery))
			time.Sleep(3 * time.Second)
			if n := s.told(did, at); n != 1 {
				s.t.Errorf("%d events of one", n)
			}
			s.shows(base+did+"/p3_1/state", text)
		}
		time.Sleep(2 * time.Minute)
		reports(40, "40")
		s.ground.Readdress(bridgetest.Prefix("10.1.255.7"))
		time.Sleep(10 * time.Second)
		reports(41, "41")
		s.well()

		for _, d := range s.home.Devices() {
			s.record(history.Entry{Actor: history.Thing, What: history.Reachable, DID: d.Info().DID, Value: history.Unclear})
			at := netip.MustParseAddrPort(d.Info().Addr)
			b := at.Addr().As4()
			b[1] = 2
			if err := d.Move(context.Background(), netip.AddrPortFrom(netip.AddrFrom4(b), at.Port()).String()); err != nil {
				s.t.Error(err)
			}
		}
		s.ground.Readdress(bridgetest.Prefix("10.2.255.7"))
		time.Sleep(2 * time.Minute)
		s.well()
		reports(42, "42")
	}
	check(t, sc)
}

// TestSlowDiskHoldsNobodyUp has a disk that takes five seconds for everything, reads of
// the start included.
func TestSlowDiskHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	sc := scene{models: some, idle: true, still: true, brief: true, plan: chaos.Plan{Seed: 3, Span: 15 * time.Minute}}
	sc.script = func(s *stage) {
		time.Sleep(time.Minute)
		s.halt()
		s.disk.Delay(5 * time.Second)
		s.forget = true
		s.start()
		time.Sleep(30 * time.Second)
		s.well()
		plug := s.home.Devices()[0]
		for i := range 60 {
			given := time.Now()
			s.turn(plug, i%2 > 0)
			time.Sleep(3*time.Second + time.Duration(i)*137*time.Microsecond)
			if done := s.executed(plug.Info().DID, given); len(done) != 1 || done[0].Sub(given) > 100*time.Millisecond {
				s.t.Errorf("order %d was carried out at %v, given at %v", i, done, given)
			}
		}
		s.well()
		s.patience = 15 * time.Second // two writes, and what a healthy one has
		s.halt()
		s.disk.Delay(0)
		s.start()
		time.Sleep(30 * time.Second)
		s.well()
	}
	check(t, sc)
}

// TestHomeWakesUp lets the bridge's machine sleep for a night in the middle of an order.
// It never runs; devices that moved or changed meanwhile are found and read at once,
// they report again, and nothing old is told.
func TestHomeWakesUp(t *testing.T) {
	t.Parallel()
	sc := scene{models: some, external: true, idle: true, still: true, brief: true, plan: chaos.Plan{Seed: 3, Span: 12 * time.Minute}}
	sc.script = func(s *stage) {
		devices := s.home.Devices()
		plug, fan, vacuum, lamp := devices[0], devices[5], devices[3], devices[9]
		time.Sleep(5 * time.Minute)
		vacuum.Happen(3, 1, nil)
		time.Sleep(10 * time.Second)

		given := time.Now()
		at := netip.MustParseAddrPort(plug.Info().Addr).Addr()
		from := time.Since(s.began)
		s.net.Hurt(at, chaos.Fault{Kind: chaos.Cut, From: from, To: from + 3*time.Second})
		s.turn(plug, false)
		time.Sleep(time.Second)
		s.sleep(8 * time.Hour)
		fan.Press("2.8", mi.Bool(true)) // while nobody listened
		lamp.Press("2.2", mi.Int(77))
		for _, d := range devices[1:3] {
			if err := d.Move(context.Background(), elsewhere(d)); err != nil {
				s.t.Error(err)
			}
		}
		slept := time.Now()

		time.Sleep(40 * time.Second)
		if done := s.executed(plug.Info().DID, given); len(done) > 0 {
			s.t.Errorf("an order of before the night was carried out at %v", done)
		}
		if n := s.told(vacuum.Info().DID, given); n > 0 {
			s.t.Errorf("%d events of before the night", n)
		}
		tree, m := s.retained(), s.user.mirrors
		for _, d := range []*miio.Device{fan, lamp} {
			s.sees(tree, m[d.Info().Model], d)
		}
		time.Sleep(time.Minute)
		s.turn(plug, false)
		time.Sleep(2 * time.Second)
		vacuum.Happen(3, 1, nil)
		time.Sleep(2 * time.Second)
		if done, n := s.executed(plug.Info().DID, slept), s.told(vacuum.Info().DID, slept); len(done) != 1 || n != 1 {
			s.t.Errorf("after the night %d orders of one are carried out, %d events of one told", len(done), n)
		}
		s.well()
	}
	check(t, sc)
}

// sees checks that the topics of a device show what it has.
func (s *stage) sees(tree map[string]string, m *mirror, d *miio.Device) {
	s.t.Helper()
	values := m.values(d.Values())
	for i := range m.model.Entities {
		for key, want := range m.render(i, values) {
			if got, due := tree[base+d.Info().DID+"/"+key]; due && m.single[key] && got != want {
				s.t.Errorf("%s %s shows %s, the device has %s", d.Info().Model, key, got, want)
			}
		}
	}
}

// TestHomeAssistantStarts says what Home Assistant says at its start: everything is
// announced and every state told again, no event, and nothing is ordered. It is the same
// when it started before the bridge.
func TestHomeAssistantStarts(t *testing.T) {
	t.Parallel()
	sc := scene{models: some, external: true, idle: true, still: true, brief: true, plan: chaos.Plan{Seed: 3, Span: 8 * time.Minute}}
	sc.script = func(s *stage) {
		s.user.birth() // before the bridge is there
		time.Sleep(2 * time.Minute)
		s.well()
		s.home.Devices()[3].Happen(3, 1, nil)
		time.Sleep(time.Minute)
		kept := s.retained()
		began, before := time.Now(), s.heard()
		s.user.birth()
		time.Sleep(40 * time.Second)
		after := s.heard()
		for topic := range kept {
			told := after[topic] - before[topic]
			again := strings.HasPrefix(topic, "homeassistant/") || strings.HasPrefix(topic, base+"4600000")
			if again && told != 1 && (told == 0 || !strings.HasSuffix(topic, "/last_seen")) {
				s.t.Errorf("%s was told %d times", topic, told)
			}
		}
		for _, e := range s.history.Entries() {
			if e.At.After(began) && (e.What == history.Event || e.What == history.Executed || e.What == history.Available && e.Value == "offline") {
				s.t.Errorf("%+v", e)
			}
		}
		s.well()
	}
	check(t, sc)
}

package mqtt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// lamp is a device at the other end of a wire.
type lamp struct {
	mu     sync.Mutex
	values []mi.Value
	orders []string
	fail   error
	sink   mi.Sink
}

func lampSpec() *mi.Spec {
	return &mi.Spec{
		Model: "acme.light.one", Text: "Lamp",
		Props: []mi.Property{
			{SIID: 2, PIID: 1, Key: "light/on", Format: mi.FormatBool, Access: mi.Read | mi.Write},
			{SIID: 2, PIID: 2, Key: "light/level", Format: mi.FormatInt, Access: mi.Read | mi.Write},
			{SIID: 2, PIID: 3, Key: "light/text", Format: mi.FormatText},
		},
		Actions: []mi.Action{{SIID: 2, AIID: 1, Key: "light/toggle"}, {SIID: 3, AIID: 1, Key: "play.er/say", In: []int{2}}},
		Events:  []mi.Event{{SIID: 4, EIID: 1, Key: "button/click"}},
	}
}

// lampRules is what rules would make of lampSpec.
type lampRules struct{}

func lampModel(spec *mi.Spec) (*entity.Model, renderer) {
	return &entity.Model{Spec: spec, Fast: []int{0, 1}, Entities: []entity.Entity{
		{ID: "p2_1", Component: "switch", Name: "Power", Enabled: true, Binds: []entity.Bind{{Role: "state", State: true, Command: true, Props: []int{0}}}},
		{ID: "p2_2", Component: "number", Name: "Level", Enabled: true, Binds: []entity.Bind{{Role: "state", State: true, Command: true, Props: []int{1}, Min: 1, Max: 100}}},
		{ID: "a2_1", Component: "button", Name: "Toggle", Enabled: true, Binds: []entity.Bind{{Role: "press", Command: true, Actions: []int{0}}}},
		{ID: "e4_1", Component: "event", Name: "Click", Enabled: true, Binds: []entity.Bind{{Role: "event", Events: []int{0}, Options: []string{"click"}}}},
		{ID: "a3_1", Component: "command", Name: "Say", Binds: []entity.Bind{{Role: "command", Command: true, Actions: []int{1}}}},
	}}, lampRules{}
}

func (lampRules) Touched(prop int) []int { return []int{prop} }

func (lampRules) Render(i int, values []mi.Value, into []entity.Payload) []entity.Payload {
	text := values[i].String()
	if i == 0 {
		text = map[string]string{"true": "ON", "false": "OFF"}[text]
	}
	odd := i == 1 && text == "255"
	if odd {
		text = "None"
	}
	return append(into, entity.Payload{Role: "state", Text: text, OutOfList: odd})
}

func (lampRules) RenderEvent(mi.Happening, []entity.EventPayload) []entity.EventPayload {
	return []entity.EventPayload{{Entity: 3, Payload: entity.Payload{Role: "event", Text: `{"event_type":"click"}`, Momentary: true}}}
}

func (lampRules) Order(i int, _ entity.Role, payload string, values []mi.Value) (mi.Order, error) {
	switch i {
	case 0:
		on := payload == "ON"
		if payload == "TOGGLE" {
			was, _ := values[0].Bool()
			on = !was
		}
		return mi.Order{Set: []mi.Change{{Prop: 0, Value: mi.Bool(on)}}}, nil
	case 1:
		n, err := strconv.Atoi(payload)
		if err != nil || n < 1 || n > 100 {
			return mi.Order{}, fmt.Errorf("entity: p2_2: %.40q is no number from 1 to 100: %w", payload, mi.ErrInvalid)
		}
		return mi.Order{Set: []mi.Change{{Prop: 1, Value: mi.Int(int64(n))}}}, nil
	case 4:
		return mi.Order{Calls: []mi.Call{{Action: 1, Args: []mi.Value{mi.Text(payload)}}}}, nil
	}
	return mi.Order{Calls: []mi.Call{{Action: 0}}}, nil
}

func (lampRules) Moving([]mi.Value) bool { return false }

func (l *lamp) Spec(context.Context) (*mi.Spec, error) { return sharedLamp, nil }
func (l *lamp) Close() error                           { return nil }

func (l *lamp) Get(_ context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return into, l.fail
	}
	for _, p := range props {
		into = append(into, mi.Change{Prop: p, Value: l.values[p]})
	}
	return into, nil
}

func (l *lamp) Set(_ context.Context, set []mi.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range set {
		l.orders = append(l.orders, fmt.Sprintf("%d=%s", c.Prop, c.Value))
		if l.fail != nil {
			return l.fail
		}
		l.values[c.Prop] = c.Value
	}
	return nil
}

func (l *lamp) Call(_ context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.orders = append(l.orders, fmt.Sprintf("call %d %v", action, args))
	return nil, l.fail
}

func (l *lamp) taken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := strings.Join(l.orders, " ")
	l.orders = nil
	return got
}

func (l *lamp) put(f func(*lamp)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

var sharedLamp = lampSpec()

// lamps is a driver.
type lamps struct {
	mu   sync.Mutex
	byID map[string]*lamp
}

func (d *lamps) Find(ctx context.Context, _ func(mi.Info)) error {
	<-ctx.Done()
	return nil
}

func (d *lamps) Open(_ context.Context, i mi.Info, sink mi.Sink) (mi.Link, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.byID[i.DID]
	if l == nil {
		return nil, mi.ErrUnsupported
	}
	l.sink = sink
	return l, nil
}

// house is a bridge with devices and its own broker.
type house struct {
	t       *testing.T
	world   mi.World
	log     *logLines
	home    *Home
	devices *device.Home
	lamps   *lamps
	stop    func()
	err     error
}

type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logLines) count(words string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// newHouse starts a bridge with n lamps named d1, d2 …
func newHouse(t *testing.T, w mi.World, n int, change func(*Options)) *house {
	t.Helper()
	s := &house{t: t, world: w, log: &logLines{}, lamps: &lamps{byID: map[string]*lamp{}}}
	o := Options{
		World: w, Log: zerolog.New(s.log).Level(zerolog.InfoLevel), Version: "1.0", Host: "testhost", Listen: listen, Rules: &entity.Rules{},
		Targets: []Target{{"homeassistant", homeassistant.DeviceForm}},
	}
	if change != nil {
		change(&o)
	}
	home, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	home.build = lampModel
	s.home = home
	var known []mi.Info
	for i := range n {
		did := fmt.Sprintf("d%d", i+1)
		s.lamps.byID[did] = &lamp{values: []mi.Value{mi.Bool(false), mi.Int(50), {}}}
		known = append(known, mi.Info{DID: did, Name: "Lamp " + did, Model: "acme.light.one", Room: "Kitchen", Token: "0123"})
	}
	s.devices = device.New(device.Options{World: w, View: home, Log: zerolog.Nop(), Known: known, Routes: []device.Route{{Name: "lan", Driver: s.lamps, Trusted: true}}})
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() { s.err = home.Run(ctx, s.devices) })
	tasks.Go(func() { _ = s.devices.Run(ctx) })
	s.stop = func() {
		cancel()
		tasks.Wait()
	}
	return s
}

// watch connects somebody who reads everything.
func (s *house) watch() *user {
	u := mustConnect(s.t, s.world, fmt.Sprint("reader", time.Now().UnixNano()))
	u.listen("#")
	return u
}

// tree returns what a new reader finds retained, sorted, without what changes with
// time.
func (s *house) tree() []string {
	u := s.watch()
	defer u.bye()
	got := u.heard()
	slices.Sort(got)
	return slices.DeleteFunc(got, func(l string) bool {
		return strings.Contains(l, "/last_seen ") || strings.Contains(l, "/health ") || strings.Contains(l, "/instance ")
	})
}

func among(lines []string, part string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, part) })
}

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

// external makes the bridge use the broker at listen as if it were the user's.
func external(o *Options) { o.URL = "mqtt://" + listen }

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

package mqtt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
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
	spec   *mi.Spec // nil is sharedLamp
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

func lampModel(spec *mi.Spec, _ string) (*entity.Model, renderer) {
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
	if i >= len(values) { // an event has no value
		return into
	}
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

func (l *lamp) Spec(context.Context) (*mi.Spec, error) { return cmp.Or(l.spec, sharedLamp), nil }
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

func (d *lamps) add(did string, l *lamp) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID[did] = l
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

// external makes the bridge use the broker at listen as if it were the user's.
func external(o *Options) { o.URL = "mqtt://" + listen }

package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The properties and actions of the lamps of the tests.
const (
	propOn = iota
	propLevel
	propTemp
	propName
	actToggle = 0
	actAdd    = 1
)

func lampSpec() *mi.Spec {
	return &mi.Spec{
		Model: "acme.light.one", Type: "light",
		Services: []mi.Service{{IID: 2, Name: "light", Key: "light"}},
		Props: []mi.Property{
			{SIID: 2, PIID: 1, Key: "light/on", Name: "on", Format: mi.FormatBool, Access: mi.Read | mi.Write},
			{SIID: 2, PIID: 2, Key: "light/brightness", Name: "brightness", Format: mi.FormatInt, Access: mi.Read | mi.Write},
			{SIID: 2, PIID: 3, Key: "light/temperature", Name: "temperature", Format: mi.FormatFloat, Access: mi.Read},
			{SIID: 2, PIID: 4, Key: "light/name", Name: "name", Access: mi.Read | mi.Write},
		},
		Actions: []mi.Action{
			{SIID: 2, AIID: 1, Key: "light/toggle", Name: "toggle"},
			{SIID: 2, AIID: 2, Key: "light/add", Name: "add", In: []int{propLevel}, Out: []int{propLevel, propName}},
		},
	}
}

// library is a source of specs with one model.
type library struct{ spec *mi.Spec }

func (l library) Spec(_ context.Context, model string) (*mi.Spec, error) {
	if model != l.spec.Model {
		return nil, fmt.Errorf("no spec of %s: %w", model, mi.ErrUnsupported)
	}
	return l.spec, nil
}

// request is what arrived at the cloud.
type request struct {
	at     time.Time
	region string
	path   string
	body   string
	props  int
}

// sky is a cloud with an account. It owns the truth about its devices.
type sky struct {
	mu       sync.Mutex
	spec     *mi.Spec
	known    Known
	changed  []chan struct{}
	values   map[string]map[string]any // did → "siid.piid" → value
	codes    map[string]int            // did → code of all its properties, or "did siid.piid"
	off      map[string]bool           // did → away, though its old values are still told
	updated  int64
	latency  time.Duration
	mute     bool
	fail     error
	answer   func(path, body string) (string, bool) // overrides the result
	requests []request
	refuse   string // refuses every request with this text in it
}

// coded is a refusal as the account reports it.
type coded int

func (c coded) Error() string { return fmt.Sprintf("code %d", int(c)) }
func (c coded) Code() int     { return int(c) }

func newSky(devices int) *sky {
	k := &sky{spec: lampSpec(), values: map[string]map[string]any{}, codes: map[string]int{}, off: map[string]bool{}, latency: 50 * time.Millisecond}
	for i := range devices {
		k.add(Device{Info: mi.Info{DID: fmt.Sprint(1000 + i), Model: "acme.light.one", Name: fmt.Sprint("Lamp ", i)}, Account: "me", Region: "de", Online: true})
	}
	return k
}

func (k *sky) add(d Device) {
	d.Asked = time.Now()
	k.known.Devices = append(k.known.Devices, d)
	k.values[d.DID] = map[string]any{"2.1": true, "2.2": 55, "2.3": 21.5, "2.4": "red"}
}

// put changes the sky, and tells who watches when it changed what is known.
func (k *sky) put(f func(*sky)) {
	k.mu.Lock()
	k.known.Devices = slices.Clone(k.known.Devices)
	f(k)
	changed := k.changed
	k.mu.Unlock()
	for _, c := range changed {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// online has the list say whether a device is there.
func (k *sky) online(did string, there bool) {
	k.put(func(k *sky) {
		i := slices.IndexFunc(k.known.Devices, func(d Device) bool { return d.DID == did })
		k.known.Devices[i].Online, k.known.Devices[i].Asked = there, time.Now()
	})
}

func (k *sky) Known() Known {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known
}

func (k *sky) Watch(ctx context.Context, changed func()) {
	c := make(chan struct{}, 1)
	k.put(func(k *sky) { k.changed = append(k.changed, c) })
	for {
		select {
		case <-c:
			changed()
		case <-ctx.Done():
			return
		}
	}
}

func (k *sky) RunScene(ctx context.Context, s Scene) error {
	_, err := k.Call(ctx, s.Account, s.Region, "run", s.ID)
	return err
}

func (k *sky) RemoteKeys(ctx context.Context, did string) ([]RemoteKey, error) {
	_, err := k.Call(ctx, "me", "de", "keys", did)
	return []RemoteKey{{"7", "power"}, {"3", "Volume up"}}, err
}

func (k *sky) PressRemote(ctx context.Context, did, key string) error {
	_, err := k.Call(ctx, "me", "de", "press", did+" "+key)
	return err
}

// History tells that the event 3.1 happened three times, and others never.
func (k *sky) History(ctx context.Context, did, kind, key string, _, to time.Time, limit int) (all []Sample, err error) {
	_, err = k.Call(ctx, "me", "de", "history", fmt.Sprintf("%s %s %s %d", did, kind, key, limit))
	if err == nil && key == "3.1" {
		all = []Sample{{At: to.Add(-time.Hour)}, {At: to.Add(-7 * time.Minute)}, {At: to.Add(-30 * time.Minute)}}
	}
	return all, err
}

// Statistics tells half a kWh for each day, and 0.25 of today's.
func (k *sky) Statistics(ctx context.Context, did, key, period string, from, to time.Time) (days []Sample, err error) {
	_, err = k.Call(ctx, "me", "de", "statistics", did+" "+key+" "+period)
	for at := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, from.Location()); at.Before(to); at = at.AddDate(0, 0, 1) {
		days = append(days, Sample{at, mi.Float(0.5)})
	}
	if len(days) > 0 {
		days[len(days)-1].Value = mi.Float(0.25)
	}
	return days, err
}

func (k *sky) Call(ctx context.Context, account, region, path string, params any) (json.RawMessage, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	k.requests = append(k.requests, request{time.Now(), region, path, string(body), strings.Count(string(body), `"piid"`)})
	latency, mute, fail := k.latency, k.mute, k.fail
	k.mu.Unlock()
	if mute {
		latency = time.Hour
	}
	if err := pauseFor(ctx, latency); err != nil {
		return nil, err
	}
	if fail != nil {
		return nil, fail
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refuse != "" && strings.Contains(string(body), k.refuse) {
		return nil, coded(-704010000)
	}
	if k.answer != nil {
		if text, mine := k.answer(path, string(body)); mine {
			return json.RawMessage(text), nil
		}
	}
	return k.serve(path, body)
}

// serve needs k.mu.
func (k *sky) serve(path string, body []byte) (json.RawMessage, error) {
	switch path {
	case "/miotspec/prop/get", "/miotspec/prop/set":
		return k.props(body, strings.HasSuffix(path, "set")), nil
	case "/v2/home/device_list_page":
		return k.list(body), nil
	case "run", "keys", "press", "statistics", "history":
		return json.RawMessage("true"), nil
	case "/miotspec/action":
		return k.action(body), nil
	}
	return nil, coded(-6)
}

func (k *sky) props(body []byte, set bool) json.RawMessage {
	var q struct {
		Params []struct {
			DID        string
			SIID, PIID int
			Value      any
		}
	}
	_ = json.Unmarshal(body, &q)
	slices.Reverse(q.Params) // the order of the answer is nobody's promise
	out := []map[string]any{}
	for _, p := range q.Params {
		id := fmt.Sprintf("%d.%d", p.SIID, p.PIID)
		e := map[string]any{"did": p.DID, "siid": p.SIID, "piid": p.PIID, "code": 0, "exe_time": 0}
		value, there := k.values[p.DID][id]
		switch code := k.codes[p.DID] + k.codes[p.DID+" "+id]; {
		case code != 0:
			e["code"] = code
		case !there:
			e["code"] = -704040003
		case set:
			k.values[p.DID][id] = p.Value
			e["code"] = 1
		default:
			e["value"] = value
		}
		if k.updated != 0 {
			e["updateTime"] = k.updated
		}
		out = append(out, e)
	}
	text, _ := json.Marshal(out)
	return text
}

// list says who is there as truth has it, which may be news to what is known.
func (k *sky) list(body []byte) json.RawMessage {
	var q struct{ DIDs []string }
	_ = json.Unmarshal(body, &q)
	list := []map[string]any{}
	for _, did := range q.DIDs {
		if k.values[did] != nil {
			list = append(list, map[string]any{"did": did, "isOnline": !k.off[did], "name": "x"})
		}
	}
	text, _ := json.Marshal(map[string]any{"list": list, "has_more": false})
	return text
}

func (k *sky) action(body []byte) json.RawMessage {
	var q struct {
		Params struct {
			DID        string
			SIID, AIID int
			In         []any
		}
	}
	_ = json.Unmarshal(body, &q)
	if code := k.codes[q.Params.DID]; code != 0 {
		return json.RawMessage(fmt.Sprintf(`{"code":%d}`, code))
	}
	if len(q.Params.In) == 1 {
		return json.RawMessage(fmt.Sprintf(`{"code":0,"out":[%v,"sum"]}`, q.Params.In[0].(float64)+1))
	}
	return json.RawMessage(`{"code":0,"out":[]}`)
}

// took returns the requests since the last call.
func (k *sky) took() []request {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.requests
	k.requests = nil
	return out
}

func paths(all []request) map[string]int {
	n := map[string]int{}
	for _, r := range all {
		n[r.path]++
	}
	return maps.Clone(n)
}

func newDriver(k *sky) *Driver {
	return New(mi.World{Now: time.Now, Seed: 1}, Options{Account: k, Specs: library{k.spec}, Log: zerolog.Nop()})
}

// silent is a Sink that only counts.
type silent struct {
	mu   sync.Mutex
	seen int
}

func (s *silent) Changed([]mi.Change)   {}
func (s *silent) Happened(mi.Happening) {}
func (s *silent) Seen()                 { s.mu.Lock(); defer s.mu.Unlock(); s.seen++ }
func (s *silent) count() int            { s.mu.Lock(); defer s.mu.Unlock(); return s.seen }

// open opens devices of the sky; the test closes them.
func open(t *testing.T, d *Driver, dids ...string) []*session {
	t.Helper()
	var out []*session
	for _, did := range dids {
		link, err := d.Open(t.Context(), mi.Info{DID: did}, &silent{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := link.Spec(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = link.Close() })
		out = append(out, link.(*session))
	}
	return out
}

package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// house is a bridge for tests: a few devices that do what they are told.
type house struct {
	mu       sync.Mutex
	devices  []Device
	problems []Problem
	solved   []Problem
	mode     string
	orders   []string
	fails    error
	hidden   map[string]bool
	report   string
}

const purifier = "460000001"

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newHouse(n int) *house {
	h := &house{mode: "Auto", hidden: map[string]bool{}, report: "a report"}
	for i := range n {
		h.devices = append(h.devices, Device{
			ID: fmt.Sprint(460000000 + i), DID: fmt.Sprint(460000000 + i), Name: fmt.Sprintf("Lamp %d", i), Room: fmt.Sprintf("Room %d", i%7), Model: "yeelink.light.color5",
			Kind: "Light", Icon: "lamp", Address: fmt.Sprintf("192.168.1.%d", i%250), State: Online, Route: LAN, LastSeen: noon.Add(-time.Duration(i) * time.Second),
		})
	}
	if n > 3 {
		h.devices[1].Name, h.devices[1].Model, h.devices[1].Kind, h.devices[1].Icon = "Air Purifier", "zhimi.airp.mb5", "Air purifier", "air"
		h.devices[2].State, h.devices[2].Route, h.devices[2].Trouble = NoAnswer, "", "no answer on port 54321"
		h.devices[3].State, h.devices[3].Route = Asleep, ""
	}
	return h
}

func (h *house) Overview() Overview {
	return Overview{Version: "1.0.0", Started: noon.Add(-time.Hour), Connections: []Connection{
		{"mqtt", "MQTT broker", "ok", "Connected", "core-mosquitto:1883"}, {"home_assistant", "Home Assistant", "ok", "Announced", "2 devices"},
		{"account", "Xiaomi account", "warn", "Ends soon", "an…@example.org"},
	}}
}

func (h *house) Devices() []Device {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := append([]Device{}, h.devices...)
	for i := range out {
		out[i].Hidden = h.hidden[out[i].ID]
	}
	return out
}

func (h *house) Brief(id string) (Device, bool) {
	for _, d := range h.Devices() {
		if d.ID == id {
			return d, true
		}
	}
	return Device{}, false
}

func (h *house) Main(id string) string {
	if id == purifier {
		return "PM2.5 12 µg/m³"
	}
	return "On"
}

func (h *house) Readings(id string, _ []string) []Reading {
	h.mu.Lock()
	defer h.mu.Unlock()
	return []Reading{{Entity: "fan_2", Role: "preset_mode", Value: new(h.mode), Text: h.mode}}
}

func (h *house) Device(id string) *Detail {
	d, ok := h.Brief(id)
	if !ok {
		return nil
	}
	mode := h.Readings(id, nil)[0]
	return &Detail{
		Device: d, Firmware: "2.1.7", Spec: "urn:miot-spec-v2:device:air-purifier:0000A007:zhimi-mb5:1", Topic: "mihome2mqtt/" + d.ID,
		Entities: []Entity{
			{ID: "fan_2", Component: "fan", Main: true, Enabled: true, Roles: []Role{
				{Reading: Reading{Entity: "fan_2", Role: "state", Value: new("ON"), Text: "On"}, State: true, Command: true},
				{Reading: mode, State: true, Command: true, Options: []string{"Auto", "Silent", "Favourite"}},
				{Reading: Reading{Entity: "fan_2", Role: "percentage", Value: new("40"), Text: "40 %", Unit: "%"}, State: true, Command: true, Min: 1, Max: 100, Step: 1},
			}},
			{ID: "light_3", Component: "light", Name: "Indicator light", Enabled: true, Roles: []Role{
				{Reading: Reading{Entity: "light_3", Role: "rgb", Value: new("255,0,128"), Text: "255,0,128"}, State: true, Command: true},
			}},
			{ID: "lock_4", Component: "lock", Name: "Lock", Enabled: true, Danger: "unlock", Roles: []Role{
				{Reading: Reading{Entity: "lock_4", Role: "state", Value: new("LOCKED"), Text: "Locked"}, State: true, Command: true, Options: []string{"LOCK", "UNLOCK"}},
			}},
			{ID: "a5_1", Component: "button", Name: "Identify", Enabled: true, Roles: []Role{{Reading: Reading{Entity: "a5_1", Role: "press"}, Command: true}}},
			{ID: "p3_4", Component: "sensor", Name: "PM2.5", Class: "pm25", Enabled: true, Roles: []Role{
				{Reading: Reading{Entity: "p3_4", Role: "state", Value: new("12"), Text: "12 µg/m³", Unit: "µg/m³"}, State: true},
			}},
		},
		Properties: []Property{
			{IID: "2.4", ID: "p2_4", Key: "fan/mode", Name: "mode", Value: mi.Int(0), Text: "0 (Auto)", Format: "int", Read: true, Write: true, Choices: []Choice{{mi.Int(0), "Auto"}, {mi.Int(1), "Silent"}}},
			{IID: "2.5", ID: "p2_5", Key: "fan/level", Name: "level", Value: mi.Int(9), Text: "9", Format: "int", Read: true, Write: true, Max: 14, Step: 1},
			{IID: "3.4", ID: "p3_4", Key: "environment/pm2.5-density", Name: "density", Value: mi.Int(12), Text: "12", Format: "int", Read: true},
		},
		Actions: []Action{{IID: "5.1", ID: "a5_1", Key: "identify/identify", Name: "Identify", In: []Property{}}, {IID: "6.1", ID: "a6_1", Key: "speaker/say", Name: "Say", In: []Property{{ID: "p6_2", Name: "Text"}}}},
		Events:  []Event{{noon.Add(-time.Minute), "filter due"}},
		Ways:    []Way{{LAN, "in_use", "192.168.1.42"}, {Cloud, "off", "Europe"}},
		Reach:   "local", Level: "normal", Snippets: []Snippet{{"card", "type: tile\nentity: fan.air_purifier\n"}, {"player", "media_player: []\n"}},
		LastOrder: &LastOrder{
			At: noon, What: "Mode → Auto", By: "web", OK: h.fails == nil, Text: "", Route: LAN, MS: 41,
		},
	}
}

func (h *house) Recent() []Recent {
	return []Recent{{purifier, "Air Purifier", "air", noon.Add(-8 * time.Second), "PM2.5 12 µg/m³"}}
}

func (h *house) Routes() []Branch {
	return []Branch{{"lan", LAN, "LAN", "192.168.1.0/24", h.Devices()[:min(3, len(h.Devices()))]}, {"cloud", Cloud, "Cloud", "", nil}}
}

func (h *house) Problems() []Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Problem{}, h.problems...)
}

func (h *house) Solved() []Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Problem{}, h.solved...)
}

func (h *house) Examine(ctx context.Context, tell func(done, total int, c Check)) {
	if h.did("examine") != nil {
		<-ctx.Done()
		return
	}
	tell(1, 2, Check{"ok", "network", "eth0 192.168.1.5/24"})
	tell(2, 2, Check{"x", "device", "Lamp 2: no answer"})
}

func (h *house) Settings() []Setting {
	return []Setting{{"MIHOME2MQTT_MQTT_PASSWORD", "set, 24 characters", "environment", "Password at the broker.", true}, {"MIHOME2MQTT_POLL", "30s", "default", "Time between two reads.", false}}
}

func (h *house) Samples() []Sample {
	return []Sample{{Name: "broker_connected", Help: "Whether the broker is connected.", Value: 1}}
}

// did notes an order.
func (h *house) did(order string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.orders = append(h.orders, order)
	return h.fails
}

func (h *house) done() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.orders, "; ")
}

func (h *house) Set(_ context.Context, id string, w Write) (Done, error) {
	if strings.HasPrefix(w.Key, "lock") && !w.Confirmed {
		return Done{}, fmt.Errorf("it opens a door: %w", ErrConfirm)
	}
	if w.Key == "9.9" {
		return Done{}, fmt.Errorf("%w: 9.9", ErrNoRole)
	}
	err := h.did("set " + id + " " + w.Key + " " + w.Value.String())
	if err == nil && w.Key == "fan_2/preset_mode" {
		h.mu.Lock()
		h.mode = w.Value.String()
		h.mu.Unlock()
	}
	return Done{Route: LAN, MS: 41}, err
}

func (h *house) Call(_ context.Context, id string, c Call) (Done, error) {
	return Done{Route: LAN, MS: 12}, h.did(fmt.Sprintf("call %s %s %v", id, c.Action, c.Args))
}
func (h *house) Refresh(id string) error { return h.did("refresh " + id) }
func (h *house) Choose(id string, c Wish) error {
	text := "choose " + id
	for _, word := range []*string{c.Name, c.Room, c.Reach, c.Detail} {
		if word != nil {
			text += " " + *word
		}
	}
	if c.Asleep != nil {
		text += fmt.Sprint(" asleep ", *c.Asleep)
	}
	if c.Hidden != nil {
		text += fmt.Sprint(" hidden ", *c.Hidden)
		h.mu.Lock()
		h.hidden[id] = *c.Hidden
		h.mu.Unlock()
	}
	return h.did(text)
}
func (h *house) Import(list mi.Secret) (Imported, error) {
	return Imported{2, 1, []Skipped{{3, "its did is not given"}}}, h.did("import " + list.Reveal())
}
func (h *house) Remove(id string) error      { return h.did("remove " + id) }
func (h *house) LogLevel(level string) error { return h.did("level " + level) }
func (h *house) Restart() error              { return h.did("restart") }
func (h *house) Clean(text string) string    { return strings.ReplaceAll(text, "hunter2", "•••") }
func (h *house) Report(id string, names bool) string {
	return fmt.Sprintf("%s of %q with names %v", h.report, id, names)
}

// memory is mi.Memory in a map.
type memory struct {
	mu  sync.Mutex
	all map[string]any
}

func (m *memory) Load(name string, v any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, ok := m.all[name].(stored)
	if into, fits := v.(*stored); ok && fits {
		*into = kept
	}
	return ok
}

func (m *memory) Save(name string, v any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[name] = v
}

// digits are bytes that differ.
type digits struct{ n byte }

func (d *digits) Read(p []byte) (int, error) {
	for i := range p {
		d.n++
		p[i] = d.n
	}
	return len(p), nil
}

// open makes a server of a house; change may alter its options.
func serve(t testing.TB, h *house, change func(*Options)) *Server {
	t.Helper()
	o := Options{
		Bridge: h, Orders: h, Process: h, World: mi.World{Now: func() time.Time { return noon }}, Memory: &memory{all: map[string]any{}}, Random: &digits{},
		Log: zerolog.Nop(), Version: "1.0.0", Host: "nas",
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asked is one request of a test.
type asked struct {
	method, path string
	from         string // peer; loopback when ""
	host         string
	header       map[string]string
	form         string // body of a form
	json         string // body of JSON
	cookies      []*http.Cookie
}

func (a asked) of(s *Server) *httptest.ResponseRecorder {
	body := a.form + a.json
	method := a.method
	if method == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, "http://127.0.0.1:8099"+a.path, bytes.NewBufferString(body))
	r.RemoteAddr = "127.0.0.1:40000"
	if a.from != "" {
		r.RemoteAddr = a.from
	}
	if a.host != "" {
		r.Host = a.host
	}
	if a.form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range a.header {
		r.Header.Set(name, value)
	}
	for _, c := range a.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// formOf is the token of the forms that a visitor on this machine gets.
func formOf(s *Server) string { return s.keys.form("open") }

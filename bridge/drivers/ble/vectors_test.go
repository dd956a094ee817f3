package ble

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// vector is one case that somebody else's implementation decoded.
type vector struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind"`
	Source  string            `json:"source"`
	MAC     string            `json:"mac"`
	Service map[string]string `json:"service_data"`
	BindKey string            `json:"bindkey"`
	Prior   []map[string]string
	Expect  struct {
		Model    string                     `json:"model"`
		Sensors  map[string]json.RawMessage `json:"sensors"`
		Binary   map[string]bool            `json:"binary_sensors"`
		Events   map[string]vectorEvent     `json:"events"`
		Readings map[string]any             `json:"readings"`
	} `json:"expect"`
}

type vectorEvent struct {
	Type       string         `json:"type"`
	Properties map[string]any `json:"properties"`
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	all := loadVectorsOrNone()
	if all == nil {
		t.Skip("the collected vectors are not here")
	}
	return all
}

func loadVectorsOrNone() []vector {
	raw, err := os.ReadFile("../../../../shared/vectors/mibeacon.json")
	if err != nil {
		return nil
	}
	var all struct{ Vectors []vector }
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil
	}
	return all.Vectors
}

func (v *vector) addr(t testing.TB) []byte {
	a := parseAddress(t, v.MAC)
	return a[:]
}

func parseAddress(t testing.TB, s string) (a mi.Address) {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil || len(raw) != len(a) {
		t.Fatalf("address %q", s)
	}
	return mi.Address(raw)
}

// advert makes the service data of a vector.
func advert(t testing.TB, from map[string]string) (out []mi.ServiceData) {
	t.Helper()
	for uuid, text := range from {
		var id uint16
		if _, err := fmt.Sscanf(uuid, "%x", &id); err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, mi.ServiceData{UUID: id, Data: data})
	}
	return out
}

// told is what the decoder makes of a vector, with the keys that others use.
type told struct {
	model  string
	values map[string]mi.Value
	events map[string]vectorEvent
}

func (v *vector) decode(t testing.TB, d *decoder) told {
	t.Helper()
	var key *bindKey
	if v.BindKey != "" {
		var err error
		if key, err = parseKey(mi.Secret(v.BindKey)); err != nil {
			t.Fatal(err)
		}
	}
	out := told{values: map[string]mi.Value{}, events: map[string]vectorEvent{}}
	for _, frame := range append(v.Prior, v.Service) {
		for _, s := range advert(t, frame) {
			var r reading
			p, known, err := d.decode(parseAddress(t, v.MAC), s, key, &r)
			if !known {
				t.Errorf("%s: %04x is not read", v.ID, s.UUID)
			}
			if err != nil && !r.empty() {
				t.Errorf("%s: %v, and yet %v", v.ID, err, r)
			}
			if p.product != nil {
				out.model = p.product.model
			}
			out.add(&r)
		}
	}
	return out
}

func (o *told) add(r *reading) {
	for _, f := range r.facts {
		key := f.key
		if f.n > 0 {
			key += fmt.Sprintf("_%d", f.n+1)
		}
		o.values[key] = f.value
	}
	for _, p := range r.presses {
		e := vectorEvent{Type: p.kind}
		for _, a := range p.args {
			if f, ok := a.value.Float(); ok && a.key != "key_id" {
				if e.Properties == nil {
					e.Properties = map[string]any{}
				}
				e.Properties[a.key] = f
			}
		}
		o.events[p.group] = e
	}
}

// ours is what a key of the vectors is called here, and the factor of its unit.
func ours(key, unit string, binary bool) (string, float64) {
	key = strings.TrimSuffix(strings.TrimPrefix(key, "(None, '"), "')")
	switch {
	case strings.HasPrefix(key, "stabil"):
		return "steady", 1
	case strings.HasPrefix(key, "mass_non"):
		return "mass_now", 1
	}
	if binary {
		switch key {
		case "moisture":
			return "wet", 1
		case "battery":
			return "battery_low", 1
		case "gas":
			return "gas_leak", 1
		}
		return key, 1
	}
	switch {
	case key == "temperature_1":
		return "temperature", 1
	case key == "power":
		return "power_watt", 1
	case key == "distance" && unit == "mm", key == "volume" && unit == "mL":
		return key, 0.001
	}
	return key, 1
}

// TestVectors decodes what the implementations of others decode, and tells the
// same.
func TestVectors(t *testing.T) {
	d := newDecoder()
	for _, v := range loadVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			got := v.decode(t, d)
			if v.Expect.Readings != nil {
				v.wantReadings(t, got)
				return
			}
			if v.Expect.Model != "" && got.model != v.Expect.Model && v.Kind != "mibeacon_negative" {
				t.Errorf("model %q, want %q", got.model, v.Expect.Model)
			}
			v.wantValues(t, got)
			v.wantEvents(t, got)
		})
	}
}

func (v *vector) wantValues(t *testing.T, got told) {
	t.Helper()
	expected := map[string]bool{}
	for key, raw := range v.Expect.Sensors {
		var s struct {
			Value any
			Unit  string
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		if key == "packet_id" || key == "voltage" && strings.HasPrefix(v.Kind, "mibeacon") {
			continue // not shown: it says nothing, or is only guessed
		}
		name, factor := ours(key, s.Unit, false)
		expected[name] = true
		if !sameValue(name, got.values[name], s.Value, factor) {
			t.Errorf("%s = %v, want %v %s", name, got.values[name], s.Value, s.Unit)
		}
	}
	for key, want := range v.Expect.Binary {
		name, _ := ours(key, "", true)
		expected[name] = true
		if on, ok := got.values[name].Bool(); !ok || on != want {
			t.Errorf("%s = %v, want %v", name, got.values[name], want)
		}
	}
	for name, value := range got.values {
		extra := name == "idle_time" || name == "kettle_state"
		if !expected[name] && !extra {
			t.Errorf("%s = %v is too much", name, value)
		}
	}
}

func sameValue(name string, got mi.Value, want any, factor float64) bool {
	if f, ok := want.(float64); ok {
		have, ok := got.Float()
		return ok && math.Abs(have-f*factor) < 1e-6
	}
	text := fmt.Sprint(want)
	switch name {
	case "charging_state":
		i, ok := got.Int()
		return ok && []string{"Charging", "Not Charging", "Full", "Unknown"}[i] == text
	case "timestamp":
		at, err := time.Parse("2006-01-02 15:04:05-07:00", text)
		return err == nil && got.String() == at.UTC().Format(time.RFC3339)
	}
	return got.String() == text
}

func (v *vector) wantEvents(t *testing.T, got told) {
	t.Helper()
	for group, want := range v.Expect.Events {
		have, ok := got.events[group]
		if !ok || have.Type != want.Type || fmt.Sprint(have.Properties) != fmt.Sprint(want.Properties) {
			t.Errorf("%s: %v, want %v", group, have, want)
		}
	}
	for group, have := range got.events {
		if _, ok := v.Expect.Events[group]; !ok {
			t.Errorf("%s: %v is too much", group, have)
		}
	}
}

// wantReadings compares with the decoder that has other words.
func (v *vector) wantReadings(t *testing.T, got told) {
	t.Helper()
	want := v.Expect.Readings
	for key, value := range want {
		switch key {
		case "mac", "type", "packet", "status", "key id", "locktype":
		case "temperature", "humidity", "voltage", "battery":
			if !sameValue(key, got.values[key], value, 1) {
				t.Errorf("%s = %v, want %v", key, got.values[key], value)
			}
		case "switch", "opening", "lock":
			if on, ok := got.values[key].Bool(); !ok || on != (value == 1.0) {
				t.Errorf("%s = %v, want %v", key, got.values[key], value)
			}
		case "button":
			if got.events["button"].Type != strings.ReplaceAll(value.(string), " ", "_") {
				t.Errorf("button %v, want %v", got.events, value)
			}
		case "four btn switch 4":
			if got.events["button_4"].Type != once {
				t.Errorf("button 4: %v", got.events)
			}
		case "button switch":
		case "action":
			if got.events["lock"].Type != value {
				t.Errorf("lock: %v, want %v", got.events, value)
			}
		case "method":
			if got.values["lock_method"].String() != value {
				t.Errorf("method %v, want %v", got.values, value)
			}
		case "error":
			if got.events["error"].Type != strings.ReplaceAll(value.(string), " ", "_") {
				t.Errorf("error %v, want %v", got.events, value)
			}
		default:
			t.Errorf("%s = %v is not compared", key, value)
		}
	}
}

package miio

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

const lampProfile = `models: [test.lamp.v1]
type: light
text: Test lamp
services:
- siid: 2
  name: light
  text: Light
  properties:
  - {piid: 1, name: on, text: Switch, format: bool, wire: power, as: onoff, set: set_power}
  - {piid: 2, name: brightness, text: Brightness, format: int, range: [1, 100, 1], wire: bright, set: set_bright}
  - {piid: 3, name: temperature, text: Temperature, format: int, wire: temp}
`

// newLamp is a home whose device speaks only get_prop and answers at most limit
// names at once.
func newLamp(t *testing.T, limit int) (*home, *session) {
	t.Helper()
	set, err := profile.Load(fstest.MapFS{"lamp.yaml": {Data: []byte(lampProfile)}})
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t, func(o *Options) { o.Profiles = set })
	state := map[string]any{"power": "on", "bright": 40, "temp": nil}
	h.plug.answer = func(method string, params json.RawMessage) (string, string) {
		var args []any
		if err := json.Unmarshal(params, &args); err != nil {
			return "error", `{"code":-5001,"message":"invalid_arg"}`
		}
		switch method {
		case "get_prop":
			if len(args) > limit {
				return "result", `[]`
			}
			out := make([]any, len(args))
			for i, name := range args {
				out[i] = state[fmt.Sprint(name)]
			}
			raw, _ := json.Marshal(out)
			return "result", string(raw)
		case "set_power", "set_bright":
			state[strings.TrimPrefix(method, "set_")] = args[0]
			return "result", `["ok"]`
		}
		return "result", `"unknown_method"`
	}
	info := h.info()
	info.Model = "test.lamp.v1"
	return h, h.open(info)
}

func TestLegacyReadsAndWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newLamp(t, 15)
		if err := s.Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(false)}, {Prop: 1, Value: mi.Int(7)}}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(t.Context(), []int{0, 1, 2}, nil)
		want := []mi.Change{{Prop: 0, Value: mi.Bool(false)}, {Prop: 1, Value: mi.Int(7)}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Get = %v, %v, want %v", got, err, want)
		}
		if want := []string{`set_power["off"]`, `set_bright[7]`, `get_prop["power","bright","temp"]`}; !slices.Equal(h.plug.heard(), want) {
			t.Errorf("asked %q, want %q", h.plug.heard(), want)
		}
	})
}

func TestLegacyNamesAreAskedInHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newLamp(t, 1)
		for range 4 {
			got, err := s.Get(t.Context(), []int{0, 1}, nil)
			if want := []mi.Change{{Prop: 0, Value: mi.Bool(true)}, {Prop: 1, Value: mi.Int(40)}}; err != nil || !slices.Equal(got, want) {
				t.Fatalf("Get = %v, %v, want %v", got, err, want)
			}
		}
		if got := string(h.mem["miio-batch"]); got != `{"test.lamp.v1@":1}` {
			t.Errorf("remembered %q, want 1", got)
		}
	})
}

func TestLegacyModelWithoutProfileSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set, err := profile.Load(fstest.MapFS{"list.yaml": {Data: []byte("legacy: [test.old.*]\n")}})
		if err != nil {
			t.Fatal(err)
		}
		h := newHome(t, func(o *Options) { o.Profiles, o.Specs = set, specMap{"test.old.v1": plugSpec()} })
		info := h.info()
		info.Model = "test.old.v1"
		s := h.open(info)
		if _, err := s.Spec(t.Context()); err != nil {
			t.Errorf("Spec of one that learnt MIoT = %v", err)
		}
		h.plug.set(func() {
			h.plug.answer = func(string, json.RawMessage) (string, string) {
				return "error", `{"code":-32601,"message":"Method not found."}`
			}
		})
		if _, err := s.Spec(t.Context()); !errors.Is(err, mi.ErrUnsupported) || !strings.Contains(err.Error(), "no profile") {
			t.Errorf("Spec = %v", err)
		}
	})
}

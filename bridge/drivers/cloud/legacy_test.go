package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

const oldLamp = `models: [test.lamp.v1]
type: light
text: Test lamp
services:
- siid: 2
  name: light
  text: Light
  properties:
  - {piid: 1, name: on, text: Switch, format: bool, wire: power, as: onoff, set: set_power}
  - {piid: 2, name: brightness, text: Brightness, format: int, range: [1, 100, 1], wire: bright, set: set_bright}
  actions:
  - {aiid: 1, name: toggle, text: Toggle, call: toggle}
`

// old runs f with a device that speaks no MIoT; it keeps its state in the map.
func old(t *testing.T, f func(t *testing.T, k *sky, s *session, state map[string]any)) {
	t.Helper()
	set, err := profile.Load(fstest.MapFS{"lamp.yaml": {Data: []byte(oldLamp)}})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		k := newSky(0)
		k.add(Device{Info: mi.Info{DID: "77", Model: "test.lamp.v1"}, Account: "me", Region: "de", Online: true})
		state := map[string]any{"power": "on", "bright": 40}
		k.answer = func(path, body string) (string, bool) {
			if path != "/home/rpc/77" {
				return "", false
			}
			return oldAnswer(state, body), true
		}
		d := newDriver(k)
		d.o.Profiles = set
		f(t, k, open(t, d, "77")[0], state)
	})
}

func oldAnswer(state map[string]any, body string) string {
	var q struct {
		Method string
		Params []any
	}
	_ = json.Unmarshal([]byte(body), &q)
	switch q.Method {
	case "get_prop":
		out := make([]any, len(q.Params))
		for i, name := range q.Params {
			out[i] = state[fmt.Sprint(name)]
		}
		raw, _ := json.Marshal(out)
		return string(raw)
	case "set_power", "set_bright":
		state[strings.TrimPrefix(q.Method, "set_")] = q.Params[0]
		return `["ok"]`
	}
	return `[-5001]`
}

func TestOldDeviceIsReadAndWritten(t *testing.T) {
	old(t, func(t *testing.T, k *sky, s *session, state map[string]any) {
		err := s.Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(false)}, {Prop: 1, Value: mi.Int(70)}})
		if err != nil || state["power"] != "off" || state["bright"] != 70.0 {
			t.Errorf("Set = %v, state %v", err, state)
		}
		got, err := s.Get(t.Context(), []int{0, 1}, nil)
		if err != nil || len(got) != 2 || got[0].Value != mi.Bool(false) || got[1].Value != mi.Int(70) {
			t.Errorf("Get = %v, %v", got, err)
		}
		if n := paths(k.took())["/home/rpc/77"]; n != 3 {
			t.Errorf("%d calls, want 3", n)
		}
	})
}

func TestOldDeviceRefuses(t *testing.T) {
	old(t, func(t *testing.T, k *sky, s *session, _ map[string]any) {
		if _, err := s.Call(t.Context(), 0, nil); !errors.Is(err, mi.ErrInvalid) {
			t.Errorf("Call = %v, want ErrInvalid", err)
		}
		k.put(func(k *sky) { k.answer, k.fail = nil, coded(-3) })
		if _, err := s.Get(t.Context(), []int{0, 1}, nil); !errors.Is(err, mi.ErrOffline) {
			t.Errorf("Get = %v, want ErrOffline", err)
		}
	})
}

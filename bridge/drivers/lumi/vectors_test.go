package lumi

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// vectors are what a foreign client of the protocol sent and understood.
type vectors struct {
	Raw   []map[string]string `json:"lan_key"`
	Write []struct {
		Name, Proto, Key, Token, SID string
		Values                       map[string]any
		Datagram                     map[string]any
		Exchange                     []struct {
			Send, Expect string
			Reply        json.RawMessage
		}
	} `json:"lan_write"`
	Report []struct {
		Proto    string
		Datagram json.RawMessage
		Accepted bool
		Fields   map[string]any
	} `json:"lan_report"`
	Battery []struct{ MV, Percent int64 } `json:"battery_voltage"`
}

func load(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "vectors", "gateway.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the vectors of shared are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWriteKeyIsWhatGatewaysExpect(t *testing.T) {
	if got, err := writeKey("a819BVtPF9DQCuGX", "m9zz810PKF6xLX8r"); err != nil || got != "3148b9b7657c3a98f0cc2b9343c0d207" {
		t.Errorf("writeKey = %s, %v", got, err)
	}
	for _, bad := range [][2]string{{"", "m9zz810PKF6xLX8r"}, {"a819BVtPF9DQCuGX", "short"}, {"a819BVtPF9DQCuGXX", "m9zz810PKF6xLX8r"}} {
		if got, err := writeKey(bad[0], bad[1]); err == nil {
			t.Errorf("writeKey(%q) = %s", bad, got)
		}
	}
	all := load(t).Raw
	for _, v := range all {
		if got, err := writeKey(v["key"], v["token"]); err != nil || got != v["write_key"] {
			t.Errorf("writeKey of %s = %s, %v, want %s", v["token"], got, err, v["write_key"])
		}
	}
	if len(all) != 14 {
		t.Errorf("%d vectors, want 14", len(all))
	}
}

func TestWritesAreWhatAForeignClientSends(t *testing.T) {
	all := load(t).Write
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			if len(v.Exchange) > 0 {
				foreignExchange(t, v.Exchange[0].Send, v.SID, v.Key, v.Token, v.Values)
				wantSame(t, listRequest(protocol(v.Proto)), v.Exchange[1].Send)
				list := mustParse(t, v.Exchange[1].Reply)
				foreignExchange(t, v.Exchange[2].Send, v.SID, v.Key, list.token, v.Values)
				if m := mustParse(t, v.Exchange[0].Reply); !wrongKey(m.fault) || m.verb() != "write" {
					t.Errorf("the refusal was not understood: %+v", m)
				}
				return
			}
			key, err := writeKey(v.Key, v.Token)
			if err != nil {
				t.Fatal(err)
			}
			got, err := writeRequest(protocol(v.Proto), v.SID, key, v.Values)
			if err != nil {
				t.Fatal(err)
			}
			want, err := json.Marshal(v.Datagram)
			if err != nil {
				t.Fatal(err)
			}
			wantSame(t, got, string(want))
		})
	}
	if len(all) != 15 {
		t.Errorf("%d vectors, want 15", len(all))
	}
}

func foreignExchange(t *testing.T, want, sid, secret, token string, values map[string]any) {
	t.Helper()
	key, err := writeKey(secret, token)
	if err != nil {
		t.Fatal(err)
	}
	got, err := writeRequest(1, sid, key, values)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, got, want)
}

func wantSame(t *testing.T, got []byte, want string) {
	t.Helper()
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(want), &b) != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("sends %s, want %s", got, want)
	}
}

func mustParse(t *testing.T, raw []byte) message {
	t.Helper()
	m, err := parse(raw)
	if err != nil {
		t.Fatalf("parse(%s) = %v", raw, err)
	}
	return m
}

// TestWritesComeFromMeaning makes the foreign datagrams' values out of what
// people order.
func TestWritesComeFromMeaning(t *testing.T) {
	c := newCatalog()
	for _, tc := range []struct {
		model string
		key   mi.Key
		value mi.Value
		proto int
		want  map[string]any
	}{
		{"plug", "switch/on", mi.Bool(true), 1, map[string]any{"status": "on"}},
		{"ctrl_neutral1", "switch/on", mi.Bool(false), 1, map[string]any{"channel_0": "off"}},
		{"ctrl_neutral2", "switch-2/on", mi.Bool(true), 1, map[string]any{"channel_1": "on"}},
		{"curtain", "curtain/target-position", mi.Int(50), 1, map[string]any{"curtain_level": "50"}},
		{"curtain", "curtain/motor-control", mi.Int(1), 1, map[string]any{"status": "open"}},
		{"plug", "switch/on", mi.Bool(true), 2, map[string]any{"channel_0": "on"}},
		{"curtain", "curtain/target-position", mi.Int(40), 2, map[string]any{"curtain_level": int64(40)}},
		{"curtain", "curtain/motor-control", mi.Int(2), 2, map[string]any{"curtain_status": "close"}},
		{"acpartner.v3", "switch/on", mi.Bool(true), 2, map[string]any{"on_off_cfg": "on"}},
	} {
		k := c.find(tc.model)
		got, err := k.values([]mi.Change{{Prop: propOf(t, k, tc.key), Value: tc.value}}, tc.proto)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s %s = %s: %v, %v, want %v", tc.model, tc.key, tc.value, got, err, tc.want)
		}
	}
	k := c.find("curtain")
	for _, bad := range []mi.Change{
		{Prop: propOf(t, k, "curtain/target-position"), Value: mi.Int(101)},
		{Prop: propOf(t, k, "curtain/motor-control"), Value: mi.Int(7)},
		{Prop: propOf(t, k, "curtain/current-position"), Value: mi.Int(7)},
		{Prop: 99, Value: mi.Int(7)},
	} {
		if got, err := k.values([]mi.Change{bad}, 1); err == nil {
			t.Errorf("%v became %v", bad, got)
		}
	}
}

func propOf(t *testing.T, k *model, key mi.Key) int {
	t.Helper()
	for i := range k.spec.Props {
		if k.spec.Props[i].Key == key {
			return i
		}
	}
	t.Fatalf("%s has no %s", k.spec.Model, key)
	return -1
}

func TestReportsAreUnderstoodAsByAForeignClient(t *testing.T) {
	all := load(t).Report
	for _, v := range all {
		m := mustParse(t, v.Datagram)
		if accepted := m.fault == ""; accepted != v.Accepted {
			t.Errorf("%s: accepted %v, want %v", v.Datagram, accepted, v.Accepted)
			continue
		}
		if !v.Accepted {
			continue
		}
		got := map[string]any{}
		for _, f := range m.fields {
			raw, err := f.value.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			var x any
			if err := json.Unmarshal(raw, &x); err != nil {
				t.Fatal(err)
			}
			got[f.name] = x
		}
		if !reflect.DeepEqual(got, v.Fields) {
			t.Errorf("%s: fields %v, want %v", v.Datagram, got, v.Fields)
		}
	}
	if len(all) != 21 {
		t.Errorf("%d vectors, want 21", len(all))
	}
}

// TestReportsMean says what each of the foreign reports means to people.
func TestReportsMean(t *testing.T) {
	c := newCatalog()
	for _, tc := range []struct{ model, cmd, data, want string }{
		{"motion", "report", `{"status":"motion"}`, "motion-sensor/motion-state=true"},
		{"motion", "heartbeat", `{"status":"motion","voltage":3000}`, "battery/battery-level=60"},
		{"motion", "report", `{"no_motion":"120"}`, "motion-sensor/motion-state=false motion-sensor/no-motion-duration=120"},
		{"sensor_motion.aq2", "report", `{"lux":"145"}`, "motion-sensor/illumination=145"},
		{"magnet", "report", `{"status":"open"}`, "magnet-sensor/contact-state=false"},
		{"magnet", "report", `{"no_close":"60"}`, "magnet-sensor/contact-state=false"},
		{"sensor_magnet.aq2", "report", `{"window_status":"close"}`, "magnet-sensor/contact-state=true"},
		{"sensor_ht", "report", `{"temperature":"2314"}`, "temperature-humidity-sensor/temperature=23.14"},
		{"sensor_ht", "report", `{"temperature":"10000","humidity":"0"}`, ""},
		{"weather.v1", "heartbeat", `{"voltage":3005,"temperature":"-512","humidity":"5523","pressure":"98765"}`,
			"temperature-humidity-sensor/temperature=-5.12 temperature-humidity-sensor/relative-humidity=55.23 temperature-humidity-sensor/atmospheric-pressure=987.65 battery/battery-level=61"},
		{"weather", "report", `{"pressure":"0"}`, ""},
		{"cube", "report", `{"rotate":"-85,220"}`, "!cube/rotate(-85,220)"},
		{"cube", "report", `{"rotate_degree":-85}`, "!cube/rotate(-85,0)"},
		{"cube", "report", `{"status":"flip90"}`, "!cube/flip90()"},
		{"cube", "read_ack", `{"status":"flip90"}`, ""},
		{"switch", "report", `{"status":"double_click"}`, "!switch-sensor/double-click()"},
		{"switch", "report", `{"status":"something_new"}`, ""},
		{"sensor_switch.aq2", "report", `{"button_0":"click"}`, "!switch-sensor/click()"},
		{"86sw2", "report", `{"dual_channel":"both_click"}`, "!switch-sensor-3/click()"},
		{"86sw2", "report", `{"channel_1":"long_click"}`, "!switch-sensor-2/long-press()"},
		{"smoke", "report", `{"alarm":"1","density":"12"}`, "smoke-sensor/smoke-state=true smoke-sensor/smoke-concentration=12"},
		{"natgas", "report", `{"alarm":0}`, "gas-sensor/gas-state=false"},
		{"sensor_wleak.aq1", "report", `{"status":"leak"}`, "submersion-sensor/submersion-state=true"},
		{"vibration", "report", `{"status":"tilt","final_tilt_angle":"12","bed_activity":"5"}`,
			"vibration-sensor/final-tilt-angle=12 vibration-sensor/bed-activity=5 !vibration-sensor/tilt()"},
		{"plug", "report", `{"status":"on","inuse":"1","power_consumed":"12345","load_power":"65.2"}`,
			"switch/on=true plug-state/in-use=true power-consumption/electric-power=65.2 power-consumption/power-consumption=12.345"},
		{"plug", "report", `{"status":"unknown"}`, ""},
		{"lock.aq1", "report", `{"fing_verified":"65536"}`, "!lock/opened-by-fingerprint(65536)"},
		{"curtain", "report", `{"curtain_level":"40","status":"stop"}`, "curtain/current-position=40"},
		{"gateway", "report", `{"rgb":1694498815,"illumination":503,"proto_version":"1.0.9"}`, "illumination-sensor/illumination=203"},
		{"gateway", "report", `{"illumination":120}`, "illumination-sensor/illumination=0"},
		{"acpartner.v3", "report", `{"on_off_cfg":"on","ac_power":"123.4"}`, "switch/on=true power-consumption/electric-power=123.4"},
		{"sensor_motion.aq2", "heartbeat", `{"battery_voltage":3035,"lux":77}`, "motion-sensor/illumination=77 battery/battery-level=67"},
	} {
		raw, err := json.Marshal(map[string]string{"cmd": tc.cmd, "model": tc.model, "sid": "158d0001", "data": tc.data})
		if err != nil {
			t.Fatal(err)
		}
		m := mustParse(t, raw)
		if got := meaningOf(c.find(tc.model), &m); got != tc.want {
			t.Errorf("%s %s %s:\n got %q\nwant %q", tc.model, tc.cmd, tc.data, got, tc.want)
		}
	}
}

// meaningOf writes what m says of a device.
func meaningOf(k *model, m *message) string {
	var parts []string
	src, _ := sourceOf(m)
	for _, c := range k.changes(m, src, nil) {
		parts = append(parts, string(k.spec.Props[c.Prop].Key)+"="+c.Value.String())
	}
	if src == reported {
		for _, h := range k.events(m, zero(), nil) {
			var args []string
			for _, a := range h.Args {
				args = append(args, a.String())
			}
			parts = append(parts, "!"+string(k.spec.Events[h.Event].Key)+"("+strings.Join(args, ",")+")")
		}
	}
	return strings.Join(parts, " ")
}

func TestBatteryVoltageIsPercent(t *testing.T) {
	for mv, want := range map[int64]int64{2650: 0, 2701: 0, 2855: 31, 3199: 99, 3300: 100} {
		if got, ok := (percent{}).decode(mi.Int(mv)); !ok || got != mi.Int(want) {
			t.Errorf("%d mV = %s %%, want %d", mv, got, want)
		}
	}
	all := load(t).Battery
	for _, v := range all {
		if got, ok := (percent{}).decode(mi.Int(v.MV)); !ok || got != mi.Int(v.Percent) {
			t.Errorf("%d mV = %s %%, want %d", v.MV, got, v.Percent)
		}
	}
	if len(all) != 12 {
		t.Errorf("%d vectors, want 12", len(all))
	}
}

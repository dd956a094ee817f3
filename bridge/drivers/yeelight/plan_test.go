package yeelight

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func everything() *meaning {
	return newMeaning(meaningKey{traits: traits{White: true, Color: true, Night: true, Ground: true, Low: 1700, High: 6500}})
}

func (m *meaning) index(t *testing.T, key mi.Key) int {
	t.Helper()
	i := slices.IndexFunc(m.spec.Props, func(p mi.Property) bool { return p.Key == key })
	if i < 0 {
		t.Fatalf("no %s", key)
	}
	return i
}

// order reads "light/on=true light/brightness=50".
func (m *meaning) order(t *testing.T, text string) (out []mi.Change) {
	t.Helper()
	for field := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(field, "=")
		v, err := mi.ParseJSON([]byte(value))
		if err != nil {
			v = mi.Text(value)
		}
		out = append(out, mi.Change{Prop: m.index(t, mi.Key(key)), Value: v})
	}
	return out
}

func wires(todo []planned) (out []string) {
	for i, p := range todo {
		out = append(out, strings.TrimSpace(string(appendCommand(nil, i, p.command))))
	}
	return out
}

func TestPlan(t *testing.T) {
	on := state{"power": "on", "bright": "40", "ct": "4000", "rgb": "255", "color_mode": "2", "bg_power": "off", "bg_bright": "30", "bg_rgb": "7", "bg_lmode": "1"}
	off := state{"power": "off", "bright": "40", "ct": "4000", "rgb": "255", "color_mode": "2", "bg_power": "on"}
	night := state{"power": "off", "bright": "40", "active_mode": "1", "nl_br": "5"}
	for _, tc := range []struct {
		name  string
		now   state
		order string
		want  []string
	}{
		{"on", off, "light/on=true", []string{`{"id":0,"method":"set_power","params":["on","smooth",300]}`}},
		{"off", on, "light/on=false", []string{`{"id":0,"method":"set_power","params":["off","smooth",300]}`}},
		{"off beats the rest", on, "light/brightness=50 light/on=false", []string{`{"id":0,"method":"set_power","params":["off","smooth",300]}`}},
		{"brightness of a lamp that burns", on, "light/on=true light/brightness=50", []string{`{"id":0,"method":"set_bright","params":[50,"smooth",300]}`}},
		{"brightness is never 0", on, "light/brightness=0", []string{`{"id":0,"method":"set_bright","params":[1,"smooth",300]}`}},
		{"white within the range", on, "light/color-temperature=100", []string{`{"id":0,"method":"set_ct_abx","params":[1700,"smooth",300]}`}},
		{"colour and brightness", on, "light/color=16744449 light/brightness=10", []string{
			`{"id":0,"method":"set_rgb","params":[16744449,"smooth",300]}`, `{"id":1,"method":"set_bright","params":[10,"smooth",300]}`,
		}},
		{"black is refused by firmware", on, "light/color=0", []string{`{"id":0,"method":"set_rgb","params":[1,"smooth",300]}`}},
		{"the later of colour and white", on, "light/color=255 light/color-temperature=3000", []string{`{"id":0,"method":"set_ct_abx","params":[3000,"smooth",300]}`}},
		{"colour while off is one scene", off, "light/on=true light/color=65280 light/brightness=70", []string{`{"id":0,"method":"set_scene","params":["color",65280,70]}`}},
		{"white while off keeps the brightness", off, "light/on=true light/color-temperature=5400", []string{`{"id":0,"method":"set_scene","params":["ct",5400,40]}`}},
		{"brightness while off keeps the white", off, "light/on=true light/brightness=20", []string{`{"id":0,"method":"set_scene","params":["ct",4000,20]}`}},
		{"brightness of the night light", night, "light/brightness=9", []string{`{"id":0,"method":"set_scene","params":["nightlight",9]}`}},
		{"night light", on, "light/night-light-mode=true", []string{`{"id":0,"method":"set_power","params":["on","smooth",300,5]}`}},
		{"night light off again", on, "light/night-light-mode=false", []string{`{"id":0,"method":"set_power","params":["on","smooth",300,1]}`}},
		{"no night light leaves a lamp off", off, "light/night-light-mode=false", nil},
		{"mode colour", on, "light/mode=1", []string{`{"id":0,"method":"set_power","params":["on","smooth",300,2]}`}},
		{"effect", on, "light/mode=106", []string{`{"id":0,"method":"start_cf","params":[0,0,"300, 1, 16711680, 100, 300, 1, 255, 100"]}`}},
		{"effect while off", off, "light/on=true light/mode=106", []string{`{"id":0,"method":"set_scene","params":["cf",0,0,"300, 1, 16711680, 100, 300, 1, 255, 100"]}`}},
		{"stop", on, "light/mode=117", []string{`{"id":0,"method":"stop_cf","params":[]}`}},
		{"flow of one's own", on, "light/flow-text=8,1,500,1,16711680,100,1000,2,2700,50,2000,7,1,2,500,1,65281,10",
			[]string{`{"id":0,"method":"start_cf","params":[8,1,"500, 1, 16711680, 100, 1000, 2, 2700, 50, 2000, 7, 1, 2, 500, 1, 65281, 10"]}`}},
		{"off timer", on, "light/off-delay-time=15", []string{`{"id":0,"method":"cron_add","params":[0,15]}`}},
		{"no off timer", on, "light/off-delay-time=0", []string{`{"id":0,"method":"cron_del","params":[0]}`}},
		{"background", off, "ambient-light/color=66051", []string{`{"id":0,"method":"bg_set_rgb","params":[66051,"smooth",300]}`}},
		{"background while off", on, "ambient-light/on=true ambient-light/brightness=10", []string{`{"id":0,"method":"bg_set_scene","params":["color",7,10]}`}},
		{"both lights", on, "ambient-light/on=true light/on=false", []string{
			`{"id":0,"method":"set_power","params":["off","smooth",300]}`, `{"id":1,"method":"bg_set_power","params":["on","smooth",300]}`,
		}},
		{"nothing known", state{}, "light/on=true light/color=255", []string{`{"id":0,"method":"set_scene","params":["color",255,100]}`}},
		{"brightness of a lamp without colours", state{"power": "off"}, "light/on=true light/brightness=5", []string{
			`{"id":0,"method":"set_power","params":["on","smooth",300]}`, `{"id":1,"method":"set_bright","params":[5,"smooth",300]}`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := everything()
			got, err := m.plan(m.order(t, tc.order), mi.Manner{}, tc.now, nil)
			if err != nil || !slices.Equal(wires(got), tc.want) {
				t.Errorf("plan = %v, %v, want %v", wires(got), err, tc.want)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	m := everything()
	for _, order := range []string{
		"light/on=perhaps", "light/color=16777216", "light/color=-1", "light/off-delay-time=61", "light/mode=99", "light/mode=100", "light/brightness=bright",
		"light/flow-text=", "light/flow-text=0,1,500,1,255", "light/flow-text=0,9,500,1,255,100", "light/flow-text=0,1,10,1,255,100", "light/flow-text=0,1,500,4,255,100",
	} {
		if got, err := m.plan(m.order(t, order), mi.Manner{}, state{"power": "on"}, nil); !errors.Is(err, mi.ErrInvalid) {
			t.Errorf("plan(%s) = %v, %v, want ErrInvalid", order, wires(got), err)
		}
	}
	if _, err := m.plan([]mi.Change{{Prop: 99, Value: mi.Int(1)}}, mi.Manner{}, state{}, nil); !errors.Is(err, mi.ErrUnsupported) {
		t.Errorf("plan of an unknown property = %v, want ErrUnsupported", err)
	}
}

func TestEffectsAreThoseThatOwnersKnow(t *testing.T) {
	want := map[string]string{
		"Disco":            `0 0 500, 1, 16711680, 100, 500, 1, 16711680, 1, 500, 1, 8322816, 100, 500, 1, 8322816, 1, 500, 1, 65023, 100, 500, 1, 65023, 1, 500, 1, 8585471, 100, 500, 1, 8585471, 1`,
		"Slow Temp":        `0 0 40000, 2, 1700, 100, 40000, 2, 6500, 100`,
		"Strobe epilepsy!": `0 0 50, 1, 16777215, 100, 50, 1, 16777215, 1`,
		"Strobe color":     `0 0 50, 1, 196863, 100, 50, 1, 16711424, 100, 50, 1, 16711804, 100, 50, 1, 16711680, 100, 50, 1, 65507, 100, 50, 1, 16744448, 100`,
		"Alarm":            `0 0 250, 1, 16711680, 100, 250, 1, 16711680, 60`,
		"Police":           `0 0 300, 1, 16711680, 100, 300, 1, 255, 100`,
		"Police2":          `0 0 250, 1, 16711680, 100, 250, 1, 16711680, 1, 250, 1, 16711680, 100, 250, 7, 1, 2, 250, 1, 255, 100, 250, 1, 255, 1, 250, 1, 255, 100, 250, 7, 1, 2`,
		"Christmas":        `0 0 250, 1, 16711680, 100, 3000, 7, 1, 2, 250, 1, 65281, 100, 3000, 7, 1, 2`,
		"RGB":              `0 0 250, 1, 16711680, 100, 3000, 7, 1, 2, 250, 1, 65281, 100, 3000, 7, 1, 2, 250, 1, 196863, 100, 3000, 7, 1, 2`,
		"LSD":              `0 0 3000, 1, 16724262, 100, 3000, 1, 16737817, 100, 3000, 1, 16771853, 100, 3000, 1, 12124032, 100, 3000, 1, 570367, 100`,
		"WhatsApp":         `4 0 250, 1, 2478950, 100, 250, 1, 2478950, 1`,
		"Facebook":         `4 0 250, 1, 3889560, 100, 250, 1, 3889560, 1`,
		"Twitter":          `4 0 250, 1, 44269, 100, 250, 1, 44269, 1`,
		"Home":             `0 0 500, 2, 3200, 80`,
		"Night Mode":       `0 0 500, 1, 16750848, 1`,
		"Date Night":       `0 0 500, 1, 16737792, 50`,
		"Movie":            `0 0 500, 1, 1315890, 50`,
		"Sunrise":          `3 1 50, 1, 16731392, 1, 360000, 2, 1700, 10, 540000, 2, 2700, 100`,
		"Sunset":           `3 2 50, 2, 2700, 10, 180000, 2, 1700, 5, 420000, 1, 16731136, 1`,
		"Romance":          `0 1 4000, 1, 5838189, 1, 4000, 1, 6689834, 1`,
		"Happy Birthday":   `0 1 1996, 1, 14438425, 80, 1996, 1, 14448670, 80, 1996, 1, 11153940, 80`,
		"Candle Flicker":   `0 0 800, 2, 2700, 50, 800, 2, 2700, 30, 1200, 2, 2700, 80, 800, 2, 2700, 60, 1200, 2, 2700, 90, 2400, 2, 2700, 50, 1200, 2, 2700, 80, 800, 2, 2700, 60, 400, 2, 2700, 70`,
		"Tea Time":         `0 0 500, 2, 3000, 50`,
	}
	random := map[string][]int{"Random Loop": {750, 750, 9}, "Fast Random Loop": {250, 250, 9}, "Slowdown": {2000, 4000, 8}}
	all := effects()
	if len(all) != 27 {
		t.Errorf("%d effects, want 27", len(all))
	}
	if all[numberStop-numberFirst].label != "Stop" {
		t.Errorf("%d is %s", numberStop, all[numberStop-numberFirst].label)
	}
	for i, e := range all {
		switch {
		case e.label == "Stop" && e.flow == nil:
		case random[e.label] != nil:
			steps := e.flow(rand.New(rand.NewPCG(1, 2)))
			if w := random[e.label]; !e.drawn || len(steps) != w[2] || steps[0][0] != w[0] || steps[1][0] != w[1] || steps[0][2] == steps[1][2] {
				t.Errorf("%s = %v", e.label, steps)
			}
		default:
			p := e.params(nil)
			if got := fmt.Sprint(p[0], " ", p[1], " ", p[2]); got != want[e.label] {
				t.Errorf("%s = %s, want %s", e.label, got, want[e.label])
			}
			if n := running(p[2].(string)); n != numberFirst+int64(i) {
				t.Errorf("running(%s) = %d, want %d", e.label, n, numberFirst+i)
			}
		}
	}
}

func TestEffectsFitTheLamp(t *testing.T) {
	for _, tc := range []struct {
		model string
		want  int
	}{{"mono", 11}, {"ct_bulb", 12}, {"stripe", 27}, {"ceiling4", 12}} {
		can, _ := known(tc.model)
		n := 0
		for _, e := range effects() {
			if e.needs <= can.skill() {
				n++
			}
		}
		if n != tc.want {
			t.Errorf("%s has %d effects, want %d", tc.model, n, tc.want)
		}
	}
}

func TestQuotaStaysBelowTheLampsOwn(t *testing.T) {
	var q quota
	now := q.full
	var sent []int64
	for at := now; len(sent) < 300; {
		wait, ok := q.take(at, -1)
		if !ok {
			t.Fatal("take refused an order with patience")
		}
		at = at.Add(wait)
		sent = append(sent, at.Unix())
	}
	for i := 60; i < len(sent); i++ {
		if sent[i]-sent[i-60] < 60 {
			t.Fatalf("61 commands within %d s", sent[i]-sent[i-60])
		}
	}
	if _, ok := q.take(now, 0); ok {
		t.Error("take let an order pass that has no time to wait")
	}
}

package yeelight

import (
	"slices"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestManner(t *testing.T) {
	on := state{"power": "on", "bright": "40", "ct": "4000", "rgb": "255", "color_mode": "1"}
	off := state{"power": "off", "bright": "40", "ct": "4000", "rgb": "255", "color_mode": "2"}
	slow := mi.Manner{Fades: true, Fade: 5 * time.Second}
	for _, tc := range []struct {
		name  string
		now   state
		how   mi.Manner
		order string
		want  []string
	}{
		{"slowly", on, slow, "light/brightness=80", []string{`{"id":0,"method":"set_bright","params":[80,"smooth",5000]}`}},
		{"at once", on, mi.Manner{Fades: true}, "light/color=255", []string{`{"id":0,"method":"set_rgb","params":[255,"sudden",0]}`}},
		{"slowly off", on, slow, "light/on=false", []string{`{"id":0,"method":"set_power","params":["off","smooth",5000]}`}},
		{"slowly on", off, slow, "light/on=true", []string{`{"id":0,"method":"set_power","params":["on","smooth",5000]}`}},
		{
			"rising in its own colour", off, slow, "light/on=true light/brightness=60 light/color=65280",
			[]string{`{"id":0,"method":"set_scene","params":["cf",2,1,"50, 1, 65280, 1, 5000, 1, 65280, 60"]}`},
		},
		{
			"quickly there is no rising", off, mi.Manner{Fades: true, Fade: 300 * time.Millisecond}, "light/on=true light/color-temperature=3000",
			[]string{`{"id":0,"method":"set_scene","params":["ct",3000,40]}`},
		},
		{
			"flash", on, mi.Manner{Flash: 2 * time.Second}, "light/on=true",
			[]string{`{"id":0,"method":"start_cf","params":[4,0,"500, 1, 255, 100, 500, 1, 255, 1"]}`},
		},
		{
			"flash of a lamp that is off", off, mi.Manner{Flash: 10 * time.Second}, "light/on=true light/color-temperature=2700",
			[]string{`{"id":0,"method":"set_scene","params":["cf",20,2,"500, 2, 2700, 100, 500, 2, 2700, 1"]}`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := everything()
			got, err := m.plan(m.order(t, tc.order), tc.how, tc.now, nil)
			if err != nil || !slices.Equal(wires(got), tc.want) {
				t.Errorf("plan = %v, %v\nwant %v", wires(got), err, tc.want)
			}
			if !m.spec.Tuning.Fades {
				t.Error("the spec does not say that the lamp fades")
			}
		})
	}
}

package ble

import (
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

func loadRules(t *testing.T) *entity.Rules {
	t.Helper()
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// shown lists component/class of the entities that are enabled.
func shown(rules *entity.Rules, m *model) string {
	var out []string
	for _, e := range rules.Build(rules.Correct(m.spec), entity.Options{}).Entities {
		if e.Enabled {
			out = append(out, strings.TrimSuffix(e.Component+"/"+e.DeviceClass, "/"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestRulesMakeTheRightEntities lists what people see of each kind of device.
func TestRulesMakeTheRightEntities(t *testing.T) {
	rules, d := loadRules(t), newDecoder()
	for _, tc := range []struct{ model, want string }{
		{"RTCGQ02LM", "binary_sensor/light binary_sensor/motion event/motion sensor/battery"},
		{"HS1BB(MI)", "binary_sensor/motion event/motion sensor/battery sensor/illuminance"},
		{"MCCGQ02HL", "binary_sensor/light binary_sensor/opening binary_sensor/problem sensor/battery"},
		{"YLAI003", "event/button sensor/battery"},
		{"K9B-3BTN", "event/button event/button event/button sensor/battery"},
		{"YLKG07YL/YLKG08YL", "event/button sensor/signal_strength"},
		{"XMMF01JQD", "event sensor/signal_strength"},
		{"LYWSD03MMC", "sensor/battery sensor/humidity sensor/temperature"},
		{"KS2BB", "event/button sensor/battery sensor/humidity sensor/temperature"},
		{"XMTZC02HM/XMTZC05HM/NUN4049CN", "binary_sensor sensor sensor/weight"},
		{"MJTZC01YM", "binary_sensor binary_sensor/battery sensor sensor sensor sensor sensor/weight"},
		{"M1S-T500", "binary_sensor/running sensor sensor sensor sensor/battery"},
		{"HHCCJCY01", "sensor/battery sensor/conductivity sensor/illuminance sensor/moisture sensor/temperature"},
		{"YM-K1501", "binary_sensor/power sensor/enum sensor/temperature"},
		{"JTYJGD03MI", "binary_sensor/smoke event/button sensor/battery"},
		{"SJWS01LM", "binary_sensor/moisture event/button sensor/battery"},
		{"SJWS02LM", "binary_sensor/moisture binary_sensor/moisture sensor/battery"},
		{"XMOSB01XS", "binary_sensor/occupancy sensor/battery sensor/illuminance"},
		{"ZNMS16LM", "binary_sensor binary_sensor binary_sensor binary_sensor/door binary_sensor/lock binary_sensor/problem binary_sensor/problem binary_sensor/tamper event event event sensor sensor sensor/battery"},
		{"CGDN1", "sensor/battery sensor/carbon_dioxide sensor/humidity sensor/pm10 sensor/pm25 sensor/temperature"},
		{"CGP1W", "sensor/atmospheric_pressure sensor/battery sensor/humidity sensor/temperature"},
		{"JQJCY01YM", "sensor/battery sensor/humidity sensor/temperature sensor/volatile_organic_compounds"},
	} {
		t.Run(tc.model, func(t *testing.T) {
			p := d.models[tc.model]
			if p == nil {
				t.Fatal("it is not in the table")
			}
			if got := shown(rules, d.build(p, slices.Concat(p.kind.sheet, []string{"rssi", "receiver"}))); got != tc.want {
				t.Errorf("shown: %s\nwant:  %s", got, tc.want)
			}
		})
	}
}

// TestEveryKeyIsKnown follows every key that a table has to an entity.
func TestEveryKeyIsKnown(t *testing.T) {
	rules, d := loadRules(t), newDecoder()
	for _, p := range products() {
		m := d.build(p, append(slices.Clone(p.kind.sheet), "rssi", "receiver"))
		for _, entry := range p.kind.sheet {
			if group, ok := strings.CutPrefix(entry, "!"); ok {
				if _, known := d.verbOf(group); !known {
					t.Errorf("%s: the events %q are unknown", p.model, group)
				}
			} else if !m.has(entry) {
				t.Errorf("%s: the key %q is unknown", p.model, entry)
			}
		}
		if shown(rules, m) == "" && p.kind.name != "bthome" && p.kind.name != "other" {
			t.Errorf("%s shows nothing", p.model)
		}
	}
	places := map[spot]string{}
	for key, c := range d.facets {
		at := spot{c.siid, c.piid}
		if other := places[at]; other != "" || d.shelves[c.siid].name == "" {
			t.Errorf("%s is where %q is, at %v", key, other, at)
		}
		places[at] = key
	}
	for id, o := range d.bthome {
		if _, ok := d.facets[o.name()]; !ok && o.kind < buttonEvent && id != 0 {
			t.Errorf("BTHome %02x: the key %q is unknown", id, o.name())
		}
	}
}

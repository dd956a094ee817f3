package multimode

import (
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// TestRulesMakeTheRightEntities lists what people see of each kind of device.
func TestRulesMakeTheRightEntities(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	c := newCatalog()
	for _, tc := range []struct{ model, want string }{
		{"lumi.sensor_motion.aq2", "binary_sensor/motion sensor/battery sensor/illuminance"},
		{"lumi.sensor_magnet.aq2", "binary_sensor/battery binary_sensor/opening sensor/battery"},
		{"lumi.sensor_wleak.aq1", "binary_sensor/moisture sensor/battery"},
		{"lumi.sensor_switch.aq2", "binary_sensor/battery event/button sensor/battery"},
		{"lumi.plug.mmeu01", "sensor/energy sensor/power switch/outlet"},
		{"lumi.curtain", "cover/curtain"},
		{"3416", "light"},
		{"lumi.motion.acn001", "binary_sensor/battery binary_sensor/motion sensor/battery"},
		{"lumi.lock.acn03", "binary_sensor binary_sensor binary_sensor/lock binary_sensor/lock event event/doorbell sensor sensor/battery"},
		{"lumi.airrtc.tcpecn02", "binary_sensor climate sensor/temperature"},
		{"lumi.light.aqcn02", "light"},
		{"lumi.gateway.multimode", "switch"},
		{"lumi.vibration.aq1", "binary_sensor/battery event sensor/battery"},
		{"17573", "light sensor/enum"},
		{"lumi.remote.b286acn01", "binary_sensor/battery event/button event/button event/button sensor/battery"},
		{"lumi.switch.b2nacn02", "event/button event/button event/button light sensor/energy sensor/power switch switch"},
	} {
		t.Run(tc.model, func(t *testing.T) {
			if got := shown(rules, c.find(tc.model).spec); got != tc.want {
				t.Errorf("shown: %s\nwant:  %s", got, tc.want)
			}
		})
	}
}

// shown lists component/class of the entities that are enabled.
func shown(rules *entity.Rules, spec *mi.Spec) string {
	var out []string
	for _, e := range rules.Build(rules.Correct(spec), entity.Options{}).Entities {
		if e.Enabled {
			out = append(out, strings.TrimSuffix(e.Component+"/"+e.DeviceClass, "/"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestTablesAreSound checks that every entry becomes a spec in which nothing is
// twice, with a way to each property.
func TestTablesAreSound(t *testing.T) {
	c := newCatalog()
	if len(c.sheets) < 350 {
		t.Errorf("%d models", len(c.sheets))
	}
	for model := range c.sheets {
		k := c.find(model)
		keys, ids := map[mi.Key]bool{}, map[string]bool{}
		for i := range k.spec.Props {
			p := &k.spec.Props[i]
			if keys[p.Key] || ids[p.ID()] || p.Name == "" {
				t.Errorf("%s: %s %s is there twice or has no name", model, p.Key, p.ID())
			}
			keys[p.Key], ids[p.ID()] = true, true
			if len(k.places([]int{i})) == 0 && !slices.ContainsFunc(k.wires, func(w wire) bool { return w.prop == i }) {
				t.Errorf("%s: %s is nowhere", model, p.Key)
			}
			for _, one := range p.List {
				if one.Label == "" {
					t.Errorf("%s: %s has a choice without a name", model, p.Key)
				}
			}
		}
		for _, e := range k.spec.Events {
			if keys[e.Key] {
				t.Errorf("%s: event %s is there twice", model, e.Key)
			}
			keys[e.Key] = true
		}
		if k.spec.Type == "device" && len(k.spec.Props) > 3 {
			t.Logf("%s (%s) has no type", model, k.spec.Text)
		}
	}
}

package lumi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/lumi"
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
	for _, tc := range []struct{ model, want string }{
		{"lumi.sensor_motion.aq2", "binary_sensor/motion sensor/battery sensor/illuminance"},
		{"lumi.sensor_motion", "binary_sensor/motion sensor/battery"},
		{"lumi.gateway.v3", "button button light sensor/illuminance switch"},
		{"lumi.acpartner.v3", "sensor/power switch/outlet"},
		{"lumi.sensor_magnet.aq2", "binary_sensor/opening sensor/battery"},
		{"lumi.sensor_wleak.aq1", "binary_sensor/moisture sensor/battery"},
		{"lumi.sensor_smoke", "binary_sensor/smoke sensor sensor/battery"},
		{"lumi.sensor_ht", "sensor/battery sensor/humidity sensor/temperature"},
		{"lumi.weather", "sensor/atmospheric_pressure sensor/battery sensor/humidity sensor/temperature"},
		{"lumi.vibration.aq1", "event sensor sensor sensor/battery"},
		{"lumi.sensor_cube", "event sensor/battery"},
		{"lumi.sensor_switch.aq2", "event/button sensor/battery"},
		{"lumi.remote.b286acn01", "event/button event/button event/button sensor/battery"},
		{"lumi.plug", "binary_sensor sensor/energy sensor/power switch/outlet"},
		{"lumi.ctrl_ln2", "sensor/energy sensor/power switch switch"},
		{"lumi.switch.l3acn3", "switch switch switch"},
		{"lumi.curtain", "cover/curtain"},
		{"lumi.curtain.hagl04", "cover/curtain sensor/battery"},
		{"lumi.lock.aq1", "event sensor/battery"},
	} {
		t.Run(tc.model, func(t *testing.T) {
			if got := shown(rules, specOf(t, tc.model)); got != tc.want {
				t.Errorf("shown: %s\nwant:  %s", got, tc.want)
			}
		})
	}
}

func specOf(t *testing.T, model string) *mi.Spec {
	t.Helper()
	d := lumi.New(mi.World{Net: nowhere{}}, lumi.Options{})
	link, err := d.Open(t.Context(), mi.Info{DID: "lumi.158d0001", Model: model, Parent: "lumi.34ce0088aabb", Addr: "192.168.7.20:9898"}, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	spec, err := link.Spec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return spec
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

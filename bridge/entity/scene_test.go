package entity_test

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// people is a device whose actions people made and named.
func people(service string, texts ...string) *mi.Spec {
	s := &mi.Spec{Model: "mihome.home.scenes", Type: "home", Services: []mi.Service{{IID: 2, Name: service, Key: service, Vendor: true}}}
	for i, text := range texts {
		s.Actions = append(s.Actions, mi.Action{SIID: 2, AIID: 10 + i, Key: mi.Key(service + "/run-scene"), Name: "run-scene", Vendor: true, Text: text})
	}
	return s
}

func TestScenesKeepTheNamesThatPeopleGave(t *testing.T) {
	m := shipped(t).Build(people("mi-home-scenes", "Movie Time", "离家", "Reset all"), entity.Options{})
	for id, want := range map[string]string{"a2_10": "Movie Time", "a2_11": "离家", "a2_12": "Reset all"} {
		e := m.Entities[at(t, m, id)]
		if e.Component != "scene" || e.Name != want || !e.Enabled || e.Assumed {
			t.Errorf("%s: %+v, want a scene called %s", id, e, want)
		}
		o, err := m.Order(at(t, m, id), "press", "ON", nil)
		if err != nil || len(o.Calls) != 1 {
			t.Errorf("%s pressed: %v, %v", id, o, err)
		}
	}
}

func TestKeysOfARemoteAreButtons(t *testing.T) {
	m := shipped(t).Build(people("ir-keys", "电源", "Vol +"), entity.Options{})
	for id, want := range map[string]string{"a2_10": "电源", "a2_11": "Vol +"} {
		if e := m.Entities[at(t, m, id)]; e.Component != "button" || e.Name != want || !e.Enabled {
			t.Errorf("%s: %+v, want a button called %s", id, e, want)
		}
	}
}

func TestEnergyOfTheAccountIsForTheEnergyDashboard(t *testing.T) {
	s := &mi.Spec{
		Model: "energy.cuco.plug.v3", Type: "electricity-meter",
		Services: []mi.Service{{IID: 2, Name: "energy-statistics", Key: "energy-statistics", Vendor: true}},
	}
	for i, name := range []string{"energy-today", "energy-month"} {
		s.Props = append(s.Props, mi.Property{
			SIID: 2, PIID: i + 1, Key: mi.Key("energy-statistics/" + name), Name: name, Vendor: true, Format: mi.FormatFloat, Access: mi.Read, Unit: "kWh",
		})
	}
	m := shipped(t).Build(s, entity.Options{})
	for id, name := range map[string]string{"p2_1": "Energy today", "p2_2": "Energy this month"} {
		e := m.Entities[at(t, m, id)]
		if e.Component != "sensor" || e.DeviceClass != "energy" || e.StateClass != "total_increasing" || e.Unit != "kWh" || e.Name != name || !e.Enabled {
			t.Errorf("%s: %+v", id, e)
		}
	}
}

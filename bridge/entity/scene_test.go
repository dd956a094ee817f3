package entity_test

import (
	"testing"
	"testing/fstest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
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

// energy is what the account counts of a plug.
func energy() *mi.Spec {
	s := &mi.Spec{
		Model: "energy.cuco.plug.v3", Type: "electricity-meter",
		Services: []mi.Service{{IID: 2, Name: "energy-statistics", Key: "energy-statistics", Vendor: true}},
	}
	for i, name := range []string{"energy-today", "energy-month"} {
		s.Props = append(s.Props, mi.Property{
			SIID: 2, PIID: i + 1, Key: mi.Key("energy-statistics/" + name), Name: name, Vendor: true, Format: mi.FormatFloat, Access: mi.Read, Unit: "kWh",
		})
	}
	return s
}

func TestEnergyOfTheAccountIsForTheEnergyDashboard(t *testing.T) {
	m := shipped(t).Build(energy(), entity.Options{})
	for id, name := range map[string]string{"p2_1": "Energy today", "p2_2": "Energy this month"} {
		e := m.Entities[at(t, m, id)]
		if e.Component != "sensor" || e.DeviceClass != "energy" || e.StateClass != "total_increasing" || e.Unit != "kWh" || e.Name != name || !e.Enabled {
			t.Errorf("%s: %+v", id, e)
		}
	}
}

func TestEnergyOfAModelIsCorrected(t *testing.T) {
	mine := fstest.MapFS{"models/mine.yaml": {Data: []byte("- models: [energy.cuco.plug.*]\n  properties:\n    energy-statistics/energy-today: {scale: 0.01}\n")}}
	rules, err := entity.Load(mappings.FS, mine)
	if err != nil {
		t.Fatal(err)
	}
	m := rules.Build(energy(), entity.Options{})
	if got := shown(m, at(t, m, "p2_1"), []mi.Value{mi.Float(123), mi.Float(9)}); got != "state=1.23" {
		t.Errorf("today %s, want 1.23", got)
	}
}

// The account's log of events tells times, each with its own name.
func TestEventLogIsASetOfTimes(t *testing.T) {
	spec := &mi.Spec{Model: "events.acme.button.one", Type: "event-log", Services: []mi.Service{{IID: 2, Name: "event-log", Vendor: true}}}
	for i, name := range []string{"click", "double-click"} {
		spec.Props = append(spec.Props, mi.Property{SIID: 2, PIID: 3001 + i, Name: name, Vendor: true, Text: name + " (delayed)", Format: mi.FormatText, Access: mi.Read})
	}
	spec.Join()
	m := shipped(t).Build(spec, entity.Options{})
	for id, want := range map[string][2]string{"p2_3001": {"Click (delayed)", "state=2026-11-24T10:00:00Z"}, "p2_3002": {"Double click (delayed)", "state=None"}} {
		i := at(t, m, id)
		e, got := m.Entities[i], shown(m, i, []mi.Value{mi.Text("2026-11-24T10:00:00Z"), {}})
		if e.Component != "sensor" || e.DeviceClass != "timestamp" || e.Name != want[0] || !e.Enabled || got != want[1] {
			t.Errorf("%s: %+v says %s", id, e, got)
		}
	}
}

// TestWhatReadingSpoilsIsNotRead is about a power strip that begins its count anew
// whenever somebody reads it: then the account counts nothing any more.
func TestWhatReadingSpoilsIsNotRead(t *testing.T) {
	s := shipped(t).Correct(&mi.Spec{
		Model: "cuco.plug.cp5pro", Type: "outlet",
		Services: []mi.Service{{IID: 10, Name: "power-consumption", Key: "power-consumption"}},
		Props: []mi.Property{
			{SIID: 10, PIID: 1, Key: "power-consumption/power-consumption", Name: "power-consumption", Format: mi.FormatFloat, Access: mi.Read | mi.Notify},
			{SIID: 10, PIID: 4, Key: "power-consumption/electric-power", Name: "electric-power", Format: mi.FormatFloat, Access: mi.Read | mi.Notify},
		},
	})
	if s.Props[0].Access != mi.Notify || s.Props[1].Access&mi.Read == 0 {
		t.Errorf("access is %v and %v", s.Props[0].Access, s.Props[1].Access)
	}
}

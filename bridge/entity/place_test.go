package entity_test

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

func TestTrackerOfANetworkClientIsHomeOrAway(t *testing.T) {
	spec := sketch(t, "miwifi.client.v1", "network-client", `network-client
  connected bool rn
  access-point string rn
  connection int rn 0=LAN 2=5_GHz`)
	m := shipped(t).Build(spec, entity.Options{})
	i := at(t, m, "device_tracker_2")
	if e := m.Entities[i]; !e.Main || !e.Enabled {
		t.Errorf("the tracker does not stand for the device: %+v", e)
	}
	for facts, want := range map[string]string{
		"network-client/connected=true":  "state=home",
		"network-client/connected=false": "state=not_home",
		"":                               "state=None",
	} {
		if got := shown(m, i, values(t, spec, facts)); got != want {
			t.Errorf("%s shows %q, want %q", facts, got, want)
		}
	}
	if _, err := m.Order(i, "state", "home", values(t, spec, "")); err == nil {
		t.Error("somebody could be sent home")
	}
}

package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestProtocols(t *testing.T) {
	c, err := Load([]string{
		"MIHOME2MQTT_TVS=10.0.0.5, 5C:E5:0C:12:34:56, Living room; 10.0.0.6:6095",
		"MIHOME2MQTT_ROUTERS=10.0.0.1,hunter2hunter2,Hall",
		"MIHOME2MQTT_CAMERAS=192.168.42.1, Drone",
		"MIHOME2MQTT_GATEWAY_KEYS=34ce00fb61a9,0987654321qwerty",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Cameras{{"192.168.42.1", "Drone"}}, c.Cameras); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(TVs{{"10.0.0.5", "5c:e5:0c:12:34:56", "Living room"}, {Host: "10.0.0.6:6095"}}, c.TVs); diff != "" {
		t.Error(diff)
	}
	routers, _ := c.RouterList()
	if diff := cmp.Diff([]Router{{"10.0.0.1", "hunter2hunter2", "Hall"}}, routers); diff != "" {
		t.Error(diff)
	}
	keys, _ := c.GatewayKeyMap()
	if keys["34ce00fb61a9"] != "0987654321qwerty" {
		t.Errorf("keys are %d", len(keys))
	}
	secret := map[mi.Secret]bool{}
	for _, s := range c.Secrets() {
		secret[s] = true
	}
	if !secret["hunter2hunter2"] || !secret["0987654321qwerty"] {
		t.Error("password or key would not be masked")
	}
}

func TestWrongProtocolsAreNamedWithoutSecrets(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"MIHOME2MQTT_TVS=10.0.0.5,notamac", `"notamac" is not a MAC address`},
		{"MIHOME2MQTT_CAMERAS=a b", `"a b" is not a host`},
		{"MIHOME2MQTT_ROUTERS=10.0.0.1", "ROUTERS: entry 1: it takes host, password"},
		{"MIHOME2MQTT_GATEWAY_KEYS=34ce00fb61a9,shorthunter2", "GATEWAY_KEYS: entry 1: it takes the did or sid"},
	} {
		_, err := Load([]string{tc.in}, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Load(%s) says %v, want %q", tc.in, err, tc.want)
		}
	}
}

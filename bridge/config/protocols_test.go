package config

import (
	"slices"
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
		"MIHOME2MQTT_MULTIMODE_GATEWAYS=10.0.0.9, Hall, 460000011",
		"MIHOME2MQTT_GATEWAY_KEYS=34ce00fb61a9,0987654321qwerty",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Gateways{{"10.0.0.9", "Hall", "460000011"}}, c.Multimode); diff != "" {
		t.Error(diff)
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
		{"MIHOME2MQTT_MULTIMODE_GATEWAYS=a b", `"a b" is not a host`},
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

func TestBluetooth(t *testing.T) {
	nodeKey := "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	c, err := Load([]string{
		"MIHOME2MQTT_BLE_ESPHOME=10.0.0.7; node.local:6053, " + nodeKey + ", Upstairs",
		"MIHOME2MQTT_BLE_KEYS=A4:C1:38:00:11:22, 00112233445566778899aabbccddeeff\nblt.3.xyz,001122334455667788990011",
		"MIHOME2MQTT_NINEBOTS=all; C4:7C:8D:12:34:56,mini,Old one; c4:7c:8d:12:34:57, 0011223344556677889900aa; c4:7c:8d:12:34:58,pair",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	nodes, _ := c.BLE.Nodes()
	if diff := cmp.Diff([]Node{{Host: "10.0.0.7"}, {"node.local:6053", mi.Secret(nodeKey), "Upstairs"}}, nodes); diff != "" {
		t.Error(diff)
	}
	keys, _ := c.BLE.KeyMap()
	if len(keys) != 2 || keys["blt.3.xyz"] != "001122334455667788990011" {
		t.Errorf("%d keys", len(keys))
	}
	vehicles, all, _ := c.NinebotList()
	want := []Ninebot{{MAC: "c4:7c:8d:12:34:56", Kind: "mini", Name: "Old one"}, {MAC: "c4:7c:8d:12:34:57", Token: "0011223344556677889900aa"}, {MAC: "c4:7c:8d:12:34:58", Pair: true}}
	if diff := cmp.Diff(want, vehicles); diff != "" || !all {
		t.Error(diff, all)
	}
	for _, s := range []mi.Secret{mi.Secret(nodeKey), "00112233445566778899aabbccddeeff", "0011223344556677889900aa"} {
		if !slices.Contains(c.Secrets(), s) {
			t.Error("a key would not be masked")
		}
	}
	if c.BLE.MQTT != "home/+/BTtoMQTT/#" || c.BLE.BlueZ != "auto" {
		t.Errorf("defaults are %q and %q", c.BLE.MQTT, c.BLE.BlueZ)
	}
}

func TestWrongBluetoothIsNamedWithoutKeys(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"MIHOME2MQTT_BLE_MQTT=home/#/x", "BLE_MQTT cannot be"},
		{"MIHOME2MQTT_BLE_BLUEZ=yes", "BLE_BLUEZ cannot be"},
		{"MIHOME2MQTT_BLE_ESPHOME=10.0.0.7,hunter2", "BLE_ESPHOME: entry 1: it takes a host"},
		{"MIHOME2MQTT_BLE_KEYS=A4:C1:38:00:11:22,hunter2", "BLE_KEYS: entry 1: it takes a Bluetooth address"},
		{"MIHOME2MQTT_NINEBOTS=hunter2", "NINEBOTS: entry 1: it takes a Bluetooth address"},
		{"MIHOME2MQTT_NINEBOTS=c4:7c:8d:12:34:56,car", "NINEBOTS: entry 1: it takes a Bluetooth address"},
	} {
		_, err := Load([]string{tc.in}, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Load(%s) says %v, want %q", tc.in, err, tc.want)
		}
	}
}

func TestAccounts(t *testing.T) {
	c, err := Load([]string{"MIHOME2MQTT_ACCOUNTS=4611686018, V1:hunter2hunter2", "MIHOME2MQTT_REGIONS=de,cn"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	list, _ := c.AccountList()
	if diff := cmp.Diff([]Account{{"4611686018", "V1:hunter2hunter2"}}, list); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(c.Secrets(), "V1:hunter2hunter2") {
		t.Error("the token would not be masked")
	}
	for in, want := range map[string]string{
		"MIHOME2MQTT_ACCOUNTS=me,hunter2": "ACCOUNTS: entry 1: it takes a user id",
		"MIHOME2MQTT_REGIONS=de,eu":       `REGIONS cannot be "eu"`,
		"MIHOME2MQTT_DATA_KEY=hunter2":    "DATA_KEY is too short",
	} {
		if _, err := Load([]string{in}, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Load(%s) says %v, want %q", in, err, want)
		}
	}
}

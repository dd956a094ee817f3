package config

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

var (
	adapterShape = regexp.MustCompile(`^(auto|off|hci[0-9]{1,2})$`)
	keyShape     = regexp.MustCompile(`^([0-9a-fA-F]{24}|[0-9a-fA-F]{32})$`)
	scooterToken = regexp.MustCompile(`^[0-9a-fA-F]{24}$`)
)

// filterless reports whether text cannot be a topic filter.
func filterless(text string) bool {
	if text == "" || len(text) > 200 || strings.ContainsRune(text, 0) {
		return true
	}
	levels := strings.Split(text, "/")
	for i, level := range levels {
		alone := level == "+" || level == "#" && i == len(levels)-1
		if strings.ContainsAny(level, "+#") && !alone {
			return true
		}
	}
	return false
}

func (b *BLE) check() error {
	if b.MQTT != "off" && filterless(b.MQTT) {
		return wrong("BLE_MQTT", b.MQTT, "It is a topic, with + for any level and # for the rest, such as home/+/BTtoMQTT/#; off listens to none")
	}
	if !adapterShape.MatchString(b.BlueZ) {
		return wrong("BLE_BLUEZ", b.BlueZ, "It is auto, off or the name of an adapter, such as hci0")
	}
	return nil
}

// Node is one ESPHome node of the setting BLE_ESPHOME.
type Node struct {
	Host string    // or host:port
	Key  mi.Secret // base 64; "" for a node without
	Name string
}

// Nodes returns the nodes of the setting BLE_ESPHOME. The error never holds a key.
func (b *BLE) Nodes() ([]Node, error) {
	var out []Node
	for i, parts := range entries(b.ESPHome.Reveal()) {
		n := Node{Host: parts[0], Key: mi.Secret(part(parts, 1)), Name: part(parts, 2)}
		raw, err := base64.StdEncoding.DecodeString(n.Key.Reveal())
		if _, bad := hostPort(n.Host); bad != nil || n.Host == "" || err != nil || len(raw) != 0 && len(raw) != 32 {
			return nil, fmt.Errorf("entry %d: it takes a host and, where the node has one, its encryption key of 44 characters, separated by a comma", i+1)
		}
		out = append(out, n)
	}
	return out, nil
}

// KeyMap returns the keys of the setting BLE_KEYS by address or did. The error never
// holds a key.
func (b *BLE) KeyMap() (map[string]mi.Secret, error) {
	out := map[string]mi.Secret{}
	for i, parts := range entries(b.Keys.Reveal()) {
		if len(parts) != 2 || parts[0] == "" || !keyShape.MatchString(parts[1]) {
			return nil, fmt.Errorf("entry %d: it takes a Bluetooth address or did and the key of 24 or 32 hexadecimal digits, separated by a comma", i+1)
		}
		out[parts[0]] = mi.Secret(parts[1])
	}
	return out, nil
}

// Ninebot is one vehicle of the setting NINEBOTS.
type Ninebot struct {
	MAC   string
	Kind  string    // "" finds it out
	Token mi.Secret // of a Mi scooter; "" for none
	Pair  bool      // may be paired
	Name  string
}

// NinebotList returns the vehicles of the setting NINEBOTS, and whether those that
// nobody named are meant too. The error never holds a token.
func (c *Config) NinebotList() (list []Ninebot, all bool, err error) {
	for i, parts := range entries(c.Ninebots.Reveal()) {
		if len(parts) == 1 && parts[0] == "all" {
			all = true
			continue
		}
		n := Ninebot{MAC: hardware(parts[0]), Kind: part(parts, 1), Name: part(parts, 2)}
		if scooterToken.MatchString(n.Kind) {
			n.Kind, n.Token = "", mi.Secret(n.Kind)
		}
		if n.Pair = n.Kind == "pair"; n.Pair {
			n.Kind = ""
		}
		if !macShape.MatchString(parts[0]) || !slices.Contains([]string{"", "mini", "scooter", "crypto"}, n.Kind) {
			return nil, false, fmt.Errorf("entry %d: it takes a Bluetooth address such as c4:7c:8d:12:34:56, then if you like mini, scooter, crypto, pair or the token of a Mi scooter (24 hexadecimal digits), and a name", i+1)
		}
		list = append(list, n)
	}
	return list, all, nil
}

// bluetoothSecrets are the keys and tokens of nodes, devices and vehicles.
func (c *Config) bluetoothSecrets() (out []mi.Secret) {
	nodes, _ := c.BLE.Nodes() // Load has checked them
	for _, n := range nodes {
		out = append(out, n.Key)
	}
	keys, _ := c.BLE.KeyMap()
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		out = append(out, keys[name])
	}
	vehicles, _, _ := c.NinebotList()
	for _, v := range vehicles {
		out = append(out, v.Token)
	}
	return out
}

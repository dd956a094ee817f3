package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// TV is one TV of the setting TVS.
type TV struct {
	Host string // or host:port
	MAC  string // "" when not given
	Name string
}

// TVs is the setting TVS.
type TVs []TV

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *TVs) UnmarshalText(text []byte) error {
	*t = nil
	for i, parts := range entries(string(text)) {
		tv := TV{Host: parts[0], MAC: part(parts, 1), Name: part(parts, 2)}
		if _, err := hostPort(tv.Host); err != nil || tv.Host == "" {
			return fmt.Errorf("entry %d: %q is not a host; write host, MAC, name", i+1, tv.Host)
		}
		if tv.MAC != "" && !macShape.MatchString(tv.MAC) {
			return fmt.Errorf("entry %d: %q is not a MAC address such as 5c:e5:0c:12:34:56", i+1, tv.MAC)
		}
		tv.MAC = hardware(tv.MAC)
		*t = append(*t, tv)
	}
	return nil
}

// Gateway is one gateway of the setting MULTIMODE_GATEWAYS.
type Gateway struct {
	Host string // or host:port
	Name string
	DID  string
}

// Gateways is the setting MULTIMODE_GATEWAYS.
type Gateways []Gateway

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Gateways) UnmarshalText(text []byte) error {
	*g = nil
	for i, parts := range entries(string(text)) {
		one := Gateway{Host: parts[0], Name: part(parts, 1), DID: part(parts, 2)}
		if _, err := hostPort(one.Host); err != nil || one.Host == "" {
			return fmt.Errorf("entry %d: %q is not a host; write host, name, did", i+1, one.Host)
		}
		*g = append(*g, one)
	}
	return nil
}

// Camera is one camera of the setting CAMERAS.
type Camera struct {
	Host string // or host:port
	Name string
}

// Cameras is the setting CAMERAS.
type Cameras []Camera

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Cameras) UnmarshalText(text []byte) error {
	*c = nil
	for i, parts := range entries(string(text)) {
		camera := Camera{Host: parts[0], Name: part(parts, 1)}
		if _, err := hostPort(camera.Host); err != nil || camera.Host == "" {
			return fmt.Errorf("entry %d: %q is not a host; write host, name", i+1, camera.Host)
		}
		*c = append(*c, camera)
	}
	return nil
}

// Router is one router of the setting ROUTERS.
type Router struct {
	Host     string // or host:port
	Password mi.Secret
	Name     string
}

// RouterList returns the routers of the setting ROUTERS. The error never holds a
// password.
func (c *Config) RouterList() ([]Router, error) {
	var out []Router
	for i, parts := range entries(c.Routers.Reveal()) {
		r := Router{Host: parts[0], Password: mi.Secret(part(parts, 1)), Name: part(parts, 2)}
		if _, err := hostPort(r.Host); err != nil || r.Host == "" || r.Password == "" {
			return nil, fmt.Errorf("entry %d: it takes host, password and, if you like, a name, separated by commas", i+1)
		}
		out = append(out, r)
	}
	return out, nil
}

// GatewayKeyMap returns the keys of the setting GATEWAY_KEYS by sid or did of the
// gateway. The error never holds a key.
func (c *Config) GatewayKeyMap() (map[string]mi.Secret, error) {
	out := map[string]mi.Secret{}
	for i, parts := range entries(c.GatewayKeys.Reveal()) {
		if len(parts) != 2 || parts[0] == "" || len(parts[1]) != 16 {
			return nil, fmt.Errorf("entry %d: it takes the did or sid of a gateway and its key of 16 characters, separated by a comma", i+1)
		}
		out[parts[0]] = mi.Secret(parts[1])
	}
	return out, nil
}

// gatewayKeys are the keys alone, sorted by gateway.
func (c *Config) gatewayKeys() []mi.Secret {
	keys, _ := c.GatewayKeyMap() // Load has checked them
	var out []mi.Secret
	for _, gateway := range slices.Sorted(maps.Keys(keys)) {
		out = append(out, keys[gateway])
	}
	return out
}

func (c *Config) checkProtocols() error {
	_, routers := c.RouterList()
	_, gateways := c.GatewayKeyMap()
	_, nodes := c.BLE.Nodes()
	_, keys := c.BLE.KeyMap()
	_, _, ninebots := c.NinebotList()
	return errors.Join(c.BLE.check(), c.of("ROUTERS", routers), c.of("GATEWAY_KEYS", gateways),
		c.of("BLE_ESPHOME", nodes), c.of("BLE_KEYS", keys), c.of("NINEBOTS", ninebots))
}

// of says which setting an error is about, as it was given.
func (c *Config) of(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", c.given(name), err)
}

// given is the variable by which a setting was given: with its value or a file.
func (c *Config) given(name string) string {
	if c.filed[Prefix+name] {
		name += "_FILE"
	}
	return Prefix + name
}

// entries splits a list by ; or line, and each entry by commas.
func entries(text string) [][]string {
	var out [][]string
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ';' }) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		parts := strings.Split(line, ",")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		out = append(out, parts)
	}
	return out
}

// part returns the n-th part, "" when there are fewer.
func part(parts []string, n int) string {
	if n < len(parts) {
		return parts[n]
	}
	return ""
}

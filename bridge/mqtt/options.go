package mqtt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Options are what a Home is made of.
type Options struct {
	World   mi.World
	Memory  mi.Memory // of devices that have proven to be the user's; nil forgets them
	Log     zerolog.Logger
	Version string
	Host    string // name of this machine, for a second bridge that finds us running

	// A broker of the user's. Without URL, Listen is where our own broker listens.
	URL            string // mqtt, mqtts, ws or wss
	User           string
	Password       mi.Secret
	CA, Cert       []byte // PEM
	Key            mi.Secret
	Insecure       bool // any certificate will do
	Listen         string
	BrokerUser     string // that clients of our own broker must give
	BrokerPassword mi.Secret
	BrokerCert     []byte // PEM; with it our own broker speaks TLS alone
	BrokerKey      mi.Secret

	Base    string   // first level of every topic; default "mihome2mqtt"
	Targets []Target // where devices are announced
	Areas   bool     // suggest rooms as areas
	Pace    float64  // announcements per second; default 100
	Account bool     // announce how the Xiaomi accounts are
	PageURL string   // of the bridge's own page; "" when it has none

	Rules     *entity.Rules
	Detail    string
	Language  string
	Translate func(string) string // names of our own entities; nil leaves them English
	Include   []string            // only these devices: did, model or room, * stands for anything
	Exclude   []string

	Forbid  []string // kinds of commands that are not taken: entity.Dangers, restart (of the bridge too), remove
	Raw     bool     // allow requests that write properties or run actions directly
	Actions Actions
}

// Target is one place where devices are announced.
type Target struct {
	Prefix string
	Form   homeassistant.Form
}

// Actions is what requests can set going outside this package. A nil function
// makes its request fail by name.
type Actions struct {
	Restart  func()
	Scan     func()
	LogLevel func(level string) error
	Level    string // at the start
	// Backup writes a copy of what the bridge knows and returns where; no content
	// ever travels by MQTT.
	Backup func(ctx context.Context) (string, error)
}

// Devices is the set of all devices; *device.Home is one.
type Devices interface {
	Device(id string) *device.Device // by id or did; nil when there is none
	All() []*device.Device           // sorted
	Remove(id string) bool
	Refresh()
}

var _ Devices = (*device.Home)(nil)

func (o *Options) complete() error {
	o.Base = cmp.Or(o.Base, "mihome2mqtt")
	o.Pace = cmp.Or(o.Pace, 100)
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:1883")
	if o.Rules == nil {
		return errors.New("mqtt: there are no rules")
	}
	for i, t := range o.Targets {
		if t.Prefix == o.Base {
			return fmt.Errorf("mqtt: %q cannot be both the base topic and a discovery prefix", t.Prefix)
		}
		same := func(other Target) bool { return other.Prefix == t.Prefix }
		if slices.IndexFunc(o.Targets, same) != i {
			return fmt.Errorf("mqtt: the discovery prefix %q stands there twice", t.Prefix)
		}
	}
	return nil
}

// scale weighs what is to be sent to the broker of these options.
func (o *Options) scale() *scale {
	if o.URL == "" {
		return newScale(ownLimit, o.Log)
	}
	return newScale(hostLimit, o.Log)
}

func (o *Options) prefixes() []string {
	var all []string
	for _, t := range o.Targets {
		all = append(all, t.Prefix)
	}
	return all
}

package bridge

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/pages"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// CloudAccount is the account as the cloud's driver gets it.
func CloudAccount(m *account.Manager) cloud.Account { return cloudAccount{m} }

// Rouse is how a TV is switched on by what else is known of it.
var Rouse = rouse

// Queues returns how full every queue was.
func (b *Bridge) Queues() []mi.Queue { return b.meter().Queues() }

// Samples returns the numbers of the metrics.
func (b *Bridge) Samples() []web.Sample { return b.meter().Samples() }

func (b *Bridge) meter() pages.Meter {
	return pages.Meter{Home: b.devices, Topics: b.topics, Drivers: b.drivers, Accounts: b.accounts}
}

// Profile returns what is known of a model that does not speak MIoT, or nil.
func (d *Direct) Profile(model string) *profile.Profile { return d.specs.Match(model) }

// NewFlawed builds a bridge with a defect planted between its parts: flaw gets
// the options of the devices, drivers and View included, and may wrap them.
func NewFlawed(o Options, flaw func(*device.Options)) (*Bridge, error) {
	b, err := New(o)
	if err != nil {
		return nil, err
	}
	known, err := b.known()
	if err != nil {
		return nil, err
	}
	options := b.deviceOptions(known)
	flaw(&options)
	b.home = device.New(options)
	return b, nil
}

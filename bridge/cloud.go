package bridge

import (
	"cmp"
	"context"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/cloud"
)

// cloudAccount is the account as the cloud's driver wants it.
type cloudAccount struct{ *account.Manager }

var _ cloud.Account = cloudAccount{}

// Known implements cloud.Account.
func (a cloudAccount) Known() cloud.Known {
	known := a.Manager.Known()
	out := cloud.Known{
		Devices: make([]cloud.Device, 0, len(known.Devices)),
		Homes:   make([]cloud.Home, len(known.Homes)),
		Scenes:  make([]cloud.Scene, len(known.Scenes)),
	}
	for _, d := range known.Devices {
		if !d.MissingSince.IsZero() {
			continue // removed from Mi Home: the cloud does not serve it
		}
		d.Token = cmp.Or(d.BeaconKey, d.Token) // what a Bluetooth device seals its adverts with goes first
		out.Devices = append(out.Devices, cloud.Device{Info: d.Info, Account: d.Account, Region: d.Region, Online: d.Online, Asked: d.Asked, Remote: d.Remote})
	}
	for i, h := range known.Homes {
		out.Homes[i] = cloud.Home{Account: h.Account, Region: h.Region, ID: h.ID, Owner: h.Owner, Name: h.Name}
	}
	for i, s := range known.Scenes {
		out.Scenes[i] = cloud.Scene(s)
	}
	return out
}

// RunScene implements cloud.Account.
func (a cloudAccount) RunScene(ctx context.Context, s cloud.Scene) error {
	return a.Manager.RunScene(ctx, account.Scene(s))
}

// RemoteKeys implements cloud.Account.
func (a cloudAccount) RemoteKeys(ctx context.Context, did string) ([]cloud.RemoteKey, error) {
	keys, err := a.Manager.RemoteKeys(ctx, did)
	out := make([]cloud.RemoteKey, len(keys))
	for i, k := range keys {
		out[i] = cloud.RemoteKey(k)
	}
	return out, err
}

// Statistics implements cloud.Account.
func (a cloudAccount) Statistics(ctx context.Context, did, key, period string, from, to time.Time) ([]cloud.Sample, error) {
	return samples(a.Manager.Statistics(ctx, did, key, account.Period(period), from, to))
}

// History implements cloud.Account.
func (a cloudAccount) History(ctx context.Context, did, kind, key string, from, to time.Time, limit int) ([]cloud.Sample, error) {
	return samples(a.Manager.History(ctx, did, kind, key, from, to, limit))
}

func samples(all []account.Sample, err error) ([]cloud.Sample, error) {
	out := make([]cloud.Sample, len(all))
	for i, s := range all {
		out[i] = cloud.Sample(s)
	}
	return out, err
}

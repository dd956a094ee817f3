package bridge

import (
	"context"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// newAccounts builds the client of the Xiaomi accounts; nil where the cloud is not to
// be used.
func (b *Bridge) newAccounts() (*account.Manager, error) {
	o, c := &b.opt, b.opt.Config
	if !c.Cloud || o.Alone && o.Cloud.Account == "" {
		return nil, nil
	}
	list, _ := c.AccountList() // config has checked them
	var given []account.Given
	for _, a := range list {
		given = append(given, account.Given{UserID: a.UserID, PassToken: a.PassToken})
	}
	return account.New(account.Options{
		World: o.World, Log: o.Log, Hosts: o.Cloud, Regions: c.Regions, Language: c.Language, Seal: b.key, UserAgent: c.UserAgent,
		Given: given, Learnt: o.Learnt,
	})
}

// heard lists the known devices for whoever hears Bluetooth: those of the accounts
// with the key that their adverts are sealed with in place of the token.
func (b *Bridge) heard(devices []mi.Info) []mi.Info {
	all := slices.Clone(devices)
	if b.accounts == nil {
		return all
	}
	for _, d := range b.accounts.Known().Devices {
		if d.BeaconKey != "" {
			info := d.Info
			info.Token = d.BeaconKey
			all = append(all, info)
		}
	}
	return all
}

// listed lists the known devices, and what the accounts know of theirs by now.
func (b *Bridge) listed(devices []mi.Info) []mi.Info {
	all := slices.Clone(devices)
	if b.accounts == nil {
		return all
	}
	for _, d := range b.accounts.Known().Devices {
		all = append(all, d.Info)
	}
	return all
}

// severity ranks the conditions of accounts, the worst last.
var severity = []account.Condition{account.OK, account.Expiring, account.Limited, account.Away, account.Verify, account.LoginNeeded}

// tellAccounts keeps the topic that shows how the accounts are; the worst counts.
func (b *Bridge) tellAccounts(ctx context.Context) {
	tell := func() {
		var worst account.Condition
		for _, a := range b.accounts.Accounts() {
			if slices.Index(severity, a.Condition) > slices.Index(severity, worst) {
				worst = a.Condition
			}
		}
		b.topics.Account(string(worst))
	}
	tell()
	b.accounts.Watch(ctx, tell)
}

// denied has the token of a device looked up anew that refuses the one at hand.
func (b *Bridge) denied(d mi.Info) {
	if b.accounts != nil {
		b.accounts.Refresh(d.DID)
	}
}

package bridge

import (
	"context"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/pages"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Accounts returns the Xiaomi accounts of the data folder for who signs in without a
// running bridge. run keeps them going until its context ends.
func (d *Direct) Accounts() (all web.Accounts, run func(context.Context) error, err error) {
	m, err := (&Bridge{opt: d.opt, key: d.key}).newAccounts()
	switch {
	case err != nil:
		return nil, nil, err
	case m == nil:
		return nil, nil, fmt.Errorf("no account is used, as %sCLOUD says: %w", config.Prefix, mi.ErrUnsupported)
	}
	return pages.Accounts{Manager: m}, m.Run, nil
}

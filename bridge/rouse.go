package bridge

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// rouse switches on the TV at a host, or with one of the MAC addresses, by what else
// is known of it: as a device of MIoT it has an action for that, by Bluetooth or by
// its standby. It returns an error of the kind mi.ErrUnsupported where it has none.
func rouse(ctx context.Context, home *device.Home, host string, macs []string) error {
	for _, d := range home.All() {
		info, spec := d.Info(), d.Spec()
		if spec == nil || !slices.Contains(macs, info.MAC) && !stands(info.Addr, host) {
			continue
		}
		action := slices.IndexFunc(spec.Actions, func(a mi.Action) bool {
			return a.Name == "turn-on" && spec.Services[a.Service].Name == "ble-control"
		})
		if action < 0 {
			continue
		}
		ended := make(chan error, 1)
		d.Do(device.Request{
			Order: mi.Order{Calls: []mi.Call{{Action: action}}}, Cause: "its TV is switched on",
			Done: func(_ []mi.Value, err error) { ended <- err },
		})
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("no other way to the TV is known: %w", mi.ErrUnsupported)
}

// stands reports whether an address is at a host that no other device shares.
func stands(addr, host string) bool {
	at, err := netip.ParseAddrPort(addr)
	return err == nil && at.Addr().String() == host && !at.Addr().IsLoopback()
}

package diagnosis

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// facts are what the problems of many devices are judged by.
type facts struct {
	networks []mi.Interface
	account  bool // what is wrong with an account explains what only the cloud reaches
	signed   bool // somebody is signed in
	deaf     func() string
	listed   func() map[string]account.Device
	closed   map[string]bool // gateways that let nobody near, by did
}

func (w *Watch) facts() *facts {
	f := &facts{deaf: sync.OnceValue(w.deaf), listed: sync.OnceValue(w.listed), closed: w.closedGateways()}
	if all, err := w.opt.World.Net.Interfaces(); err == nil {
		f.networks = all
	}
	f.signed = w.opt.Accounts != nil && len(w.opt.Accounts.Accounts()) > 0
	return f
}

// deaf says why no Bluetooth receiver works; "" when one does.
func (w *Watch) deaf() string {
	var why []string
	for _, r := range w.opt.Receivers {
		err := r.Hearing()
		if err == nil {
			return ""
		}
		why = append(why, r.Name()+": "+mi.Bare(err.Error()))
	}
	if len(why) == 0 {
		return "no receiver is set up"
	}
	return strings.Join(why, "; ")
}

// listed are the devices of the accounts by did.
func (w *Watch) listed() map[string]account.Device {
	out := map[string]account.Device{}
	if w.opt.Accounts == nil {
		return out
	}
	for _, d := range w.opt.Accounts.Known().Devices {
		out[d.DID] = d
	}
	return out
}

// closedGateways finds gateways that serve devices only by the cloud, once every
// other way had its time.
func (w *Watch) closedGateways() map[string]bool {
	if w.age() < settledWithin {
		return nil
	}
	closed := map[string]bool{}
	for _, d := range w.opt.Home().All() {
		parent := d.Info().Parent
		if parent == "" {
			continue
		}
		gateway := w.opt.Home().Device(parent)
		if gateway == nil || !strings.Contains(gateway.Info().Model, ".gateway.") {
			continue
		}
		if before, ok := closed[parent]; !ok || before {
			closed[parent] = cloudOnly(d) && !byGateway(gateway)
		}
	}
	return closed
}

func byGateway(d *device.Device) bool {
	return slices.ContainsFunc(d.Ways(), func(w device.Way) bool { return w.Route == web.Gateway })
}

// cloudOnly reports whether the cloud is the only way to a device: where it is in the
// network is not known either.
func cloudOnly(d *device.Device) bool {
	far := false
	for _, w := range d.Ways() {
		switch {
		case w.Route == web.Cloud:
			far = true
		case w.Route != web.LAN || w.Addr != "" || w.Heard:
			return false
		}
	}
	return far
}

// near reports whether a device was heard without the cloud.
func near(d *device.Device) bool {
	return slices.ContainsFunc(d.Ways(), func(w device.Way) bool { return w.Route != web.Cloud && w.Heard })
}

// shadow reports whether a device is only a part of another one, or what the cloud
// keeps of a home: it has no way of its own.
func shadow(info mi.Info) bool {
	return info.Parent != "" || strings.HasPrefix(info.DID, "home.")
}

// cloudSays returns whether an account lists the device, and whether the cloud has
// just heard it: a request by the cloud that failed is newer than its list.
func (f *facts) cloudSays(d *device.Device) (listed, online bool) {
	if !f.signed {
		return false, false
	}
	known, ok := f.listed()[d.Info().DID]
	failed := slices.ContainsFunc(d.Ways(), func(w device.Way) bool { return w.Route == web.Cloud && w.Err != nil })
	return ok, ok && known.Online && !failed && time.Since(known.Asked) < freshWord
}

// freshWord is how long what the cloud said of a device counts as now.
const freshWord = 10 * time.Minute

// bluetooth reports whether a device speaks Bluetooth.
func (w *Watch) bluetooth(d *device.Device, f *facts) bool {
	did := d.Info().DID
	if strings.HasPrefix(did, "ble.") || strings.HasPrefix(did, "blt.") {
		return true
	}
	if slices.ContainsFunc(d.Ways(), func(w device.Way) bool { return w.Route == web.Bluetooth }) {
		return true
	}
	return f.signed && f.listed()[did].Connect == bleConnect
}

package diagnosis

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// knock is what came of knocking at a device's address.
type knock struct {
	addr  netip.Addr
	at    time.Time
	since time.Time // of there
	proof string
	there bool
}

// silent lists the devices with an address in the network that do not answer there,
// and at whose address nobody has knocked since a time.
func (w *Watch) silent(since time.Time) (who []*device.Device) {
	for _, d := range w.opt.Home().All() {
		addr := w.knockable(d)
		if !addr.IsValid() {
			continue
		}
		if k, ok := w.knock(d.ID(), addr); !ok || k.at.Before(since) {
			who = append(who, d)
		}
	}
	return who
}

// knockable returns the address of a device that is silent in the network; the zero
// Addr for any other.
func (w *Watch) knockable(d *device.Device) netip.Addr {
	one := w.Standing(d)
	way, ok := lanWay(d)
	if !ok || one.Hidden || one.State != web.NoAnswer && (one.State != web.Online || !way.Down) {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(mi.Host(way.Addr))
	if err != nil || addr.IsLoopback() {
		return netip.Addr{}
	}
	return addr
}

// lanWay returns the way to a device through the network.
func lanWay(d *device.Device) (device.Way, bool) {
	all := d.Ways()
	i := slices.IndexFunc(all, func(w device.Way) bool { return w.Route == web.LAN && w.Addr != "" && !w.Off })
	if i < 0 {
		return device.Way{}, false
	}
	return all[i], true
}

// knockAll knocks at the addresses of devices, some at a time.
func (w *Watch) knockAll(ctx context.Context, who []*device.Device) {
	turns := make(chan struct{}, knocksAside)
	var all sync.WaitGroup
	for _, d := range who {
		addr := w.knockable(d)
		if !addr.IsValid() || ctx.Err() != nil {
			continue
		}
		turns <- struct{}{}
		before, _ := w.knock(d.ID(), addr)
		all.Go(func() {
			if w.knockAt(ctx, d.ID(), addr).there && !before.there {
				d.Refresh() // it may be back
			}
			<-turns
		})
	}
	all.Wait()
}

func (w *Watch) knockAt(ctx context.Context, id string, addr netip.Addr) knock {
	k := knock{addr: addr}
	k.proof, k.there = lan.Knock(ctx, w.opt.World.Net, addr)
	k.at = time.Now()
	k.since = k.at
	w.mu.Lock()
	defer w.mu.Unlock()
	if before := w.knocks[id]; before.addr == addr && before.there == k.there {
		k.since = before.since
	}
	w.knocks[id] = k
	return k
}

// knock returns what came of knocking at a device's address lately.
func (w *Watch) knock(id string, addr netip.Addr) (knock, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k, ok := w.knocks[id]
	return k, ok && k.addr == addr
}

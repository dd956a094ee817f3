package tv

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	findFirst = 10 * time.Second // to the second round, doubled each time
	findLast  = time.Minute
	maxFound  = 64 // addresses that are asked because they announce themselves
)

// tvModels is how the models of TVs and boxes begin.
const tvModels = "xiaomi.tv"

// finder is one run of Find.
type finder struct {
	d     *Driver
	found func(mi.Info)

	mu   sync.Mutex // found is called by one at a time
	asks sync.WaitGroup
}

// Find implements mi.Driver. A configured TV with a MAC address is reported at
// once, even if it is off; the others once they answer.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	f := &finder{d: d, found: found}
	defer f.asks.Wait()
	for _, c := range d.o.TVs {
		if mac, ok := lan.ParseMAC(c.MAC); ok {
			found(mi.Info{DID: didOf(c.MAC, ""), MAC: mac.String(), Addr: spellAddr(c.Addr), Name: c.Name})
		}
	}
	for wait := findFirst; ; wait = min(2*wait, findLast) {
		f.round(ctx)
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// round asks everybody once.
func (f *finder) round(ctx context.Context) {
	for _, c := range slices.Concat(f.d.o.TVs, f.d.suspects()) {
		f.asks.Go(func() { f.visit(ctx, c) })
	}
	for _, i := range f.d.interfaces() {
		if i.Multicast {
			f.asks.Go(func() { f.listen(ctx, i) })
		}
	}
	f.asks.Wait()
}

// suspects are the TVs that others know, by the addresses that they know. A TV tells
// its name and MAC address itself, so that it is the same however it is found.
func (d *Driver) suspects() (out []Config) {
	if d.o.Known == nil {
		return nil
	}
	for _, i := range d.o.Known() {
		at, err := netip.ParseAddrPort(i.Addr)
		if err != nil || len(out) == maxFound || !strings.HasPrefix(i.Model, tvModels) || strings.HasPrefix(i.DID, didPrefix) {
			continue
		}
		host := at.Addr().String()
		if !slices.ContainsFunc(d.o.TVs, func(c Config) bool { return spellAddr(c.Addr) == spellAddr(host) }) {
			out = append(out, Config{Addr: host})
		}
	}
	return out
}

// visit reports the TV at an address if it answers as one.
func (f *finder) visit(ctx context.Context, c Config) {
	addr := spellAddr(c.Addr)
	info, known, err := inspect(ctx, func(ctx context.Context, call string) (json.RawMessage, error) {
		return ask(ctx, f.d.w.Net, addr, call)
	})
	if err != nil {
		f.d.o.Log.Debug().Str("address", addr).Err(err).Msg("no TV answers")
		return
	}
	if mac := f.configured(c, known.macs("")); mac != "" {
		info.MAC = mac
	}
	info.DID, info.Addr = didOf(info.MAC, addr), addr
	info.MAC = f.d.shared(info.MAC, known)
	info.Name = cmp.Or(c.Name, info.Name)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found(info)
}

// configured returns the MAC address that the user gave to a TV: to the one at this
// address, or to one that has it; "" for none.
func (f *finder) configured(c Config, macs []lan.MAC) string {
	if mac, ok := lan.ParseMAC(c.MAC); ok {
		return mac.String()
	}
	for _, other := range f.d.o.TVs {
		if mac, ok := lan.ParseMAC(other.MAC); ok && slices.Contains(macs, mac) {
			return mac.String()
		}
	}
	return ""
}

// shared returns the MAC address by which others, such as the account, know the TV that
// has those of f: home platforms see by it that both are one. Without them it is mac.
func (d *Driver) shared(mac string, f facts) string {
	if d.o.Known == nil {
		return mac
	}
	own := f.macs("")
	if m, ok := lan.ParseMAC(mac); ok && !slices.Contains(own, m) {
		return mac // the user's
	}
	for _, i := range d.o.Known() {
		m, ok := lan.ParseMAC(i.MAC)
		if ok && strings.HasPrefix(i.Model, tvModels) && !strings.HasPrefix(i.DID, didPrefix) && slices.Contains(own, m) {
			return m.String()
		}
	}
	return mac
}

// listen asks for announcements on one interface and visits who answers.
func (f *finder) listen(ctx context.Context, i mi.Interface) {
	addrs := f.announced(ctx, i)
	for _, a := range addrs[:min(len(addrs), maxFound)] {
		f.visit(ctx, Config{Addr: a.String()})
	}
}

// announced collects the addresses of one interface's TVs, for a while.
func (f *finder) announced(ctx context.Context, i mi.Interface) (addrs []netip.Addr) {
	lan.Ask(ctx, f.d.w.Net, i, mdnsService, func(peer netip.AddrPort, message []byte) {
		from := peer.Addr().Unmap()
		if isTV(message) && !slices.Contains(addrs, from) && len(addrs) < maxFound {
			addrs = append(addrs, from)
		}
	})
	return addrs
}

package androidtv

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	mdnsService = "_androidtvremote2._tcp.local."
	findFirst   = 10 * time.Second // to the second round, doubled each time
	findLast    = time.Minute
	maxFound    = 64 // TVs that are believed because they announce themselves
)

// finder is one run of Find.
type finder struct {
	d     *Driver
	found func(mi.Info)
	asks  sync.WaitGroup

	mu  sync.Mutex         // guards the fields below; found is called by one at a time
	met map[string]mi.Info // by address: who is there
}

// Find implements mi.Driver. TVs announce who they are; a configured one is asked
// once who it is, so that it must be on at that time.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	f := &finder{d: d, found: found, met: map[string]mi.Info{}}
	defer f.asks.Wait()
	for wait := findFirst; ; wait = min(2*wait, findLast) {
		f.round(ctx)
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// round asks everybody once.
func (f *finder) round(ctx context.Context) {
	for _, c := range f.d.o.TVs {
		f.asks.Go(func() { f.visit(ctx, c) })
	}
	for _, i := range f.d.interfaces() {
		if i.Multicast {
			f.asks.Go(func() {
				lan.Ask(ctx, f.d.w.Net, i, mdnsService, func(from netip.AddrPort, message []byte) {
					if a, ok := parseAnnouncement(message); ok {
						f.announced(from.Addr().Unmap(), a)
					}
				})
			})
		}
	}
	f.asks.Wait()
}

// announced reports a TV that says who it is. One without an address of its own
// hardware cannot be told from others and must be configured.
func (f *finder) announced(from netip.Addr, a announcement) {
	mac, ok := lan.ParseMAC(a.mac)
	if !ok {
		return
	}
	addr := net.JoinHostPort(from.String(), strconv.Itoa(int(a.port)))
	f.report(addr, mi.Info{DID: didOf(mac.String(), addr), Addr: addr, Name: a.name})
}

// visit reports the TV at a configured address, once.
func (f *finder) visit(ctx context.Context, c Config) {
	addr := spellAddr(c.Addr)
	f.mu.Lock()
	_, met := f.met[addr]
	f.mu.Unlock()
	if met {
		return
	}
	name, mac, err := f.inquire(ctx, addr)
	if err != nil {
		f.d.o.Log.Debug().Str("address", addr).Err(err).Msg("no Android TV answers")
		return
	}
	f.report(addr, mi.Info{DID: didOf(mac, addr), Addr: addr, Name: name})
}

// inquire reads who a TV is from the certificate that it shows where it pairs, as to
// everybody.
func (f *finder) inquire(ctx context.Context, addr string) (name, mac string, err error) {
	key, err := f.d.identity()
	if err != nil {
		return "", "", err
	}
	w, err := dial(ctx, f.d.w.Net, pairAddr(addr), key)
	if err != nil {
		return "", "", err
	}
	defer w.close()
	name, mac = whoIs(w.certificate())
	return name, mac, nil
}

// report tells of a TV, with what the user said of it.
func (f *finder) report(addr string, info mi.Info) {
	for _, c := range f.d.o.TVs {
		if spellAddr(c.Addr) != addr {
			continue
		}
		info.Name = cmp.Or(c.Name, info.Name)
		if mac, ok := lan.ParseMAC(c.MAC); ok {
			info.MAC = mac.String()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, met := f.met[addr]; met || len(f.met) < maxFound {
		f.met[addr] = info
		f.found(info)
	}
}

// announcement is what a TV says of itself by multicast DNS.
type announcement struct {
	name string
	mac  string
	port uint16
}

// parseAnnouncement reads an answer; ok is false when it is about something else.
func parseAnnouncement(b []byte) (a announcement, ok bool) {
	a.port = Port
	for r := range lan.Records(b) {
		switch body := r.Body.(type) {
		case *dnsmessage.PTRResource:
			if strings.EqualFold(r.Header.Name.String(), mdnsService) {
				ok = true
				a.named(body.PTR.String())
			}
		case *dnsmessage.SRVResource:
			if a.named(r.Header.Name.String()) && body.Port != 0 {
				a.port = body.Port
			}
		case *dnsmessage.TXTResource:
			if a.named(r.Header.Name.String()) {
				a.told(body.TXT)
			}
		}
	}
	return a, ok
}

// named reads the name of an instance; it reports whether it is one of this service.
func (a *announcement) named(instance string) bool {
	name, ok := strings.CutSuffix(instance, "."+mdnsService)
	if ok {
		a.name = clean([]byte(strings.NewReplacer(`\ `, " ", `\.`, ".").Replace(name)))
	}
	return ok
}

func (a *announcement) told(pairs []string) {
	for _, pair := range pairs {
		if key, value, _ := strings.Cut(pair, "="); strings.EqualFold(key, "bt") {
			a.mac = value
		}
	}
}

// didOf names a TV for good: by its hardware address, or by where it is if it tells
// none.
func didOf(mac, addr string) string {
	if m, ok := lan.ParseMAC(mac); ok {
		return didPrefix + hex.EncodeToString(m[:])
	}
	h := fnv.New64a()
	h.Write([]byte(addr))
	return fmt.Sprintf("%s%016x", didPrefix, h.Sum64())
}

// pause waits; it reports false when ctx ended first.
func pause(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

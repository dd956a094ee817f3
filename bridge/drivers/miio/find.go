package miio

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	findTwice = 500 * time.Millisecond // between the first two rounds
	findFirst = 5 * time.Second        // to the next, doubled each time
	findLast  = time.Minute
	findSoon  = 2 * time.Second // least time between rounds that somebody asks for
	newLimit  = 200             // devices nobody knows, per minute
	maxNew    = 10000           // and in all

	maxSightings = 1024 // that wait to be judged
)

// sighting is an answer to a hello, or an announcement.
type sighting struct {
	did   uint64
	from  netip.AddrPort
	shown bool // the device shows its token
	name  *announcement
}

// finder is one run of Find.
type finder struct {
	d      *Driver
	w      *wire
	found  func(mi.Info)
	known  map[netip.AddrPort]*mi.Info // devices to be asked by unicast
	names  map[netip.Addr]announcement
	met    map[uint64]bool // new devices
	minute time.Time       // since when fresh counts
	fresh  int
	warned bool
	last   time.Time // of the newest round
	tasks  sync.WaitGroup
}

// Find implements mi.Driver. It asks by broadcast and mDNS on every chosen
// interface, and the known devices one by one. One Find at a time.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	w, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer d.release()
	d.finding.Store(true)
	defer d.finding.Store(false)
	f := &finder{
		d: d, w: w, found: found, known: map[netip.AddrPort]*mi.Info{},
		names: map[netip.Addr]announcement{}, met: map[uint64]bool{},
	}
	defer f.tasks.Wait()
	f.run(ctx)
	return nil
}

func (f *finder) run(ctx context.Context) {
	f.round(ctx)
	wait := findTwice
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-f.d.sightings:
			f.judge(s)
		case <-f.d.look:
			timer.Reset(min(wait, max(0, findSoon-time.Since(f.last))))
		case <-timer.C:
			f.round(ctx)
			wait = min(max(2*wait, findFirst), findLast)
			timer.Reset(wait)
		}
	}
}

// round asks everybody once.
func (f *finder) round(ctx context.Context) {
	f.last = time.Now()
	var to []netip.AddrPort
	if !f.d.o.NoBroadcast {
		networks := f.interfaces()
		f.d.shout.again(f.d.sessions.witnessed(networks, f.d.shout.newest()), f.last)
		for _, i := range networks {
			if i.Broadcast.IsValid() {
				to = append(to, netip.AddrPortFrom(i.Broadcast, Port))
			}
			if i.Multicast {
				f.tasks.Go(func() { f.ask(ctx, i) })
			}
		}
	}
	for _, addr := range to {
		f.hello(addr)
	}
	for _, addr := range f.unicast() {
		f.alone(addr)
	}
}

// alone asks somebody by unicast.
func (f *finder) alone(to netip.AddrPort) {
	f.d.shout.single(to)
	f.hello(to)
}

func (f *finder) hello(to netip.AddrPort) {
	f.w.send(mi.Packet{Data: appendHello(f.w.buffer()[:0]), Addr: to})
}

// interfaces returns those to find devices on.
func (f *finder) interfaces() []mi.Interface {
	all, err := f.d.w.Net.Interfaces()
	if err != nil {
		f.d.o.Log.Warn().Err(err).Msg("cannot look for devices")
	}
	return mi.Outward(all, f.d.o.Interfaces)
}

// unicast lists the known devices that nobody talks with yet.
func (f *finder) unicast() (to []netip.AddrPort) {
	if f.d.o.Known == nil {
		return nil
	}
	all := f.d.o.Known()
	for i := range all {
		info := &all[i]
		addr := parseAddr(info.Addr)
		if !addr.IsValid() {
			continue
		}
		f.known[addr] = info
		did, _ := strconv.ParseUint(info.DID, 10, 64)
		if f.d.sessions.get(did) == nil {
			to = append(to, addr)
		}
	}
	return to
}

// ask asks for announcements on one interface.
func (f *finder) ask(ctx context.Context, i mi.Interface) {
	lan.Ask(ctx, f.d.w.Net, i, mdnsService, func(from netip.AddrPort, message []byte) {
		if a, ok := parseAnnouncement(message); ok {
			f.d.see(sighting{from: from, name: &a})
		}
	})
}

// sighted is told every answer to a hello by the reader.
func (d *Driver) sighted(g greeting, from netip.AddrPort) {
	d.see(sighting{did: g.did, from: from, shown: g.token != nil})
}

func (d *Driver) see(s sighting) {
	if !d.finding.Load() {
		return
	}
	select {
	case d.sightings <- s:
		d.counts.seen.Reach(len(d.sightings))
	default:
		d.counts.dropped.Add(1)
	}
}

// judge decides what a sighting is worth.
func (f *finder) judge(s sighting) {
	if s.name != nil {
		f.announced(s)
		return
	}
	if session := f.d.sessions.get(s.did); session != nil {
		if info, ok := session.proven(); ok {
			f.found(info)
		}
		return
	}
	info := mi.Info{DID: strconv.FormatUint(s.did, 10), Addr: s.from.String()}
	known, asked := f.known[s.from]
	switch {
	case asked && (known.DID == "" || known.DID == info.DID):
		info = known.Merge(info)
	case s.from.Port() != Port:
		f.d.counts.spoofed.Add(1) // devices answer from their own port
		return
	case !f.admit(s.did):
		f.d.counts.flood.Add(1)
		return
	}
	if a, ok := f.names[s.from.Addr()]; ok && (a.did == 0 || a.did == s.did) {
		info = info.Merge(mi.Info{Model: a.model, MAC: a.mac})
	}
	f.found(info)
}

// admit limits how many devices that nobody knows are let in.
func (f *finder) admit(did uint64) bool {
	if f.met[did] {
		return true
	}
	if now := time.Now(); now.Sub(f.minute) >= time.Minute {
		f.minute, f.fresh = now, 0
	}
	if f.fresh >= newLimit || len(f.met) >= maxNew {
		if !f.warned {
			f.d.o.Log.Warn().Int("limit", newLimit).Msg("more new devices than a home has: the rest is not looked at")
		}
		f.warned = true
		return false
	}
	f.fresh++
	f.met[did] = true
	return true
}

// announced remembers who lives at an address and says hello there: the answer
// brings the did.
func (f *finder) announced(s sighting) {
	addr := s.name.addr
	if !addr.IsValid() {
		addr = s.from.Addr()
	}
	if len(f.names) >= maxNew {
		clear(f.names)
	}
	f.names[addr] = *s.name
	f.alone(netip.AddrPortFrom(addr, Port))
}

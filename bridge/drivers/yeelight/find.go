package yeelight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	findTwice = time.Second     // between the first two searches
	findFirst = 5 * time.Second // to the next, doubled each time
	findLast  = 5 * time.Minute
	newLimit  = 200  // lamps nobody knows, per minute
	maxLamps  = 2000 // and in all
	maxAdvert = 4096 // bytes
)

// finder is one run of Find.
type finder struct {
	d      *Driver
	found  func(mi.Info)
	tasks  sync.WaitGroup
	failed chan error // the socket that hears announcements ended

	saying sync.Mutex // serialises found

	conns  map[string]mi.PacketConn // for questions, by own address; "" for unicast
	group  mi.PacketConn            // hears announcements; nil without
	joined []string                 // names of the interfaces on which it does
}

// Find implements mi.Driver. It listens for announcements and searches by
// multicast on every chosen interface, and asks the known devices one by one.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	f := &finder{d: d, found: found, failed: make(chan error, 1), conns: map[string]mi.PacketConn{}}
	defer f.tasks.Wait()
	defer f.close()
	if !d.o.NoMulticast {
		if err := f.listen(ctx); err != nil {
			d.o.Log.Warn().Err(err).Msg("announcements of lamps are not heard: they are found by search only")
		}
	}
	return f.run(ctx)
}

func (f *finder) run(ctx context.Context) error {
	f.search(ctx)
	wait, rounds := findTwice, 0
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-f.failed:
			return err
		case <-timer.C:
			f.search(ctx)
			if rounds++; rounds > 2 { // whoever has LAN control has answered
				f.unlock(ctx)
			}
			wait = min(max(2*wait, findFirst), findLast)
			timer.Reset(wait)
		}
	}
}

func (f *finder) close() {
	for _, conn := range f.conns {
		_ = conn.Close()
	}
	if f.group != nil {
		_ = f.group.Close()
	}
}

// interfaces returns those to find lamps on.
func (f *finder) interfaces() []mi.Interface {
	all, err := f.d.w.Net.Interfaces()
	if err != nil {
		f.d.o.Log.Warn().Err(err).Msg("cannot look for lamps")
	}
	return slices.DeleteFunc(mi.Outward(all, f.d.o.Interfaces), func(i mi.Interface) bool { return !i.Multicast })
}

// listen opens the socket on which lamps announce themselves.
func (f *finder) listen(ctx context.Context) (err error) {
	if f.group, err = f.d.w.Net.ListenUDP(ctx, group().String()); err != nil {
		f.group = nil
		return fmt.Errorf("yeelight: find: %w", err)
	}
	f.read(f.group)
	return nil
}

// join hears the group on the interfaces that are there now.
func (f *finder) join(cards []mi.Interface) {
	if f.group == nil {
		return
	}
	f.joined = slices.DeleteFunc(f.joined, func(name string) bool {
		return !slices.ContainsFunc(cards, func(i mi.Interface) bool { return i.Name == name })
	})
	for _, i := range cards {
		if slices.Contains(f.joined, i.Name) {
			continue
		}
		if err := f.group.Join(i, group().Addr()); err != nil {
			f.d.o.Log.Debug().Err(err).Str("interface", i.Name).Msg("announcements of lamps are not heard here")
		}
		f.joined = append(f.joined, i.Name) // what fails now fails again
	}
}

// leave closes the sockets of addresses that this machine has no more.
func (f *finder) leave(cards []mi.Interface) {
	for own, conn := range f.conns {
		if own != "" && !slices.ContainsFunc(cards, func(i mi.Interface) bool { return own == ownAddress(i) }) {
			_ = conn.Close()
			delete(f.conns, own)
		}
	}
}

func ownAddress(i mi.Interface) string { return netip.AddrPortFrom(i.Prefix.Addr(), 0).String() }

// read takes what comes to one socket until it is closed.
func (f *finder) read(conn mi.PacketConn) {
	f.tasks.Go(func() {
		in := make([]mi.Packet, 8)
		for i := range in {
			in[i].Data = make([]byte, 0, maxAdvert)
		}
		for {
			n, err := conn.ReadBatch(in)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				select {
				case f.failed <- fmt.Errorf("yeelight: find: %w", err):
				default:
				}
				return
			}
			for _, p := range in[:n] {
				f.hear(p)
			}
		}
	})
}

// search asks for lamps everywhere once.
func (f *finder) search(ctx context.Context) {
	if !f.d.o.NoMulticast {
		cards := f.interfaces()
		f.join(cards)
		f.leave(cards)
		for _, i := range cards {
			own := ownAddress(i)
			f.ask(ctx, own, own, group())
		}
	}
	if f.d.o.Known == nil {
		return
	}
	for _, info := range f.d.o.Known() {
		if addr := addressOf(info.Addr); addr.IsValid() && (info.Model == "" || lampModel(info.Model)) {
			f.ask(ctx, "", "0.0.0.0:0", netip.AddrPortFrom(addr.Addr(), SearchPort))
		}
	}
}

// ask sends one question. The socket is kept: lamps answer when they like.
func (f *finder) ask(ctx context.Context, name, own string, to netip.AddrPort) {
	conn := f.conns[name]
	if conn == nil {
		var err error
		if conn, err = f.d.w.Net.ListenUDP(ctx, own); err != nil {
			return // the address went away in this moment
		}
		f.conns[name] = conn
		f.read(conn)
	}
	if err := conn.WriteBatch([]mi.Packet{{Data: search(to), Addr: to}}); err != nil {
		f.d.o.Log.Debug().Err(err).Stringer("to", to).Msg("search for lamps not sent")
	}
}

// hear takes an advert, if it is one. A lamp can speak only for its own address.
func (f *finder) hear(p mi.Packet) {
	a, err := parseAdvert(p.Data)
	switch {
	case err != nil:
		if string(p.Data[:min(8, len(p.Data))]) != "M-SEARCH" { // others search too
			f.d.counts.malformed.Add(1)
		}
		return
	case a.addr.Addr() != p.Addr.Addr():
		f.d.counts.spoofed.Add(1)
		return
	case !f.d.met(a, time.Now()):
		f.d.counts.flood.Add(1)
		return
	}
	f.saying.Lock()
	defer f.saying.Unlock()
	f.found(a.info())
}

// info is what a sighting tells. The address is given with the port of miIO,
// which Xiaomi's lamps have too, unless the lamp listens at a port of its own.
func (a advert) info() mi.Info {
	addr := a.addr
	if addr.Port() == Port {
		addr = netip.AddrPortFrom(addr.Addr(), 54321)
	}
	i := mi.Info{DID: strconv.FormatUint(a.did, 10), Addr: addr.String(), Name: a.name}
	if model, certain := fullModel(a.model); certain {
		i.Model = model
	}
	return i
}

// gate limits how many lamps that nobody knows are let in.
type gate struct {
	minute time.Time // since when fresh counts
	fresh  int
	warned bool
}

func (g *gate) admit(now time.Time, all int) bool {
	if now.Sub(g.minute) >= time.Minute {
		g.minute, g.fresh = now, 0
	}
	if g.fresh >= newLimit || all >= maxLamps {
		return false
	}
	g.fresh++
	return true
}

// met notes a lamp and tells its session. It reports false for one too many.
func (d *Driver) met(a advert, now time.Time) bool {
	d.mu.Lock()
	_, known := d.lamps[a.did]
	s := d.sessions[a.did]
	if !known && s == nil && !d.gate.admit(now, len(d.lamps)) {
		if !d.gate.warned {
			d.o.Log.Warn().Int("limit", newLimit).Msg("more new lamps than a home has: the rest is not looked at")
		}
		d.gate.warned = true
		d.mu.Unlock()
		return false
	}
	d.lamps[a.did] = a
	d.mu.Unlock()
	if s != nil {
		s.met(a)
	}
	return true
}

package ninebot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// maker is the company that the adverts of these vehicles name.
const maker = 0x424E

const (
	findEvery    = time.Minute
	mostVehicles = 64 // that are kept in mind
	listenFor    = 10 * time.Second
	listenEvery  = 200 * time.Millisecond
)

// sighting is when a vehicle was heard last.
type sighting struct {
	at   time.Time
	told time.Time // to whoever looks for devices
	by   string    // the receiver
	name string    // as advertised
}

// nearby remembers which vehicles were heard.
type nearby struct {
	away time.Duration // of silence

	mu    sync.Mutex // guards the fields below
	seen  map[mi.Address]sighting
	sinks map[mi.Address]mi.Sink // of the sessions that are open
}

// heard notes an advert. It reports whether to tell of the vehicle: when it is
// new, and now and then. A vehicle that comes back is seen.
func (n *nearby) heard(a mi.Advert, now time.Time) (tell bool, s sighting) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, known := n.seen[a.Addr]
	if !known && len(n.seen) >= mostVehicles {
		n.forget()
	}
	if sink := n.sinks[a.Addr]; known && sink != nil && now.Sub(s.at) >= n.away {
		sink.Seen()
	}
	s.at, s.by = now, a.Receiver
	if a.Name != "" {
		s.name = a.Name
	}
	if tell = now.Sub(s.told) >= findEvery; tell {
		s.told = now
	}
	n.seen[a.Addr] = s
	return tell, s
}

// forget drops the vehicle that was heard the longest ago. It needs n.mu.
func (n *nearby) forget() {
	var oldest mi.Address
	var at time.Time
	for addr, s := range n.seen {
		if at.IsZero() || s.at.Before(at) {
			oldest, at = addr, s.at
		}
	}
	delete(n.seen, oldest)
}

func (n *nearby) last(addr mi.Address) sighting {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen[addr]
}

// opened remembers whom to tell that a vehicle comes back; nil forgets it.
func (n *nearby) opened(addr mi.Address, sink mi.Sink) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if delete(n.sinks, addr); sink != nil {
		n.sinks[addr] = sink
	}
}

// met notes that a vehicle was there just now; while connected it advertises
// nothing.
func (n *nearby) met(addr mi.Address, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s, ok := n.seen[addr]; ok {
		s.at = now
		n.seen[addr] = s
	}
}

// listen gives a vehicle that was never heard some time after the start to be.
func (n *nearby) listen(ctx context.Context, addr mi.Address, born time.Time) {
	tick := time.NewTicker(listenEvery)
	defer tick.Stop()
	for n.last(addr).at.IsZero() && time.Since(born) < listenFor && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// isVehicle reports whether an advert is that of a vehicle.
func isVehicle(a mi.Advert) bool {
	for _, start := range []string{"NinebotMini", "miniPRO", "Ninebot", "NBScooter", "MIScooter", "Segway"} {
		if strings.HasPrefix(strings.ToLower(a.Name), strings.ToLower(start)) {
			return true
		}
	}
	return slices.ContainsFunc(a.Manufacturer, func(m mi.ManufacturerData) bool { return m.Company == maker })
}

// Find implements mi.Driver: it names the configured vehicles, whether they are
// there or not, and those that are heard.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(d.o.Receivers))
	var ears sync.WaitGroup
	defer ears.Wait()
	defer cancel()
	for _, r := range d.o.Receivers {
		ears.Go(func() {
			failed <- r.Listen(ctx, func(a mi.Advert) { d.notice(a, found) })
		})
	}
	tick := time.NewTicker(findEvery)
	defer tick.Stop()
	for {
		for _, c := range d.o.Vehicles {
			found(d.info(c.Addr))
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("ninebot: listen: %w", err)
		case <-tick.C:
		}
	}
}

// notice takes in an advert.
func (d *Driver) notice(a mi.Advert, found func(mi.Info)) {
	named := d.named(a.Addr)
	if !named && !isVehicle(a) {
		return
	}
	tell, s := d.near.heard(a, time.Now())
	switch {
	case !tell:
	case named || d.o.All:
		found(d.info(a.Addr))
	default:
		d.o.Log.Debug().Str("address", mac(a.Addr)).Str("name", s.name).Msg("a vehicle that nobody named is near")
	}
}

func (d *Driver) named(addr mi.Address) bool {
	return slices.ContainsFunc(d.o.Vehicles, func(c Config) bool { return c.Addr == addr })
}

// info tells who the vehicle at an address is.
func (d *Driver) info(addr mi.Address) mi.Info {
	c, s := d.config(addr), d.near.last(addr)
	i := mi.Info{DID: DID(addr), MAC: mac(addr), Name: c.Name}
	if i.Name == "" {
		i.Name = s.name
	}
	if k := c.Kind; k != "" {
		i.Model = k.model()
	}
	return i
}

// central returns who connects to a vehicle: rather the machine that heard it.
func (d *Driver) central(addr mi.Address) mi.Central {
	by := d.near.last(addr).by
	for _, c := range d.o.Centrals {
		if c.Name() == by {
			return c
		}
	}
	return d.o.Centrals[0]
}

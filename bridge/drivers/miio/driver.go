// Package miio speaks miIO and MIoT over the LAN: UDP datagrams to port 54321,
// sealed with each device's token.
package miio

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

// Options set up a Driver. The zero value finds devices by broadcast and mDNS on
// every interface.
type Options struct {
	Specs    mi.Specs
	Profiles Profiles  // of the models that do not speak MIoT; may be nil
	Memory   mi.Memory // may be nil
	Log      zerolog.Logger

	Listen      string           // address of the socket; "" is any, with a free port
	Interfaces  []string         // names of those to find devices on; empty is all but loopback
	NoBroadcast bool             // neither broadcast nor mDNS: only devices that are known are asked
	NoPush      bool             // never ask a device to report by itself
	Known       func() []mi.Info // devices to ask by unicast; may be nil. Without a DID, Addr finds it
}

// Profiles finds what is known of models that do not speak MIoT; *profile.Set does.
type Profiles interface {
	Match(model string) *profile.Profile // nil for a model without one
	Legacy(model string) bool            // the model speaks no MIoT, profile or not
}

// Driver finds miIO devices and talks with them over one socket.
type Driver struct {
	w         mi.World
	o         Options
	counts    counters
	virtual   uint64 // did by which devices know this client
	sightings chan sighting
	finding   atomic.Bool
	look      chan struct{} // somebody misses a device
	advisor   advisor
	limits    limits
	shout     shout

	mu       sync.Mutex // guards wire, users, opened
	wire     *wire
	users    int
	opened   map[uint64]uint64 // conversations so far, by did
	keeper   keeper
	sessions sessions
}

var _ mi.Driver = (*Driver)(nil)

// sessions is the table by which the reader finds whom a datagram is for.
type sessions struct {
	mu    sync.RWMutex // guards the maps
	byDID map[uint64]*session
	seen  map[netip.AddrPort]uint64 // who said hello from where; bounded
}

// New returns a driver. It opens its socket when it is first used.
func New(w mi.World, o Options) *Driver {
	if o.Listen == "" {
		o.Listen = "0.0.0.0:0"
	}
	d := &Driver{
		w: w, o: o,
		virtual:   w.Rand("miio").Uint64()>>1 | 1,
		sightings: make(chan sighting, maxSightings),
		look:      make(chan struct{}, 1),
		opened:    map[uint64]uint64{},
		sessions:  sessions{byDID: map[uint64]*session{}, seen: map[netip.AddrPort]uint64{}},
	}
	d.advisor.net = w.Net
	d.limits.load(o.Memory)
	d.keeper.init()
	return d
}

// Open implements mi.Driver. It needs a decimal DID; address and token may come
// later, by Move.
func (d *Driver) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	did, err := strconv.ParseUint(info.DID, 10, 64)
	if err != nil || did == 0 {
		return nil, fmt.Errorf("miio: open %s: no miIO device: %w", info.DID, mi.ErrUnsupported)
	}
	w, err := d.acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("miio: open %s: %w", info.DID, err)
	}
	s := newSession(d, w, did, info, sink)
	if !d.sessions.add(s) {
		d.release()
		return nil, fmt.Errorf("miio: open %s: it is open already: %w", info.DID, mi.ErrBusy)
	}
	return s, nil
}

// acquire returns the wire, opening it for the first user.
func (d *Driver) acquire(ctx context.Context) (*wire, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users == 0 {
		w, err := openWire(ctx, d.w.Net, d.o.Listen, &d.counts, d.handle)
		if err != nil {
			return nil, err
		}
		d.wire = w
		w.tasks.Go(func() { d.keeper.run(w, d.advisor.interfaces) })
	}
	d.users++
	return d.wire, nil
}

// release closes the wire when its last user leaves.
func (d *Driver) release() {
	d.mu.Lock()
	d.users--
	var last *wire
	if d.users == 0 {
		last, d.wire = d.wire, nil
	}
	d.mu.Unlock()
	if last != nil {
		last.close()
	}
}

// firstID draws where the ids of a conversation begin: some vacuums ignore ids that
// they saw in the one before.
func (d *Driver) firstID(did uint64) uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened[did]++
	return uint32(1 + d.w.Rand(fmt.Sprint("miio ", did, " ", d.opened[did])).IntN(9000))
}

// handle is the reader: it finds the session by the did in the header and leaves
// the rest to it.
func (d *Driver) handle(p mi.Packet) {
	h, err := parseHeader(p.Data)
	if err != nil {
		d.counts.malformed.Add(1)
		return
	}
	now := time.Now()
	s := d.sessions.get(h.did)
	if h.length == headerLen {
		d.greeted(s, p, now)
		return
	}
	if s == nil {
		d.counts.unknown.Add(1)
		return
	}
	s.receive(h, p, now)
}

func (d *Driver) greeted(s *session, p mi.Packet, now time.Time) {
	g, err := parseGreeting(p.Data)
	if err != nil {
		d.counts.malformed.Add(1)
		return
	}
	d.sessions.note(p.Addr, g.did)
	if s == nil || !s.answers(p.Addr, now) {
		d.shout.answered(p.Addr, now)
	}
	if s != nil {
		s.greeted(g, p.Addr, now)
	}
	d.sighted(g, p.Addr)
}

// missing asks Find to look for devices now.
func (d *Driver) missing() { signal(d.look) }

func (t *sessions) get(did uint64) *session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byDID[did]
}

func (t *sessions) add(s *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byDID[s.did] != nil {
		return false
	}
	t.byDID[s.did] = s
	return true
}

func (t *sessions) remove(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byDID, s.did)
}

const maxSeen = 1 << 15

func (t *sessions) note(addr netip.AddrPort, did uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.seen) >= maxSeen {
		clear(t.seen)
	}
	t.seen[addr] = did
}

// met reports whether a device said hello from addr.
func (t *sessions) met(addr netip.AddrPort, did uint64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.seen[addr] == did
}

// other returns another did that said hello from addr, or 0.
func (t *sessions) other(addr netip.AddrPort, did uint64) uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if who := t.seen[addr]; who != did {
		return who
	}
	return 0
}

// parseAddr reads host:port; a host alone means the miIO port. Names are not
// resolved: the zero AddrPort stands for an address that is not known.
func parseAddr(s string) netip.AddrPort {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a.Unmap(), Port)
	}
	return netip.AddrPort{}
}

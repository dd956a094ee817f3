// Package yeelight speaks the LAN control of Yeelight lamps: they are found by
// SSDP on port 1982, take JSON lines over TCP and report every change.
package yeelight

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

// Options set up a Driver. The zero value finds lamps by multicast on every
// interface.
type Options struct {
	Specs    mi.Specs  // published specs of lamps that have one; may be nil
	Profiles Profiles  // of lamps older than published specs; may be nil
	Memory   mi.Memory // of what lamps can do; may be nil
	// Ask sends miIO requests; with it, the LAN control of lamps whose token is known
	// is switched on where it is off. It may be nil.
	Ask Asker
	// Music takes the orders of a burst that is beyond a lamp's quota by a connection
	// that the lamp makes to us, without answers.
	Music bool
	Log   zerolog.Logger

	Interfaces  []string         // names of those to find lamps on; empty is all but loopback
	NoMulticast bool             // only lamps that are known are asked
	Known       func() []mi.Info // devices to ask by unicast; may be nil
}

// Profiles finds what is known of models that do not speak MIoT; *profile.Set does.
type Profiles interface {
	Match(model string) *profile.Profile // nil for a model without one
}

// Driver finds Yeelight lamps and talks with them, over one connection each.
type Driver struct {
	w      mi.World
	o      Options
	counts counters

	mu       sync.Mutex // guards the fields below
	random   *rand.Rand
	lamps    map[uint64]advert // newest of each lamp; bounded by the finder
	gate     gate
	sessions map[uint64]*session
	meanings map[meaningKey]*meaning
	memory   map[string]remembered // by did
	unlocks  map[uint64]*mi.Info   // lamps whose LAN control may be off; nil for those that were tried
}

var _ mi.Driver = (*Driver)(nil)

// New returns a driver. It opens sockets when it is first used.
func New(w mi.World, o Options) *Driver {
	return &Driver{
		w: w, o: o, random: w.Rand("yeelight"), lamps: map[uint64]advert{},
		sessions: map[uint64]*session{}, meanings: map[meaningKey]*meaning{}, unlocks: map[uint64]*mi.Info{}, memory: loadMemory(o.Memory),
	}
}

// Open implements mi.Driver. It takes lamps that were found, and those of which
// only model and address are known: one with a token has another way, and its LAN
// control may well be off.
func (d *Driver) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	did, err := strconv.ParseUint(info.DID, 10, 64)
	if err != nil || did == 0 {
		return nil, fmt.Errorf("yeelight: open %s: no lamp: %w", info.DID, mi.ErrUnsupported)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	seen, found := d.lamps[did]
	addr := seen.addr
	if !found {
		addr = addressOf(info.Addr)
	}
	_, met := d.memory[info.DID]
	if !found && !met && (info.Token != "" || !lampModel(info.Model) || !addr.IsValid()) {
		d.locked(did, info)
		return nil, fmt.Errorf("yeelight: open %s: no lamp with LAN control was found: %w", info.DID, mi.ErrUnsupported)
	}
	if d.sessions[did] != nil {
		return nil, fmt.Errorf("yeelight: open %s: it is open already: %w", info.DID, mi.ErrBusy)
	}
	s := newSession(ctx, d, did, info, addr, sink)
	d.sessions[did] = s
	return s, nil
}

// lampModel reports whether a model may have LAN control.
func lampModel(model string) bool {
	return strings.HasPrefix(model, "yeelink.light.") || strings.HasPrefix(model, "yilai.light.")
}

// addressOf returns where the lamp at a device's address listens. The ports of
// other protocols mean the usual one.
func addressOf(s string) netip.AddrPort {
	const miio = 54321
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	if a.Port() == miio || a.Port() == 0 {
		return netip.AddrPortFrom(a.Addr().Unmap(), Port)
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// close forgets a session.
func (d *Driver) close(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions[s.did] == s {
		delete(d.sessions, s.did)
	}
}

// lamp returns the newest advert of a lamp; the zero advert when it was not found.
func (d *Driver) lamp(did uint64) advert {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lamps[did]
}

// meaning returns the one meaning for a key.
func (d *Driver) meaning(key meaningKey) *meaning {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.meanings[key]
	if m == nil {
		m = newMeaning(key)
		d.meanings[key] = m
	}
	return m
}

// base returns what is published of a model, or nil.
func (d *Driver) base(ctx context.Context, model string) *mi.Spec {
	if model == "" {
		return nil
	}
	if d.o.Profiles != nil {
		if p := d.o.Profiles.Match(model); p != nil {
			return p.Spec()
		}
	}
	if d.o.Specs != nil {
		if spec, err := d.o.Specs.Spec(ctx, model); err == nil {
			return spec
		}
	}
	return nil
}

// plan makes commands; random flows need the driver's dice.
func (d *Driver) plan(m *meaning, changes []mi.Change, how mi.Manner, now state) ([]planned, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return m.plan(changes, how, now, d.random)
}

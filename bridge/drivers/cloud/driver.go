// Package cloud reaches devices through the user's Xiaomi account: those without a
// way of their own, and the others while that way is down. It also shows what only
// the account has: the scenes of Mi Home, infrared remotes and energy statistics.
package cloud

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

// Options set up a Driver.
type Options struct {
	Account  Account
	Specs    mi.Specs
	Profiles Profiles  // of the models that do not speak MIoT; may be nil
	Memory   mi.Memory // keeps the numbers of scenes and keys; may be nil
	NoEnergy bool      // no statistics of devices that measure energy
	// Events reports whether the log of a device's events is to be read; nil is of none.
	Events func(mi.Info) bool
	// Changed, when set, is told that devices of a model have another spec now.
	Changed func(model string)
	Log     zerolog.Logger
}

// Profiles finds what is known of models that do not speak MIoT; *profile.Set does.
type Profiles interface {
	Match(model string) *profile.Profile // nil for a model without one
	Legacy(model string) bool            // the model speaks no MIoT, profile or not
}

// Driver talks with devices through the account of its options.
type Driver struct {
	w       mi.World
	o       Options
	devices atomic.Pointer[table]
	numbers *numbers
	full    atomic.Bool // said that there are too many logs to read

	looking sync.Mutex // one look at the account at a time

	mu      sync.Mutex // guards the fields below
	rand    *rand.Rand
	pools   map[place]*pool
	buckets map[string]*[endpoints]*bucket // by account
	keypads map[string]*keypad             // by did
	open    map[*session]bool
	ctx     context.Context // of every request; ends when the last link is closed
	stop    context.CancelFunc
}

var _ mi.Driver = (*Driver)(nil)

// table is what the account knew when it was last looked at.
type table struct {
	byDID  map[string]*Device
	houses map[string]*house // by did
	meters map[string]*meter // by did
	// journals are the logs of events, by did.
	journals map[string]*journal
}

// New returns a driver. It asks nothing before it is used.
func New(w mi.World, o Options) *Driver {
	d := &Driver{
		w: w, o: o, numbers: loadNumbers(o.Memory), rand: w.Rand("cloud"),
		pools: map[place]*pool{}, buckets: map[string]*[endpoints]*bucket{}, keypads: map[string]*keypad{}, open: map[*session]bool{},
	}
	d.devices.Store(&table{})
	return d
}

const lookAgain = time.Minute

// Find implements mi.Driver: it reports every device of the account whenever the
// account learns something new.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	news := make(chan struct{}, 1)
	news <- struct{}{}
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		d.o.Account.Watch(ctx, func() {
			select {
			case news <- struct{}{}:
			default:
			}
		})
	})
	again := time.NewTicker(lookAgain) // for what changed before the account knew who watches
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		case <-again.C:
		}
		d.look(found)
	}
}

// look takes in what the account knows now.
func (d *Driver) look(found func(mi.Info)) {
	before, now := d.refresh()
	for _, did := range slices.Sorted(maps.Keys(now.byDID)) {
		found(now.byDID[did].Info)
	}
	for _, did := range slices.Sorted(maps.Keys(now.houses)) {
		found(now.houses[did].info())
	}
	for _, did := range slices.Sorted(maps.Keys(now.meters)) {
		found(now.meters[did].info())
	}
	for _, did := range slices.Sorted(maps.Keys(now.journals)) {
		found(now.journals[did].info())
	}
	d.greet(before, now)
	if d.o.Changed != nil && !sameHouses(before.houses, now.houses) {
		d.o.Changed(homeModel)
	}
}

// refresh replaces the table.
func (d *Driver) refresh() (before, now *table) {
	d.looking.Lock()
	defer d.looking.Unlock()
	before, now = d.devices.Load(), d.newTable(d.o.Account.Known())
	d.devices.Store(now)
	return before, now
}

func (d *Driver) newTable(k Known) *table {
	t := &table{byDID: make(map[string]*Device, len(k.Devices))}
	for i := range k.Devices {
		t.byDID[k.Devices[i].DID] = &k.Devices[i]
	}
	t.houses, t.meters, t.journals = d.newHouses(k), d.newMeters(k), d.newJournals(k)
	return t
}

// greet tells the links of devices that the cloud found online again.
func (d *Driver) greet(before, now *table) {
	d.mu.Lock()
	var back []*session
	for s := range d.open {
		was, is := before.byDID[s.did], now.byDID[s.did]
		if was != nil && is != nil && is.Online && !was.Online {
			back = append(back, s)
		}
	}
	d.mu.Unlock()
	for _, s := range back {
		s.sink.Seen()
	}
}

// place returns where requests about a device go; ok is false for one that is not of
// the account any more.
func (d *Driver) place(did string) (at place, ok bool) {
	t := d.devices.Load()
	if known := t.byDID[did]; known != nil {
		return place{known.Account, known.Region}, true
	}
	if h := t.houses[did]; h != nil {
		return place{h.home.Account, h.home.Region}, true
	}
	if m := t.meters[did]; m != nil {
		return place{m.of.Account, m.of.Region}, true
	}
	if j := t.journals[did]; j != nil {
		return place{j.of.Account, j.of.Region}, true
	}
	return at, false
}

// device returns what the account knows of a device, or nil.
func (d *Driver) device(did string) *Device { return d.devices.Load().byDID[did] }

// Open implements mi.Driver. It takes what the account knows: devices, infrared
// remotes, each home for its scenes, and what it counts of energy.
func (d *Driver) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	if !d.devices.Load().has(info.DID) {
		d.refresh()
	}
	s := &session{d: d, did: info.DID, info: info, sink: sink, reads: map[*read]bool{}}
	t := d.devices.Load()
	switch known := t.byDID[info.DID]; {
	case t.houses[info.DID] != nil:
		d.join(ctx, s)
		return &panel{s: s, look: s.scenes}, nil
	case t.meters[info.DID] != nil:
		d.join(ctx, s)
		return &counter{s}, nil
	case t.journals[info.DID] != nil:
		d.join(ctx, s)
		return &reader{s}, nil
	case known == nil:
		return nil, fmt.Errorf("cloud: open %s: the account does not have it: %w", info.DID, mi.ErrUnsupported)
	case known.Remote && !s.hasState(ctx, known.Model):
		d.join(ctx, s)
		return &panel{s: s, look: s.keys}, nil
	}
	d.join(ctx, s)
	return s, nil
}

func (t *table) has(did string) bool {
	return t.byDID[did] != nil || t.houses[did] != nil || t.meters[did] != nil || t.journals[did] != nil
}

// join makes s one of the open links.
func (d *Driver) join(ctx context.Context, s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) == 0 {
		d.ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	}
	d.open[s] = true
}

// leave ends every request when the last link is closed.
func (d *Driver) leave(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open[s] {
		return
	}
	delete(d.open, s)
	if len(d.open) == 0 {
		d.stop()
	}
}

// sessions returns the open links.
func (d *Driver) sessions() []*session {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.open))
}

// pool returns what all devices of an account and region share.
func (d *Driver) pool(at place) *pool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.pools[at]
	if p == nil {
		p = newPool(d, at)
		d.pools[at] = p
	}
	return p
}

// budget returns the buckets of an account. It needs d.mu.
func (d *Driver) budget(account string) *[endpoints]*bucket {
	all := d.buckets[account]
	if all == nil {
		all = new([endpoints]*bucket)
		for e := range endpoints {
			all[e] = newBucket(e)
		}
		d.buckets[account] = all
	}
	return all
}

// running returns the context of requests that no caller waits for.
func (d *Driver) running() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ctx
}

// jitter draws a time below limit.
func (d *Driver) jitter(limit time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.rand.Int64N(int64(limit)))
}

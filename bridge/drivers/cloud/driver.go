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
	Memory   mi.Memory // may be nil
	Log      zerolog.Logger
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

	mu    sync.Mutex // guards the fields below
	rand  *rand.Rand
	pools map[place]*pool
	open  map[*session]bool
	ctx   context.Context // of every request; ends when the last link is closed
	stop  context.CancelFunc
}

var _ mi.Driver = (*Driver)(nil)

// table is what the account knew when it was last looked at.
type table struct {
	byDID map[string]*Device
}

// New returns a driver. It asks nothing before it is used.
func New(w mi.World, o Options) *Driver {
	d := &Driver{w: w, o: o, rand: w.Rand("cloud"), pools: map[place]*pool{}, open: map[*session]bool{}}
	d.devices.Store(&table{})
	return d
}

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
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
			d.look(found)
		}
	}
}

// look takes in what the account knows now.
func (d *Driver) look(found func(mi.Info)) {
	known := d.o.Account.Known()
	before := d.devices.Load()
	now := newTable(known)
	d.devices.Store(now)
	for i := range known.Devices {
		found(known.Devices[i].Info)
	}
	d.greet(before, now)
}

func newTable(k Known) *table {
	t := &table{byDID: make(map[string]*Device, len(k.Devices))}
	for i := range k.Devices {
		t.byDID[k.Devices[i].DID] = &k.Devices[i]
	}
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

// device returns what the account knows of a device, or nil.
func (d *Driver) device(did string) *Device { return d.devices.Load().byDID[did] }

// Open implements mi.Driver. It takes the devices that the account knows.
func (d *Driver) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	if d.device(info.DID) == nil {
		d.devices.Store(newTable(d.o.Account.Known()))
	}
	known := d.device(info.DID)
	if known == nil {
		return nil, fmt.Errorf("cloud: open %s: the account does not have it: %w", info.DID, mi.ErrUnsupported)
	}
	s := &session{d: d, did: info.DID, info: info, sink: sink, reads: map[*read]bool{}}
	d.join(ctx, s)
	return s, nil
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
func (d *Driver) pool(known *Device) *pool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := place{known.Account, known.Region}
	p := d.pools[at]
	if p == nil {
		p = newPool(d, at)
		d.pools[at] = p
	}
	return p
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

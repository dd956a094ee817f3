package device

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Options are what a Home is made of. Zero fields mean the default.
type Options struct {
	World     mi.World
	View      View
	Routes    []Route // in order of preference
	Log       zerolog.Logger
	Intervals Intervals
	// Gone is the silence after which a device counts as gone, by the class that
	// its link names (see Classed); a negative duration means never. It is laid
	// over DefaultGone.
	Gone         map[string]time.Duration
	OrderTimeout time.Duration     // from the moment an order is given; default 10 s
	Known        []mi.Info         // devices of earlier runs and of the configuration
	Choices      map[string]Choice // what the user chose, by did
	// Chosen, when set, is told what the user chose for a device.
	Chosen func(did string, c Choice)
	// Changed, when set, is told the sorted list of devices after it changed, at
	// most once a second and once more at the end.
	Changed func([]mi.Info)
	// Denied, when set, is told that a device, or one way to it, refuses its token, so
	// that somebody can look for a new one and hand it in with Found.
	Denied func(mi.Info)
}

// Route is one way to reach devices. Every route is offered every device: Open
// of a driver that is no way to a device returns mi.ErrUnsupported, and is asked
// again when the driver sights the device itself or more is known of it.
type Route struct {
	Name    string // "lan", "gateway", "bluetooth", "cloud"
	Driver  mi.Driver
	Trusted bool // its sightings come from the user's own account or files: no limit on new devices
}

// Counters count what the devices did, and what should not happen.
type Counters struct {
	Reads   uint64 // polls that were answered
	Missed  uint64 // polls that failed
	Orders  uint64 // that were carried out
	Failed  uint64 // orders that were not
	Panics  uint64 // of drivers and views, survived
	Dropped uint64 // events, orders and sightings beyond a limit
	Invalid uint64 // values of properties that the spec does not have
}

const (
	newPerMinute = 200         // devices that strangers on the network can make us believe in
	firstReads   = 256         // outstanding at once
	saveDelay    = time.Second // collects changes of the list
)

// Home is the set of all devices.
type Home struct {
	opt     Options
	epoch   time.Time // zero of every internal time
	wheel   *wheel
	gate    gate
	crew    crew
	queue   queue
	limit   *rate.Limiter
	buffers sync.Pool
	loops   sync.WaitGroup
	dirty   chan struct{}

	reads, missed, orders, failed atomic.Uint64
	panics, dropped, invalid      atomic.Uint64
	marks                         marks

	mu      sync.Mutex
	ctx     context.Context // nil while not running
	byDID   map[string]*Device
	byID    map[string]*Device
	order   []*Device            // all of them, sorted by did
	removed map[string]mi.Secret // dids that the user removed, with the token they had
	flooded bool
	stopped bool
}

// New makes a Home of the known devices. Nothing moves before Run.
func New(o Options) *Home {
	o.Intervals = o.Intervals.orDefault()
	o.Gone = goneRules(o.Gone)
	o.OrderTimeout = cmp.Or(o.OrderTimeout, 10*time.Second)
	h := &Home{
		opt:     o,
		epoch:   time.Now(),
		gate:    gate{free: firstReads},
		crew:    crew{work: make(chan func())},
		limit:   rate.NewLimiter(rate.Every(time.Minute/newPerMinute), newPerMinute),
		buffers: sync.Pool{New: func() any { return new([]mi.Change) }},
		dirty:   make(chan struct{}, 1),
		byDID:   map[string]*Device{},
		byID:    map[string]*Device{},
		removed: map[string]mi.Secret{},
	}
	h.wheel = newWheel(h.now, o.Intervals.Tick)
	known := slices.Clone(o.Known)
	slices.SortStableFunc(known, func(a, b mi.Info) int { return cmp.Compare(a.DID, b.DID) })
	for _, info := range withoutGhosts(known) {
		if info.DID != "" && h.byDID[info.DID] == nil {
			h.add(info)
		}
	}
	h.opt.Known = nil
	return h
}

// Run lets the drivers look for devices and runs every device until ctx ends. It
// returns when all of them have stopped.
func (h *Home) Run(ctx context.Context) error {
	h.mu.Lock()
	if h.ctx != nil {
		h.mu.Unlock()
		return fmt.Errorf("device: run: already running")
	}
	h.ctx = ctx
	for _, d := range h.order {
		h.start(d)
	}
	h.mu.Unlock()

	h.loops.Go(func() { h.wheel.run(ctx) })
	h.loops.Go(func() { h.save(ctx) })
	h.loops.Go(func() { h.wake(ctx) })
	for i := range h.opt.Routes {
		h.loops.Go(func() { h.find(ctx, i) })
	}
	<-ctx.Done()
	h.mu.Lock()
	h.stopped = true
	for _, d := range h.order {
		d.ring()
	}
	h.mu.Unlock()
	h.loops.Wait()
	return nil
}

// Device returns the device with this ID or did, or nil.
func (h *Home) Device(id string) *Device {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.byID[id]; d != nil {
		return d
	}
	return h.byDID[id]
}

// All returns every device, sorted by did.
func (h *Home) All() []*Device {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.order)
}

// Remove forgets a device, by ID or did, and reports whether there was one.
// Sightings do not bring it back before the next start, unless its token is new:
// it was paired again.
func (h *Home) Remove(id string) bool {
	d := h.Device(id)
	if d == nil {
		return false
	}
	h.mu.Lock()
	if h.byDID[d.did] != d {
		h.mu.Unlock()
		return false
	}
	token := d.Info().Token
	for _, did := range h.forget(d) {
		h.removed[did] = token
	}
	running := h.ctx != nil
	h.mu.Unlock()
	h.listChanged()
	if !running {
		d.close(errRemoved)
		h.opt.View.Removed(d)
		return true
	}
	d.removed.Store(true)
	d.ring()
	return true
}

// forget takes a device out of the lists and returns its dids. It needs h.mu.
func (h *Home) forget(d *Device) (dids []string) {
	for did, of := range h.byDID {
		if of == d {
			delete(h.byDID, did)
			dids = append(dids, did)
		}
	}
	delete(h.byID, d.id)
	at, _ := h.place(d.did)
	h.order = slices.Delete(h.order, at, at+1)
	return dids
}

// Refresh reads every device again soon, spread over a few seconds.
func (h *Home) Refresh() {
	for _, d := range h.All() {
		d.Refresh()
	}
}

// SpecArrived tells that the spec of model can now be had, or changed.
func (h *Home) SpecArrived(model string) {
	for _, d := range h.All() {
		if m := d.Info().Model; m == model || m == "" {
			d.post(func(in *inbox) { in.respec = true })
		}
	}
}

// Counters returns what was counted since New.
func (h *Home) Counters() Counters {
	return Counters{
		Reads: h.reads.Load(), Missed: h.missed.Load(), Orders: h.orders.Load(), Failed: h.failed.Load(),
		Panics: h.panics.Load(), Dropped: h.dropped.Load(), Invalid: h.invalid.Load(),
	}
}

// marks are how full the queues of one device were at their fullest.
type marks struct{ orders, reports, events mi.Mark }

// Queues returns how full the queues of the devices were; each device has its own.
func (h *Home) Queues() []mi.Queue {
	return []mi.Queue{
		{Name: "orders of a device", Most: h.marks.orders.Most(), Room: maxOrders},
		{Name: "reports of a device", Most: h.marks.reports.Most(), Room: maxReports},
		{Name: "events of a device", Most: h.marks.events.Most(), Room: maxEvents},
	}
}

// now is the time since New, by the monotonic clock.
func (h *Home) now() time.Duration { return time.Since(h.epoch) }

// place returns where a device of that did is in h.order, or belongs.
func (h *Home) place(did string) (at int, found bool) {
	return slices.BinarySearchFunc(h.order, did, func(d *Device, did string) int { return cmp.Compare(d.did, did) })
}

// add needs h.mu, or a Home that nobody else knows yet.
func (h *Home) add(info mi.Info) *Device {
	d := newDevice(h, info)
	if h.byID[d.id] != nil { // two dids that look alike once sanitised
		d.id = fmt.Sprintf("%s_%08x", d.id, uint32(d.hash))
	}
	h.byDID[d.did], h.byID[d.id] = d, d
	at, _ := h.place(d.did)
	h.order = slices.Insert(h.order, at, d)
	return d
}

// start needs h.mu and a running Home.
func (h *Home) start(d *Device) {
	d.loop.ctx = h.ctx
	d.learnRule()  // it may be heard before its spec is known
	h.loops.Add(1) // until it is over
	d.state.Store(dormant)
	d.ring()
}

// withoutGhosts leaves out devices under a did that stands in for that of another
// one: drivers speak with that one.
func withoutGhosts(all []mi.Info) []mi.Info {
	real := map[string]bool{} // addresses
	for _, info := range all {
		if info.MAC != "" && info.StandsInFor() == "" {
			real[strings.ToLower(strings.ReplaceAll(info.MAC, ":", ""))] = true
		}
	}
	return slices.DeleteFunc(all, func(info mi.Info) bool { return real[info.StandsInFor()] })
}

// listChanged has the list handed to Options.Changed soon.
func (h *Home) listChanged() {
	select {
	case h.dirty <- struct{}{}:
	default:
	}
}

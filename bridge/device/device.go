package device

import (
	"cmp"
	"hash/fnv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Device is one device: its state and its routes. Its methods may be called from
// anywhere.
type Device struct {
	home *Home
	did  string
	id   string
	hash uint64 // of seed and did: the device's place on every grid

	state atomic.Uint32 // see ring

	seen    atomic.Int64 // time of the newest valid packet; 0 is none yet
	online  atomic.Bool  // as told to the View
	removed atomic.Bool  // by the user

	mu      sync.Mutex // guards the fields below and is never held over I/O or a View
	info    mi.Info
	chosen  *Choice // by the user; nil for nothing, and never changed
	spec    *mi.Spec
	teller  int // index of the route that gave the spec
	values  []mi.Value
	status  Status // LastSeen is computed
	routes  []*route
	refused uint64 // routes by index that are no way to this device
	met     uint   // sightings that were taken in
	notes   notes
	in      inbox

	// Guarded by the wheel: when to wake, and the time of the entry that counts.
	wakeAt, queuedAt time.Duration

	loop loop
}

// inbox holds what arrived for the loop. It is bounded: reports by the number of
// properties, events and orders by a limit.
type inbox struct {
	orders    []waiting
	reports   []report
	events    []happening
	sightings []sighting
	result    *outcome
	heard     bool // a valid packet came while the device was not online, or by a route that was down
	refresh   bool
	respec    bool
	chosen    bool
	rerouted  bool // the user lets it be reached by other routes
	admitted  bool // through the gate
	closed    bool
}

type report struct {
	via *route
	mi.Change
}

type happening struct {
	via *route
	mi.Happening
}

type sighting struct {
	route int
	info  mi.Info // without did: who it is does not hang on the route
	did   string  // under which drivers know it now; "" when that is nothing new
}

func newDevice(h *Home, info mi.Info) *Device {
	f := fnv.New64a()
	f.Write([]byte(info.DID))
	d := &Device{
		home:   h,
		did:    info.DID,
		id:     sanitise(info.DID),
		hash:   mix(f.Sum64() ^ h.opt.World.Seed),
		info:   info,
		wakeAt: never, queuedAt: never,
	}
	if c, some := h.opt.Choices[info.DID]; some {
		d.chosen = &c
	}
	return d
}

// sanitise writes everything outside [A-Za-z0-9_-] as _.
func sanitise(did string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '_'
	}, did)
}

// Info returns who the device is.
func (d *Device) Info() mi.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	info := d.info
	if c := d.chosen; c != nil {
		info.Name, info.Room = cmp.Or(c.Name, info.Name), cmp.Or(c.Room, info.Room)
	}
	return info
}

// ID returns the device's part of every topic and id: the did with everything
// outside [A-Za-z0-9_-] written as _.
func (d *Device) ID() string { return d.id }

// Met returns the did under which the device was met, and is kept. It may have got
// another one since: see Info.
func (d *Device) Met() string { return d.did }

// Spec returns what the device has; nil while that is not known.
func (d *Device) Spec() *mi.Spec {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.spec
}

// Values copies the newest value of every property into into, growing it as needed.
func (d *Device) Values(into []mi.Value) []mi.Value {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append(into[:0], d.values...)
}

// Status returns the connection's state.
func (d *Device) Status() Status {
	d.mu.Lock()
	s := d.status
	d.mu.Unlock()
	if at := d.seen.Load(); at != 0 {
		// Reckoned from the monotonic clock, so that it is right as soon as the wall clock is.
		s.LastSeen = d.home.opt.World.Now().Add(time.Duration(at) - d.home.now())
	}
	return s
}

// Refresh reads everything again soon, also what the device once refused.
func (d *Device) Refresh() { d.post(func(in *inbox) { in.refresh = true }) }

// post changes the inbox and wakes the loop; it reports false when the device
// has ended.
func (d *Device) post(change func(*inbox)) bool {
	d.mu.Lock()
	open := !d.in.closed
	if open {
		change(&d.in)
	}
	d.mu.Unlock()
	if open {
		d.ring()
	}
	return open
}

// sighted notes what a driver saw, unless that is already known.
func (d *Device) sighted(route int, info mi.Info) {
	did := info.DID
	standsIn := info.StandsInFor() != ""
	info.DID = ""
	d.mu.Lock()
	if standsIn || did == d.info.DID {
		did = ""
	}
	r := d.route(route)
	news := !d.in.closed && (did != "" || r == nil || !r.sighted || r.info.Merge(info) != r.info)
	if news {
		for i := range d.in.sightings {
			if s := &d.in.sightings[i]; s.route == route {
				s.info, s.did = s.info.Merge(info), cmp.Or(did, s.did)
				d.mu.Unlock()
				return
			}
		}
		d.in.sightings = append(d.in.sightings, sighting{route, info, did})
	}
	d.mu.Unlock()
	if news {
		d.ring()
	}
}

// sink takes what the device says unasked over one route.
type sink struct {
	d   *Device
	via *route
}

var _ mi.Sink = (*sink)(nil)

const (
	maxReports = 1024 // of different properties; more than any known spec has
	maxEvents  = 64   // that wait for the loop
)

// Seen implements mi.Sink.
func (s *sink) Seen() {
	now := max(1, int64(s.d.home.now()))
	s.d.seen.Store(now)
	s.via.seen.Store(now)
	if !s.d.online.Load() || s.via.down.Load() {
		s.d.post(func(in *inbox) { in.heard, s.via.heard = true, true })
	}
}

// Changed implements mi.Sink. A newer report of a property replaces one that
// still waits.
func (s *sink) Changed(changes []mi.Change) {
	s.Seen()
	s.d.post(func(in *inbox) {
		for _, c := range changes {
			if !in.report(s.via, c) {
				s.d.home.dropped.Add(1)
			}
		}
		s.d.home.marks.reports.Reach(len(in.reports))
	})
}

func (in *inbox) report(via *route, c mi.Change) bool {
	for i := range in.reports {
		if r := &in.reports[i]; r.Prop == c.Prop && r.via == via {
			r.Value = c.Value
			return true
		}
	}
	if len(in.reports) == maxReports {
		return false
	}
	in.reports = append(in.reports, report{via, c})
	return true
}

// Happened implements mi.Sink.
func (s *sink) Happened(h mi.Happening) {
	s.Seen()
	h.Args = append([]mi.Value(nil), h.Args...)
	s.d.post(func(in *inbox) {
		if len(in.events) == maxEvents {
			s.d.home.dropped.Add(1)
			return
		}
		in.events = append(in.events, happening{s.via, h})
		s.d.home.marks.events.Reach(len(in.events))
	})
}

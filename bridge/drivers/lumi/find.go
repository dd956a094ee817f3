package lumi

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	findFirst  = 5 * time.Second // to the second round, doubled each time
	findLast   = time.Minute
	visitEvery = 5 * time.Minute
	visitSoon  = 10 * time.Second // least time between visits that a new child asks for
)

// sighting is a gateway that said who it is.
type sighting struct {
	sid, model string
	at         netip.AddrPort
}

// finder is one run of Find.
type finder struct {
	d     *Driver
	tasks sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	tell  func(mi.Info)
	alien map[string]bool // models that were complained of
}

// Find implements mi.Driver. It asks by multicast, and the gateways that are known
// one by one, and reads the list of each gateway's children. One Find at a time.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	if err := d.acquire(ctx); err != nil {
		return err
	}
	defer d.release()
	d.finding.Store(true)
	defer d.finding.Store(false)
	ctx, cancel := context.WithCancel(ctx)
	f := &finder{d: d, tell: found, alien: map[string]bool{}}
	defer f.tasks.Wait()
	defer cancel()
	f.run(ctx)
	return nil
}

func (f *finder) run(ctx context.Context) {
	f.round(ctx)
	wait := findFirst
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-f.d.sighted:
			f.judge(ctx, s)
		case sid := <-f.d.look:
			f.visit(ctx, sid, visitSoon)
		case <-timer.C:
			f.round(ctx)
			wait = min(2*wait, findLast)
			timer.Reset(wait)
		}
	}
}

// round asks everybody once.
func (f *finder) round(ctx context.Context) {
	if d := f.d; !d.o.NoMulticast {
		all := interfaces(d.w.Net, d.o)
		d.mu.Lock()
		w := d.wire
		d.mu.Unlock()
		w.join(all, d.o) // Find itself keeps the wire
		for _, i := range all {
			f.tasks.Go(func() {
				if err := whois(ctx, d.w.Net, i, d.handle); err != nil {
					d.o.Log.Debug().Err(err).Msg("cannot look for gateways here")
				}
			})
		}
	}
	f.known()
	for _, sid := range f.sids() {
		f.visit(ctx, sid, visitEvery)
	}
}

// known enters the gateways that somebody else knows.
func (f *finder) known() {
	if f.d.o.Known == nil {
		return
	}
	for _, info := range f.d.o.Known() {
		kind := f.d.catalog.find(info.Model)
		if kind == nil || kind.role != gateway {
			continue
		}
		sid, ok := strings.CutPrefix(info.DID, prefix)
		if !ok {
			sid = strings.ReplaceAll(info.MAC, ":", "")
		}
		sid = strings.ToLower(sid)
		f.d.mu.Lock()
		if st := f.d.stationOf(sid, info.Addr); st != nil && !ok && macOf(sid) != "" {
			st.info = info
		}
		f.d.mu.Unlock()
	}
}

func (f *finder) sids() []string {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return slices.Sorted(maps.Keys(f.d.stations))
}

// judge takes in where a gateway is. One that is heard from at its address is not
// moved by somebody who says otherwise.
func (f *finder) judge(ctx context.Context, s sighting) {
	d := f.d
	d.mu.Lock()
	st := d.stationOf(s.sid, s.at.String())
	if st == nil {
		d.mu.Unlock()
		return
	}
	if st.addr != s.at {
		if st.addr.Addr() != s.at.Addr() && time.Since(st.heard) < silence {
			d.mu.Unlock()
			d.counts.spoofed.Add(1)
			return
		}
		d.place(st, s.at)
		st.visited = time.Time{}
	}
	st.model = s.model
	d.mu.Unlock()
	f.visit(ctx, s.sid, visitEvery)
}

// visit reads the list of a gateway and its children, unless that was done within
// the given time.
func (f *finder) visit(ctx context.Context, sid string, within time.Duration) {
	d := f.d
	d.mu.Lock()
	st := d.stations[sid]
	due := st != nil && !st.busy && (st.visited.IsZero() || time.Since(st.visited) >= within)
	if due {
		st.busy = true
	}
	d.mu.Unlock()
	if !due {
		return
	}
	f.tasks.Go(func() {
		err := f.look(ctx, st)
		d.mu.Lock()
		defer d.mu.Unlock()
		st.busy = false
		if err == nil {
			st.visited = time.Now()
		}
	})
}

// look reads the list of one gateway and what is new in it.
func (f *finder) look(ctx context.Context, st *station) error {
	d := f.d
	d.mu.Lock()
	deaf := st.visited.IsZero() || time.Since(st.heard) > silence // the children's values may be others by now
	d.mu.Unlock()
	list, err := d.list(ctx, st)
	if err != nil {
		d.o.Log.Debug().Err(err).Str("gateway", st.sid).Msg("gateway does not answer")
		return err
	}
	d.mu.Lock()
	at, model, did := st.addr, st.model, st.did()
	d.dismiss(st, list.children)
	d.mu.Unlock()
	kind := d.catalog.find(model)
	if kind == nil {
		kind = d.catalog.find("gateway")
	}
	f.found(mi.Info{DID: did, Model: kind.spec.Model, MAC: macOf(st.sid), Addr: at.String()})
	for _, c := range list.children {
		if c.sid == st.sid {
			continue
		}
		if err := f.child(ctx, st, c, deaf); errors.Is(err, mi.ErrTimeout) || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// dismiss forgets the children that the gateway has no more. It needs Driver.mu.
func (d *Driver) dismiss(st *station, list []listed) {
	there := map[string]bool{}
	for _, c := range list {
		there[c.sid] = true
	}
	for sid, c := range d.children {
		if c.station == st && !there[sid] {
			delete(d.children, sid)
		}
	}
}

// child takes in one entry of the list, reading it when it is new or fresh is
// wanted.
func (f *finder) child(ctx context.Context, st *station, c listed, fresh bool) error {
	d := f.d
	d.mu.Lock()
	m, at, home := d.children[c.sid], st.addr, st.did()
	d.mu.Unlock()
	if m == nil || m.station != st || fresh {
		got, err := d.read(ctx, st, c.sid)
		if err != nil && !errors.Is(err, mi.ErrOffline) {
			return err
		}
		if m = f.enter(st, c, &got); m == nil {
			return nil
		}
	}
	f.found(mi.Info{
		DID: prefix + c.sid, Model: d.catalog.find(m.model).spec.Model,
		Parent: home, Addr: at.String(),
	})
	return nil
}

// enter notes what was read of a child and tells its session. It returns nil for
// a child of an unknown kind.
func (f *finder) enter(st *station, c listed, got *message) *member {
	d := f.d
	model := got.model
	if model == "" {
		model = c.model
	}
	d.mu.Lock()
	m := d.children[c.sid]
	if model == "" && m != nil {
		model = m.model
	}
	kind := d.catalog.find(model)
	if kind == nil || kind.role == gateway {
		d.mu.Unlock()
		f.complain(model, c.sid)
		return nil
	}
	if m == nil || m.station != st {
		m = &member{station: st, fields: map[string]mi.Value{}}
		d.children[c.sid] = m
	}
	m.model = model
	m.note(got)
	s := d.sessions[c.sid]
	d.mu.Unlock()
	if s != nil && got.fault == "" && got.cmd != "" {
		s.hear(got, time.Now())
	}
	return m
}

// complain says once for each model that it is not known.
func (f *finder) complain(model, sid string) {
	f.mu.Lock()
	known := f.alien[model] || len(f.alien) >= maxChildren
	if !known {
		f.alien[model] = true
	}
	f.mu.Unlock()
	if !known {
		f.d.o.Log.Warn().Str("model", clip(model)).Str("sid", sid).Msg("a child of the gateway is of a model that is not known: please report it")
	}
}

func (f *finder) found(info mi.Info) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tell(info)
}

// macOf returns the MAC address that a gateway's sid is, or "".
func macOf(sid string) string {
	if len(sid) != 12 {
		return ""
	}
	var parts []string
	for i := 0; i < len(sid); i += 2 {
		parts = append(parts, sid[i:i+2])
	}
	return strings.Join(parts, ":")
}

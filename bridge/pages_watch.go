package bridge

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

const (
	watchEvery  = 30 * time.Second
	knockAgain  = time.Minute // a knock tells for so long who is there
	knocksAside = 16          // at the same time
	keptSolved  = 20
	solvedFor   = 24 * time.Hour
	recentFor   = time.Second
)

// watch keeps an eye on problems: since when each stands, which were solved, and who
// is at the address of a device that does not answer.
type watch struct {
	p     *pages
	kick  chan struct{} // something fell silent
	began time.Time

	mu     sync.Mutex // guards the fields below
	open   map[string]web.Problem
	solved []web.Problem    // newest first
	knocks map[string]knock // by device id
	last   []web.Problem    // as they were looked for at lastAt
	lastAt time.Time
}

// knock is what came of knocking at a device's address.
type knock struct {
	addr  netip.Addr
	at    time.Time
	since time.Time // of there
	proof string
	there bool
}

func newWatch(p *pages) *watch {
	return &watch{p: p, began: time.Now(), kick: make(chan struct{}, 1), open: map[string]web.Problem{}, knocks: map[string]knock{}}
}

// told is called when the state of a device changes.
func (w *watch) told(online bool) {
	if online {
		return
	}
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// run looks after the problems until ctx ends.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.kick:
			select {
			case <-time.After(time.Second): // others fall silent at the same time
			case <-ctx.Done():
				return
			}
		}
	}
}

// round knocks where nobody knows who is there, and notes which problems came and
// went.
func (w *watch) round(ctx context.Context) {
	w.knockAll(ctx, w.silent(time.Now().Add(-knockAgain)))
	w.note(w.p.problems())
}

// silent lists the devices with an address in the network that do not answer there,
// and at whose address nobody has knocked since a time.
func (w *watch) silent(since time.Time) (who []*device.Device) {
	for _, d := range w.p.b.home.All() {
		addr := w.p.knockable(d)
		if !addr.IsValid() {
			continue
		}
		if k, ok := w.knock(d.ID(), addr); !ok || k.at.Before(since) {
			who = append(who, d)
		}
	}
	return who
}

// knockable returns the address of a device that is silent in the network; the zero
// Addr for any other.
func (p *pages) knockable(d *device.Device) netip.Addr {
	one := p.brief(d)
	way, ok := lanWay(d)
	if !ok || one.Hidden || one.State != web.NoAnswer && (one.State != web.Online || !way.Down) {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(host(way.Addr))
	if err != nil || addr.IsLoopback() {
		return netip.Addr{}
	}
	return addr
}

// lanWay returns the way to a device through the network.
func lanWay(d *device.Device) (device.Way, bool) {
	all := d.Ways()
	i := slices.IndexFunc(all, func(w device.Way) bool { return w.Route == web.LAN && w.Addr != "" && !w.Off })
	if i < 0 {
		return device.Way{}, false
	}
	return all[i], true
}

// knockAll knocks at the addresses of devices, some at a time.
func (w *watch) knockAll(ctx context.Context, who []*device.Device) {
	turns := make(chan struct{}, knocksAside)
	var all sync.WaitGroup
	for _, d := range who {
		addr := w.p.knockable(d)
		if !addr.IsValid() || ctx.Err() != nil {
			continue
		}
		turns <- struct{}{}
		before, _ := w.knock(d.ID(), addr)
		all.Go(func() {
			if w.knockAt(ctx, d.ID(), addr).there && !before.there {
				d.Refresh() // it may be back
			}
			<-turns
		})
	}
	all.Wait()
}

func (w *watch) knockAt(ctx context.Context, id string, addr netip.Addr) knock {
	k := knock{addr: addr}
	k.proof, k.there = lan.Knock(ctx, w.p.b.opt.World.Net, addr)
	k.at = time.Now()
	k.since = k.at
	w.mu.Lock()
	defer w.mu.Unlock()
	if before := w.knocks[id]; before.addr == addr && before.there == k.there {
		k.since = before.since
	}
	w.knocks[id] = k
	return k
}

// knock returns what came of knocking at a device's address lately.
func (w *watch) knock(id string, addr netip.Addr) (knock, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k, ok := w.knocks[id]
	return k, ok && k.addr == addr
}

func (w *watch) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.knocks, id)
}

func keyOf(p web.Problem) string { return p.ID + " " + p.Device }

// note takes down which problems came and went.
func (w *watch) note(all []web.Problem) {
	now := w.p.b.opt.World.Now()
	fresh := make(map[string]web.Problem, len(all))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastAt = time.Time{}
	for _, one := range all {
		if before, ok := w.open[keyOf(one)]; ok && one.Since.IsZero() {
			one.Since = before.Since
		} else if one.Since.IsZero() {
			one.Since = now
		}
		fresh[keyOf(one)] = one
	}
	still := map[string]bool{} // devices with a problem: another one is no solution
	for _, one := range fresh {
		still[one.Device] = still[one.Device] || one.Device != "" && one.Severity != web.Note
	}
	for _, key := range sortedNames(w.open) {
		if one := w.open[key]; fresh[key].ID == "" && one.Severity != web.Note && !still[one.Device] {
			one.Since = now
			w.solved = slices.Insert(w.solved, 0, one)
		}
	}
	w.open = fresh
	w.solved = slices.DeleteFunc(w.solved, func(one web.Problem) bool { return fresh[keyOf(one)].ID != "" || now.Sub(one.Since) > solvedFor })
	w.solved = w.solved[:min(len(w.solved), keptSolved)]
}

// recent returns the problems as they were a moment ago.
func (w *watch) recent() ([]web.Problem, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.last), !w.lastAt.IsZero() && time.Since(w.lastAt) < recentFor
}

// keep keeps the problems for a moment, and fills in since when those stand that do
// not say it themselves.
func (w *watch) keep(all []web.Problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.lastAt = all, time.Now()
	for i := range all {
		if all[i].Since.IsZero() {
			all[i].Since = w.open[keyOf(all[i])].Since
		}
	}
}

// Solved implements web.Bridge.
func (p *pages) Solved() []web.Problem {
	p.watch.mu.Lock()
	defer p.watch.mu.Unlock()
	return slices.Clone(p.watch.solved)
}

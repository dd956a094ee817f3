package bridge

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/diagnosis"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// ingress is where Home Assistant's Supervisor asks from.
var ingress = netip.AddrFrom4([4]byte{172, 30, 32, 2})

// pages is the bridge as the pages see it. As a View it passes on what devices say
// and notes what changed.
type pages struct {
	device.View
	b      *Bridge
	server *web.Server // nil while there are no pages
	began  time.Time
	recent recent
	watch  *diagnosis.Watch

	mu     sync.Mutex // guards what follows
	orders map[string]*web.LastOrder
	events map[string][]web.Event
}

var (
	_ web.Bridge  = (*pages)(nil)
	_ web.Orders  = (*pages)(nil)
	_ web.Process = (*pages)(nil)
	_ device.View = (*pages)(nil)
)

// newPages makes the pages of b; nil when the settings want none.
func newPages(b *Bridge) (*pages, error) {
	c := &b.opt.Config.Web
	if c.Listen == "" || c.Listen == config.Off || b.opt.Random == nil {
		return nil, nil
	}
	p := &pages{
		View: b.topics, b: b, began: b.opt.World.Now(),
		orders: map[string]*web.LastOrder{}, events: map[string][]web.Event{},
	}
	p.watch = b.diagnosis
	o := web.Options{
		Bridge: p, Orders: p, Process: p, World: b.opt.World, Memory: b.store, Random: b.opt.Random, Log: b.opt.Log, Version: b.opt.Version,
		Listen: c.Listen, Password: c.Password, Token: b.opt.Config.APIToken, Hosts: c.Hosts, Host: b.opt.Host, Prefix: c.Prefix, LogLevel: b.opt.Config.LogLevel,
	}
	if b.accounts != nil {
		o.Accounts = pageAccounts{b.accounts}
	}
	if c.Ingress {
		o.Ingress = ingress
	}
	var err error
	p.server, err = web.New(o)
	return p, err
}

// Opened implements device.View.
func (p *pages) Opened(d *device.Device, spec *mi.Spec) device.Plan {
	plan := p.View.Opened(d, spec)
	p.server.Listed()
	return plan
}

// Changed implements device.View.
func (p *pages) Changed(d *device.Device, changes []mi.Change) bool {
	moving := p.View.Changed(d, changes)
	p.recent.note(d, changes, p.b.opt.World.Now())
	if p.server.Watched() {
		p.server.Changed(d.ID(), p.touched(d, changes))
	}
	return moving
}

// Happened implements device.View.
func (p *pages) Happened(d *device.Device, h mi.Happening) {
	p.View.Happened(d, h)
	if spec := d.Spec(); spec != nil && h.Event >= 0 && h.Event < len(spec.Events) {
		p.noteEvent(d.ID(), web.Event{At: p.b.opt.World.Now(), Text: happening(spec, h)})
		p.server.Changed(d.ID(), nil)
	}
}

// Status implements device.View.
func (p *pages) Status(d *device.Device, s device.Status) {
	p.View.Status(d, s)
	p.server.Told(d.ID())
	p.watch.Told(s.Online)
}

// Removed implements device.View.
func (p *pages) Removed(d *device.Device) {
	p.View.Removed(d)
	p.watch.Forget(d.ID())
	p.mu.Lock()
	delete(p.orders, d.ID())
	delete(p.events, d.ID())
	p.mu.Unlock()
	p.server.Listed()
}

// touched returns the ids of the entities that show changes.
func (p *pages) touched(d *device.Device, changes []mi.Change) (ids []string) {
	look, ok := p.b.topics.Look(d.ID())
	if !ok {
		return nil
	}
	for _, c := range changes {
		for _, i := range look.Model.Touched(c.Prop) {
			if id := look.Model.Entities[i].ID; !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

const (
	keptEvents = 20  // of one device
	longestArg = 200 // bytes of an argument that is kept; a picture is longer
)

func (p *pages) noteEvent(id string, e web.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := append([]web.Event{e}, p.events[id]...)
	p.events[id] = all[:min(len(all), keptEvents)]
}

// happening says what an event was, in the words of the spec.
func happening(spec *mi.Spec, h mi.Happening) string {
	e := &spec.Events[h.Event]
	parts := []string{cmp.Or(e.Text, string(e.Key))}
	for i, v := range h.Args {
		if i < len(e.Args) && v.Known() && len(v.String()) <= longestArg {
			parts = append(parts, spec.Props[e.Args[i]].Name+" "+v.String())
		}
	}
	return strings.Join(parts, ", ")
}

// recent keeps the last changes, one of each device.
type recent struct {
	mu  sync.Mutex
	all []change // newest last
}

type change struct {
	device *device.Device
	spec   *mi.Spec
	prop   int
	at     time.Time
}

const keptRecent = 16

func (r *recent) note(d *device.Device, changes []mi.Change, now time.Time) {
	if len(changes) != 1 { // a first read tells nothing new
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.all {
		if r.all[i].device == d {
			r.all = append(r.all[:i], r.all[i+1:]...)
			break
		}
	}
	if len(r.all) == keptRecent {
		copy(r.all, r.all[1:])
		r.all = r.all[:keptRecent-1]
	}
	r.all = append(r.all, change{d, d.Spec(), changes[0].Prop, now})
}

func (r *recent) newest() []change {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.all)
	slices.Reverse(out)
	return out
}

// Package multimode reads the children of a multimode gateway from the broker
// inside it, where somebody has made that answer: Zigbee devices, Bluetooth mesh
// and Bluetooth sensors. It opens no shell and changes nothing on the gateway.
// Nothing there is sealed: a gateway is believed by its address alone.
package multimode

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	prefix       = "multimode." // of the did of a gateway that nobody else knows
	zigbeePrefix = "lumi."
	soundPrefix  = "blt." // of a Bluetooth sensor's did
	gatewayDID   = "lumi.0"
	defaultPort  = "1883"
	defaultClear = 90 * time.Second
	maxChildren  = 1024
	takeOver     = 5 * time.Minute // of silence by one gateway, after which another may speak for a child
)

// Gateway is one whose own broker answers.
type Gateway struct {
	Host string // name or address, with or without port
	Name string // for people; may be empty
	DID  string // under which the account knows it; may be empty
}

// Options set up a Driver.
type Options struct {
	Gateways []Gateway
	// Connect connects to a broker at host:port until ctx ends, through every
	// reconnect.
	Connect func(ctx context.Context, address string) (mi.Bus, error)
	// ClearAfter is the time after which motion is over that nobody renewed; 0 is
	// 90 s.
	ClearAfter time.Duration
	Known      func() []mi.Info // devices of the account and of earlier runs; may be nil
	Specs      mi.Specs         // may be nil
	// Product returns the product number of a Bluetooth sensor's model; may be nil.
	Product func(model string) (id uint16, ok bool)
	Log     zerolog.Logger
}

// Driver listens at the gateways while anybody uses it.
type Driver struct {
	w       mi.World
	o       Options
	catalog *catalog
	gates   []*gate
	counts  counters
	finding chan struct{} // rung when there is somebody new

	mu       sync.Mutex // guards the fields below; never held over I/O or a Sink
	children map[string]*child
	models   map[string]string // by did: what others know
	sensors  map[string]sensor // Bluetooth sensors by did
}

var _ mi.Driver = (*Driver)(nil)

// child is a device as its gateway knows it.
type child struct {
	did     string
	gate    *gate
	last    time.Time // when it was heard
	told    time.Time // when Find reported it
	session *session
	items   map[place]item // the newest of each place, for a session that opens later
}

// note keeps what was told. It needs Driver.mu.
func (c *child) note(r *report) {
	for _, it := range r.items {
		if _, there := c.items[it.place]; it.kind != 'e' && (there || len(c.items) < maxItems) {
			c.items[it.place] = it
		}
	}
}

// sensor is a Bluetooth sensor that a gateway hears.
type sensor struct {
	addr    mi.Address
	product uint16
	counter byte // of what came without one
	last    string
	gate    *gate
	at      time.Time
}

type counters struct{ malformed, unknown, doubled atomic.Uint64 }

// Counters are the messages that were refused, by the reason.
type Counters struct {
	Malformed uint64 // not understood
	Unknown   uint64 // of nobody that is known
	Doubled   uint64 // told by another gateway already
}

// New returns a driver. It connects when it is first used.
func New(w mi.World, o Options) *Driver {
	if o.ClearAfter <= 0 {
		o.ClearAfter = defaultClear
	}
	d := &Driver{
		w: w, o: o, catalog: newCatalog(), finding: make(chan struct{}, 1),
		children: map[string]*child{}, models: map[string]string{}, sensors: map[string]sensor{},
	}
	for _, at := range o.Gateways {
		d.gates = append(d.gates, newGate(d, at))
	}
	if o.Known != nil {
		for _, info := range o.Known() {
			d.learn(info)
		}
	}
	return d
}

// Counters returns what was refused since New.
func (d *Driver) Counters() Counters {
	return Counters{d.counts.malformed.Load(), d.counts.unknown.Load(), d.counts.doubled.Load()}
}

// Receivers are the gateways as hearers of Bluetooth sensors.
func (d *Driver) Receivers() []mi.Receiver {
	var all []mi.Receiver
	for _, g := range d.gates {
		all = append(all, g)
	}
	return all
}

// learn takes in what others know of a device: which model it is, and who a gateway
// is.
func (d *Driver) learn(info mi.Info) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if host, _, err := net.SplitHostPort(info.Addr); err == nil && strings.HasPrefix(info.Model, "lumi.gateway.") && !strings.HasPrefix(info.DID, prefix) {
		for _, g := range d.gates {
			if g.host == host {
				g.did = info.DID
			}
		}
	}
	if _, known := d.models[info.DID]; info.Model == "" || !known && len(d.models) >= maxChildren {
		return
	}
	if strings.HasPrefix(info.DID, soundPrefix) {
		d.learnSensor(info)
		return
	}
	if isChild(info.DID) {
		d.models[info.DID] = info.Model
	}
}

// learnSensor needs d.mu.
func (d *Driver) learnSensor(info mi.Info) {
	addr, ok := parseAddress(info.MAC)
	if !ok || d.o.Product == nil || len(d.sensors) >= maxChildren {
		return
	}
	if product, ok := d.o.Product(info.Model); ok {
		s := d.sensors[info.DID]
		s.addr, s.product = addr, product
		d.sensors[info.DID] = s
	}
}

// isChild reports a did of a Zigbee or mesh device.
func isChild(did string) bool {
	digits := strings.TrimPrefix(did, zigbeePrefix)
	if did != digits {
		return len(digits) >= 6 && len(digits) <= 20 && strings.Trim(digits, "0123456789abcdef") == ""
	}
	digits = strings.TrimPrefix(did, "group.")
	return len(digits) >= 3 && len(digits) <= 20 && strings.Trim(digits, "0123456789") == ""
}

// Find implements mi.Driver: it reports the gateways, and each child whose model
// somebody knows once it was heard.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	for _, g := range d.gates {
		g.acquire()
		defer g.release()
	}
	tick := time.NewTicker(sightAgain)
	defer tick.Stop()
	for {
		for _, info := range d.sightings() {
			found(info)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-d.finding:
		}
	}
}

const sightAgain = time.Minute // between two reports of one device

// sightings lists whom to report now, gateways first.
func (d *Driver) sightings() []mi.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []mi.Info
	for _, g := range d.gates {
		if g.did == "" && !g.last.IsZero() && time.Since(g.told) >= sightAgain {
			g.told = time.Now()
			out = append(out, mi.Info{DID: g.home(), Model: gatewayModel, Name: g.at.Name, Addr: g.address})
		}
	}
	gates := len(out)
	for _, c := range d.children {
		model := d.models[c.did]
		if model != "" && c.did != c.gate.home() && !c.last.IsZero() && time.Since(c.told) >= sightAgain {
			c.told = time.Now()
			out = append(out, mi.Info{DID: c.did, Model: model, Parent: c.gate.home()})
		}
	}
	slices.SortFunc(out[gates:], func(a, b mi.Info) int { return cmp.Compare(a.DID, b.DID) })
	return out
}

func (d *Driver) ring() {
	select {
	case d.finding <- struct{}{}:
	default:
	}
}

// Open implements mi.Driver. It takes children that a gateway was heard to speak
// for, those whose parent one is, and gateways that nobody else knows.
func (d *Driver) Open(_ context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	fail := func(err error) (mi.Link, error) {
		return nil, fmt.Errorf("multimode: open %s: %w", info.DID, err)
	}
	d.learn(info)
	s, err := d.admit(info, sink)
	if err != nil {
		return fail(err)
	}
	s.gate.acquire()
	s.recall()
	return s, nil
}

// admit makes the session of a device.
func (d *Driver) admit(info mi.Info, sink mi.Sink) (*session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.childOf(info)
	switch {
	case c == nil:
		return nil, mi.ErrUnsupported
	case c.session != nil:
		return nil, fmt.Errorf("it is open already: %w", mi.ErrBusy)
	}
	model := cmp.Or(info.Model, d.models[info.DID])
	k := d.catalog.find(model)
	if k == nil && (d.o.Specs == nil || model == "") {
		return nil, mi.ErrUnsupported
	}
	c.session = newSession(d, c, model, k, sink)
	return c.session, nil
}

// childOf returns the child that is meant, made when its gateway is known. It
// needs d.mu.
func (d *Driver) childOf(info mi.Info) *child {
	if c := d.children[info.DID]; c != nil {
		return c
	}
	for _, g := range d.gates {
		own := info.DID == g.home() && g.did == ""
		if own || isChild(info.DID) && info.Parent != "" && info.Parent == g.home() {
			return d.enter(info.DID, g)
		}
	}
	return nil
}

// enter makes a child. It needs d.mu.
func (d *Driver) enter(did string, g *gate) *child {
	if len(d.children) >= maxChildren {
		return nil
	}
	c := &child{did: did, gate: g, items: map[place]item{}}
	d.children[did] = c
	return c
}

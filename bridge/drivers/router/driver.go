// Package router speaks the HTTP API of Xiaomi's and Redmi's routers (MiWiFi): the
// router itself, the nodes of its mesh, and the presence of the phones and other
// clients on its network.
package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Options set up a Driver.
type Options struct {
	Routers []Config
	// Presence chooses the clients that become devices, each by its MAC or by the
	// name that the router shows; the one word "all" takes every client. Empty is
	// none.
	Presence []string
	// AwayAfter is how long a client must be missing to be away; 0 is 3 minutes.
	AwayAfter time.Duration
	// Interval is the time between two rounds of questions; 0 is 30 seconds. It is at
	// most half of AwayAfter, but 5 seconds, so that an absence is seen as long as it is.
	Interval time.Duration
	// Writes lets Wi-Fi and guest networks be switched and moved to other channels.
	Writes bool
	Log    zerolog.Logger
}

// Config is one router: the host:port of its admin page (port 80 when left out)
// and that page's password.
type Config struct {
	Addr     string
	Password mi.Secret
	Name     string // "" is the router's own
}

const (
	didPrefix       = "miwifi."
	defaultAway     = 3 * time.Minute
	defaultInterval = 30 * time.Second
	leastInterval   = 5 * time.Second // that a short AwayAfter asks for
)

// Driver talks with the routers of its options.
type Driver struct {
	w       mi.World
	o       Options
	picks   picks
	routers []*router
}

var _ mi.Driver = (*Driver)(nil)

// New returns a driver. It opens no connection before it is used.
func New(w mi.World, o Options) *Driver {
	if o.AwayAfter <= 0 {
		o.AwayAfter = defaultAway
	}
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	o.Interval = min(o.Interval, max(o.AwayAfter/2, leastInterval))
	d := &Driver{w: w, o: o, picks: newPicks(o.Presence)}
	for _, c := range o.Routers {
		if _, ok := hostPort(c.Addr); ok {
			d.routers = append(d.routers, newRouter(d, c))
		}
	}
	return d
}

// picks are the chosen clients.
type picks struct {
	all  bool
	list []string // MACs and names, in lower case
}

func newPicks(presence []string) (p picks) {
	for _, entry := range presence {
		entry = strings.ToLower(strings.TrimSpace(entry))
		mac := cleanMAC(entry)
		switch {
		case entry == "all":
			p.all = true
		case mac != "":
			p.list = append(p.list, mac)
		case entry != "":
			p.list = append(p.list, entry)
		}
	}
	return p
}

func (p picks) take(c *presence) bool {
	return p.all || slices.Contains(p.list, c.mac) || c.name != "" && slices.Contains(p.list, strings.ToLower(c.name))
}

// Find implements mi.Driver. It asks every router at each interval, reports who is
// there and lets the open links know what changed.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	var all sync.WaitGroup
	for _, r := range d.routers {
		all.Go(func() { d.watch(ctx, r, found) })
	}
	all.Wait()
	<-ctx.Done()
	return ctx.Err()
}

// watch asks one router until ctx ends.
func (d *Driver) watch(ctx context.Context, r *router, found func(mi.Info)) {
	r.watching(true)
	defer r.watching(false)
	t := time.NewTimer(0)
	defer t.Stop()
	complained := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		err := r.refresh(ctx, r.interval/2)
		if err == nil {
			complained = ""
			for _, info := range r.infos() {
				if !d.claimed(r, info) {
					found(info)
				}
			}
		} else if ctx.Err() == nil {
			complained = r.complain(err, complained)
		}
		t.Reset(r.next())
	}
}

// claimed reports that another router of the options speaks for a device: a client
// belongs to the first router that lists it, a node with a password of its own to
// itself.
func (d *Driver) claimed(r *router, info mi.Info) bool {
	before, child := true, info.Parent != ""
	for _, o := range d.routers {
		if o == r {
			before = false
			continue
		}
		o.mu.Lock()
		p := o.s.people[macOf(info.DID)]
		own := o.info().DID == info.DID && (before || child)
		listed := child && before && p != nil && p.listed
		o.mu.Unlock()
		if own || listed {
			return true
		}
	}
	return false
}

func (r *router) watching(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watched = yes
}

// next is the time until the next round: after a failure, when the pause is over.
func (r *router) next() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return max(time.Until(r.retry), time.Second)
	}
	return r.interval
}

// complain tells that a router that nobody knows as a device yet cannot be
// reached: nobody else would. It says so once for each kind of trouble.
func (r *router) complain(err error, before string) string {
	kind := "other"
	for _, k := range mi.Kinds() {
		if errors.Is(err, k) {
			kind = k.Error()
		}
	}
	r.mu.Lock()
	known := len(r.links) > 0
	r.mu.Unlock()
	level := zerolog.DebugLevel
	if !known && kind != before {
		level = zerolog.WarnLevel
	}
	r.log.WithLevel(level).Err(err).Msg("router not reached: check its address and the password of its admin page")
	return kind
}

// Open implements mi.Driver. It needs a DID of this driver; a router is also known
// by its address, and everything else by its Parent.
func (d *Driver) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	mac := macOf(info.DID)
	if mac == "" || len(d.routers) == 0 {
		return nil, fmt.Errorf("router: open %s: no router and not on one: %w", info.DID, mi.ErrUnsupported)
	}
	l := &link{info: info, sink: sink}
	if r := d.at(info.DID, info.Addr); r != nil {
		l.ctx, l.stop = context.WithCancel(ctx)
		l.seek = func() *router { return r }
		_, err := l.router()
		return admin{l}, err
	}
	client := presence{client: client{mac: mac, name: info.Name}}
	if info.Parent == "" || info.Model == clientModel && !d.picks.take(&client) {
		return nil, fmt.Errorf("router: open %s: it is not chosen: %w", info.DID, mi.ErrUnsupported)
	}
	l.ctx, l.stop = context.WithCancel(ctx)
	l.mac = mac
	l.seek = func() *router { return d.at(info.Parent, "") }
	l.meet = d.meet
	return l, nil
}

// meet asks the routers that nobody knows yet who they are: after a start, those who
// live on one may come first.
func (d *Driver) meet(ctx context.Context) {
	var all sync.WaitGroup
	for _, r := range d.routers {
		r.mu.Lock()
		known := r.s.mac() != ""
		r.mu.Unlock()
		if !known {
			all.Go(func() { _ = r.refresh(ctx, r.age()) }) // Find tells what was the matter
		}
	}
	all.Wait()
}

// at finds a router by its DID or address.
func (d *Driver) at(did, addr string) *router {
	for _, r := range d.routers {
		r.mu.Lock()
		own := r.info().DID
		r.mu.Unlock()
		if own == did || addr != "" && addr == r.addr {
			return r
		}
	}
	return nil
}

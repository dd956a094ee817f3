package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	pollTime  = 25 * time.Second // for one round of questions
	pauseMost = time.Minute      // between rounds while the router does not answer
	offTime   = 24 * time.Hour   // before a question that the router does not know is asked again
)

// router is one router and its network. One round of questions serves everybody.
type router struct {
	config   Config
	addr     string
	web      *web
	log      zerolog.Logger
	interval time.Duration
	leave    time.Duration
	writes   bool
	picks    picks

	turn chan struct{} // held by whoever asks a round

	mu      sync.Mutex // guards the fields below
	s       state
	due     map[string]time.Time // when a question is to be asked next
	said    map[string]bool      // questions that were answered, if only with a refusal
	fresh   time.Time            // of the last round that worked; zero after a write
	fails   int
	err     error // of the last round
	retry   time.Time
	watched bool
	own     *sheet
	sheets  sheets
	links   map[*link]struct{}
}

func newRouter(d *Driver, c Config) *router {
	addr, _ := hostPort(c.Addr)
	return &router{
		config: c, addr: addr, web: newWeb(d.w, c), log: d.o.Log.With().Str("router", addr).Logger(),
		interval: d.o.Interval, leave: d.o.AwayAfter, writes: d.o.Writes, picks: d.picks,
		turn: make(chan struct{}, 1),
		s:    state{people: map[string]*presence{}, channels: map[string][]int{}},
		due:  map[string]time.Time{}, said: map[string]bool{},
		sheets: sheets{}, links: map[*link]struct{}{},
	}
}

// refresh makes sure that what is known is at most age old. One round runs at a
// time; whoever comes meanwhile shares its outcome, and after a failure nobody
// asks before the pause is over.
func (r *router) refresh(ctx context.Context, age time.Duration) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	now := time.Now()
	r.mu.Lock()
	fresh, err, wait := !r.fresh.IsZero() && now.Sub(r.fresh) <= age, r.err, now.Before(r.retry)
	r.mu.Unlock()
	switch {
	case wait:
		return err
	case fresh && err == nil:
		return nil
	}
	own, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	defer r.web.rest()
	err = r.round(own)
	if ctx.Err() != nil && err != nil {
		return ctx.Err()
	}
	r.conclude(err)
	return err
}

// conclude notes how a round went and tells the open links.
func (r *router) conclude(err error) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if err != nil {
		pause := min(r.interval/2<<min(r.fails, 8), pauseMost)
		r.fails++
		r.retry = now.Add(pause)
		return
	}
	r.fails, r.retry, r.fresh = 0, time.Time{}, now
	r.shape()
	for l := range r.links {
		l.tell()
	}
}

// round asks what is due. It ends at the first silence: what is not asked now is
// asked by the next.
func (r *router) round(ctx context.Context) error {
	for _, q := range questions() {
		if !q.must {
			continue
		}
		if err := r.put(ctx, q); err != nil {
			return fmt.Errorf("router: ask %s: %w", q.path, err)
		}
	}
	if err := r.greet(ctx); err != nil {
		return err
	}
	for _, q := range questions() {
		if q.must || !r.wanted(q) {
			continue
		}
		if err := r.put(ctx, q); lost(err) {
			return r.soft(ctx)
		}
	}
	return r.learnChannels(ctx)
}

// greet takes in what the router said of itself at the login.
func (r *router) greet(ctx context.Context) error {
	hello := r.web.greeting(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.hello = hello
	if r.s.mac() == "" {
		return fmt.Errorf("router: %s does not tell its own MAC: is it a Xiaomi router? %w", r.addr, mi.ErrProtocol)
	}
	return nil
}

// soft is the end of a round in which something that can wait was not answered.
func (r *router) soft(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return nil
}

// shape builds the router's sheet once all that it depends on was answered. It
// needs the mutex.
func (r *router) shape() {
	if r.own != nil {
		return
	}
	for _, q := range questions() {
		if q.shape && !r.said[q.path] && !r.spared(q) {
			return
		}
	}
	for _, name := range bands() {
		_, have := r.s.radios[name]
		_, known := r.s.channels[name]
		if r.writes && have && !known {
			return
		}
	}
	r.own = routerSheet(r.s.model(), &r.s, r.writes)
}

// model is the router's model in the form of Xiaomi's cloud.
func (s *state) model() string {
	if m := string(s.hello.Model); strings.Count(m, ".") == 2 {
		return m
	}
	return hardwareModel(cmp.Or(string(s.hello.Hardware), string(s.status.Hardware.it.Platform)))
}

func hardwareModel(hardware string) string {
	name := strings.ToLower(strings.TrimSpace(hardware))
	if name == "" || strings.ContainsAny(name, " ./#+") {
		name = "unknown"
	}
	return "xiaomi.router." + name
}

func (s *state) firmware() string {
	return cmp.Or(string(s.status.Hardware.it.Version), string(s.hello.Firmware))
}

// did names what has a MAC on this network.
func did(mac string) string {
	if mac == "" {
		return ""
	}
	return didPrefix + strings.ReplaceAll(mac, ":", "")
}

// macOf returns the MAC in a DID of this driver; "" when it is none.
func macOf(did string) string {
	mac, ok := strings.CutPrefix(did, didPrefix)
	if !ok {
		return ""
	}
	return cleanMAC(mac)
}

// infos returns who the router, its mesh nodes and the chosen clients are.
func (r *router) infos() []mi.Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.info()
	if own.DID == "" {
		return nil
	}
	out := []mi.Info{own}
	for _, p := range r.s.sorted() {
		switch {
		case p.mac == own.MAC, !p.listed:
		case p.node:
			out = append(out, r.nodeInfo(p, own.DID))
		case r.picks.take(p):
			out = append(out, mi.Info{DID: did(p.mac), Model: clientModel, Name: cmp.Or(p.name, p.mac), Parent: own.DID})
		}
	}
	return out
}

// info needs the mutex.
func (r *router) info() mi.Info {
	mac := r.s.mac()
	return mi.Info{
		DID: did(mac), Model: r.s.model(), Name: label(r.config.Name, string(r.s.hello.Name), "Router"), MAC: mac, Addr: r.addr,
		Firmware: r.s.firmware(), Hardware: cmp.Or(string(r.s.status.Hardware.it.Platform), string(r.s.hello.Hardware)),
	}
}

// nodeInfo needs the mutex. Its model is that of the map of the mesh, where that
// shows the node.
func (r *router) nodeInfo(p *presence, parent string) mi.Info {
	hardware := string(r.s.graph[p.ip].Hardware)
	return mi.Info{
		DID: did(p.mac), Model: hardwareModel(hardware), Name: cmp.Or(p.name, p.mac), MAC: p.mac, Parent: parent, Hardware: hardware,
	}
}

// stale has the networks and the light read anew by the next round.
func (r *router) stale() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = time.Time{}
	for _, q := range questions() {
		if q.shape && !r.refused(q.path) {
			delete(r.due, q.path)
		}
	}
}

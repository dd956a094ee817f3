// Package router is a Mi router that is not there: the pages behind its admin login,
// and people who come and go.
package router

import (
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// Options say how a virtual router is built.
type Options struct {
	Address  string    // host:port; "" is a free port of 127.0.0.1
	Password mi.Secret // of its admin page; "" is "virtual"
	Modern   bool      // firmware that wants SHA-256
	Shy      bool      // does not say which hash it wants, as some firmware
	Clients  int       // on its network; 0 is 8
	Nodes    int       // of the mesh besides the router
	Still    bool      // nobody comes and goes by himself
	Speed    float64   // of their life; 0 is 1
	// Moved is told who came or went by himself; it may be nil.
	Moved func(mac string, there bool)
}

// Router is a virtual Xiaomi router with a mesh and clients that come and go. It
// speaks the HTTP API of MiWiFi.
type Router struct {
	world    mi.World
	o        Options
	listener net.Listener
	server   *http.Server
	boot     time.Time

	mu       sync.Mutex // guards the fields below
	nonces   map[string]bool
	token    string
	logins   int
	refused  int
	total    int
	every    int // answers only each n-th request; 0 answers all
	mute     bool
	closed   chan struct{}
	led      bool
	reboots  int
	networks []*network
	nodes    []*guest
	guests   []*guest
	steps    uint64
}

// network is one Wi-Fi network of a router.
type network struct {
	ifname, ssid, password string
	index, channel         int
	on                     bool
}

// guest is a client of the network or a node of the mesh.
type guest struct {
	mac, name, ip, parent string
	kind                  int // 0 cable, 1 2.4 GHz, 2 5 GHz, 3 guest network
	there                 bool
}

// New builds a router and opens its port. Run lets it answer; Close is for
// one that never runs.
func New(w mi.World, o Options) (*Router, error) {
	o.Address = cmp.Or(o.Address, "127.0.0.1:0")
	o.Password = cmp.Or(o.Password, "virtual")
	o.Clients = cmp.Or(o.Clients, 8)
	l, err := w.Net.Listen(context.Background(), o.Address)
	if err != nil {
		return nil, err
	}
	r := &Router{
		world: w, o: o, listener: l, boot: time.Now(), nonces: map[string]bool{}, closed: make(chan struct{}), led: true,
		networks: []*network{
			{ifname: "wl1", ssid: "Virtual home", password: "virtual wifi secret", index: 1, channel: 6, on: true},
			{ifname: "wl0", ssid: "Virtual home 5G", password: "virtual wifi secret", index: 2, channel: 44, on: true},
			{ifname: "wl14", ssid: "Virtual guests", password: "virtual guest secret", index: 3},
		},
	}
	r.furnish()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	return r, nil
}

func (r *Router) furnish() {
	for i := range r.o.Nodes {
		r.nodes = append(r.nodes, &guest{
			mac: fmt.Sprintf("5A:CB:52:00:01:%02X", i), name: fmt.Sprintf("Mesh %d", i+1), ip: fmt.Sprintf("192.168.31.%d", 2+i), there: true,
		})
	}
	names := []string{"Anna's phone", "Ben's phone", "Laptop", "Television", "Tablet", "Printer", "Game console", "Guest's phone"}
	for i := range r.o.Clients {
		g := &guest{
			mac: fmt.Sprintf("5A:CB:52:01:%02X:%02X", i>>8, i&255), name: names[i%len(names)], ip: fmt.Sprintf("192.168.%d.%d", 32+i/250, 1+i%250),
			kind: []int{2, 1, 2, 0}[i%4], there: i%3 != 2,
		}
		if n := i / len(names); n > 0 {
			g.name = fmt.Sprintf("%s %d", g.name, n+1)
		}
		if len(r.nodes) > 0 && i%2 == 1 {
			g.parent = r.nodes[i/2%len(r.nodes)].mac
		}
		r.guests = append(r.guests, g)
	}
}

// Addr returns the host:port of the admin page.
func (r *Router) Addr() string { return r.listener.Addr().String() }

// MAC returns the router's own.
func (r *Router) MAC() string { return "5A:CB:52:00:00:01" }

// Run answers, and lets clients come and go, until ctx ends.
func (r *Router) Run(ctx context.Context) error {
	var living sync.WaitGroup
	living.Go(func() {
		r.live(ctx)
		_ = r.Close()
	})
	err := r.server.Serve(r.listener)
	living.Wait()
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Close takes the router off the network.
func (r *Router) Close() error {
	r.mu.Lock()
	select {
	case <-r.closed:
	default:
		close(r.closed)
	}
	r.mu.Unlock()
	return errors.Join(r.listener.Close(), r.server.Close())
}

// live lets one client come or go now and then.
func (r *Router) live(ctx context.Context) {
	t := time.NewTicker(nature.Faster(20*time.Second, r.o.Speed))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.closed:
			return
		case <-t.C:
			if !r.o.Still {
				r.stir()
			}
		}
	}
}

// stir lets one client come or go.
func (r *Router) stir() {
	r.mu.Lock()
	r.steps++
	g := r.guests[nature.Roll(r.world.Seed, "router", r.steps)%uint64(len(r.guests))]
	g.there = !g.there
	mac, there := g.mac, g.there
	r.mu.Unlock()
	if r.o.Moved != nil {
		r.o.Moved(mac, there)
	}
}

// Clients returns the MACs of all clients.
func (r *Router) Clients() []string {
	out := make([]string, len(r.guests))
	for i, g := range r.guests {
		out[i] = g.mac
	}
	return out
}

// Move lets the i-th client come or go.
func (r *Router) Move(i int, there bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.guests[i].there = there
}

// Lose lets the i-th node of the mesh fail or return.
func (r *Router) Lose(i int, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes[i].there = !lost
}

// EndSession makes the router forget the token that it gave.
func (r *Router) EndSession() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.token = ""
}

// Mute makes the router take requests and never answer.
func (r *Router) Mute() { r.Answer(-1) }

// Answer makes the router answer only each n-th request and hang on the others; 1
// answers all.
func (r *Router) Answer(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mute, r.every = n < 0, max(n, 1)
}

// Counters count what a router was asked.
type Counters struct {
	Requests, Logins, Refused, Reboots int
}

// Counters returns the counts since New.
func (r *Router) Counters() Counters {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Counters{r.total, r.logins, r.refused, r.reboots}
}

// Network is what a router's Wi-Fi network is set to.
type Network struct {
	SSID     string
	Password mi.Secret
	Channel  int
	On       bool
}

// Network returns the network of that ifname: wl1 2.4 GHz, wl0 5 GHz, wl14 guests.
func (r *Router) Network(ifname string) Network {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.network(ifname); n != nil {
		return Network{n.ssid, mi.Secret(n.password), n.channel, n.on}
	}
	return Network{}
}

// LED reports whether the light is on.
func (r *Router) LED() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.led
}

func (r *Router) network(ifname string) *network {
	for _, n := range r.networks {
		if n.ifname == ifname {
			return n
		}
	}
	return nil
}

// proof is what the router expects for its password.
func (r *Router) proof(nonce string) string {
	if r.o.Modern {
		inner := sha256.Sum256([]byte(r.o.Password.Reveal() + pageKey))
		outer := sha256.Sum256([]byte(nonce + hex.EncodeToString(inner[:])))
		return hex.EncodeToString(outer[:])
	}
	inner := sha1.Sum([]byte(r.o.Password.Reveal() + pageKey))
	outer := sha1.Sum([]byte(nonce + hex.EncodeToString(inner[:])))
	return hex.EncodeToString(outer[:])
}

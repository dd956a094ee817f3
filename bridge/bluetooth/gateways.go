package bluetooth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// DefaultFilter is where OpenMQTTGateway and Theengs publish unless told otherwise.
const DefaultFilter = "home/+/BTtoMQTT/#"

const (
	heardLevel  = "BTtoMQTT"       // the level of a topic behind the gateway's name
	quietAfter  = 10 * time.Minute // a gateway hears some device or other all the time
	checkEvery  = 30 * time.Second
	maxGateways = 256
	forget      = 24 * time.Hour // of a gateway that was taken away
)

// Gateways hears what OpenMQTTGateway and Theengs gateways publish on the broker,
// as many as there are.
type Gateways struct {
	bus    mi.Bus
	filter string
	log    zerolog.Logger
	state  Condition
	counts struct{ heard, retained, malformed, oversized, surplus atomic.Uint64 }

	mu  sync.Mutex
	all map[string]*gateway // by name
}

// gateway is one of them.
type gateway struct {
	last  time.Time
	gone  bool // it, or the broker for it, said so
	quiet bool // that it is gone or silent has been said
}

// Gateway is how things stand with one gateway.
type Gateway struct {
	Name  string
	Last  time.Time // when it was last heard
	Works bool
}

var _ mi.Receiver = (*Gateways)(nil)

// NewGateways returns a receiver of what matches filter, "" for DefaultFilter.
func NewGateways(bus mi.Bus, filter string, log zerolog.Logger) *Gateways {
	if filter == "" {
		filter = DefaultFilter
	}
	return &Gateways{bus: bus, filter: filter, log: log, all: map[string]*gateway{}}
}

// Name implements mi.Receiver.
func (g *Gateways) Name() string { return "MQTT gateways (" + g.filter + ")" }

// Hearing implements mi.Receiver. It names the gateways that have fallen silent,
// though others may work.
func (g *Gateways) Hearing() error {
	if err := g.state.Hearing(); err != nil {
		return err
	}
	all := g.Known()
	if len(all) == 0 {
		return fmt.Errorf("bluetooth: no gateway has published on %s yet: %w", g.filter, mi.ErrOffline)
	}
	var silent []string
	for _, one := range all {
		if !one.Works {
			silent = append(silent, one.Name)
		}
	}
	if len(silent) == 0 {
		return nil
	}
	return fmt.Errorf("bluetooth: gateway %s is silent, %d of %d work; check its power, its Wi-Fi and its connection to the broker: %w",
		strings.Join(silent, ", "), len(all)-len(silent), len(all), mi.ErrOffline)
}

// Known returns the gateways heard of so far, sorted by name.
func (g *Gateways) Known() []Gateway {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Gateway
	for _, name := range slices.Sorted(maps.Keys(g.all)) {
		one := g.all[name]
		out = append(out, Gateway{Name: name, Last: one.last, Works: one.works()})
	}
	return out
}

func (o *gateway) works() bool { return !o.gone && time.Since(o.last) < quietAfter }

// Counts returns how many messages came since the start, and how many of them were
// refused, by reason:
//
//	heard      adverts handed over
//	retained   kept by the broker: news of any age
//	malformed  no JSON object with an address
//	oversized  larger than any advert
//	surplus    of a gateway beyond the 256th
func (g *Gateways) Counts() map[string]uint64 {
	c := &g.counts
	return map[string]uint64{
		"heard": c.heard.Load(), "retained": c.retained.Load(), "malformed": c.malformed.Load(),
		"oversized": c.oversized.Load(), "surplus": c.surplus.Load(),
	}
}

// Listen implements mi.Receiver.
func (g *Gateways) Listen(ctx context.Context, heard func(mi.Advert)) error {
	var tasks sync.WaitGroup
	tasks.Go(func() {
		g.subscribe(ctx, g.filter, func(topic string, payload []byte, retained bool) { g.take(topic, payload, retained, heard) })
	})
	if words, ok := strings.CutSuffix(g.filter, "/"+heardLevel+"/#"); ok {
		tasks.Go(func() { g.subscribe(ctx, words+"/LWT", g.presence) })
	}
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			g.check()
		case <-ctx.Done():
			tasks.Wait()
			return nil
		}
	}
}

// subscribe listens to filter until ctx ends.
func (g *Gateways) subscribe(ctx context.Context, filter string, take func(string, []byte, bool)) {
	Keep(ctx, &g.state, g.log, func(ctx context.Context) error {
		if filter == g.filter {
			g.state.Set(nil)
		}
		return g.bus.Subscribe(ctx, filter, take)
	})
}

// take hands one message over.
func (g *Gateways) take(topic string, payload []byte, retained bool, heard func(mi.Advert)) {
	switch {
	case retained:
		g.counts.retained.Add(1)
		return
	case len(payload) > maxMessage:
		g.counts.oversized.Add(1)
		return
	}
	a, ok := parseMessage(topic, payload)
	if !ok {
		g.counts.malformed.Add(1)
		return
	}
	a.Receiver = gatewayOf(g.filter, topic)
	if !g.sign(a.Receiver) {
		g.counts.surplus.Add(1)
		return
	}
	g.counts.heard.Add(1)
	heard(a)
}

// sign notes that a gateway lives. It is false for one too many.
func (g *Gateways) sign(name string) bool {
	g.mu.Lock()
	one := g.all[name]
	if one == nil {
		if len(g.all) == maxGateways {
			g.mu.Unlock()
			return false
		}
		one = &gateway{}
		g.all[strings.Clone(name)] = one
	}
	first, back := one.last.IsZero(), one.quiet
	one.last, one.gone, one.quiet = time.Now(), false, false
	g.mu.Unlock()
	if first || back {
		g.log.Info().Str("gateway", name).Msg("Bluetooth gateway heard")
	}
	return true
}

// presence takes the words of a gateway, or its last will, on its own state.
func (g *Gateways) presence(topic string, payload []byte, _ bool) {
	name := gatewayOf(g.filter, topic)
	g.mu.Lock()
	if one := g.all[name]; one != nil {
		one.gone = string(payload) == "offline"
	}
	g.mu.Unlock()
	g.check()
}

// check tells once of each gateway that fell silent, and forgets the oldest.
func (g *Gateways) check() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(g.all)) {
		one := g.all[name]
		if !one.works() && !one.quiet {
			one.quiet = true
			g.log.Warn().Str("gateway", name).Dur("for", time.Since(one.last)).Msg("Bluetooth gateway is silent; check its power, its Wi-Fi and its connection to the broker")
		}
		if time.Since(one.last) > forget {
			delete(g.all, name)
		}
	}
}

// gatewayOf returns the gateway's name: the level of topic where filter has its
// first wildcard, else the one before BTtoMQTT.
func gatewayOf(filter, topic string) string {
	for {
		want, filterRest, more := strings.Cut(filter, "/")
		got, topicRest, _ := strings.Cut(topic, "/")
		if want == "+" || topicRest == "" || !more {
			return got
		}
		if next, _, _ := strings.Cut(topicRest, "/"); next == heardLevel {
			return got
		}
		filter, topic = filterRest, topicRest
	}
}

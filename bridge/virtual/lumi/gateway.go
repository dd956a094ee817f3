// Package lumi is a gateway of the first generation that is not there, with its
// Zigbee children and the protocol of its local network.
package lumi

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

const (
	gatewayPort = 9898
	whoisPort   = 4321
	group       = "224.0.0.50"
	beatEvery   = 10 * time.Second // of the gateway
	childEvery  = time.Hour        // of its children
)

// Options say how a gateway of the first generation is set up.
type Options struct {
	// Address is the gateway's own host:port; "" is a free port of 127.0.0.1.
	Address string
	// Unicast makes it report to everybody who asked it something, for networks
	// without multicast; it is then not found by whois.
	Unicast bool
	// Still stops its own life: nothing moves by itself.
	Still bool
	// Speed is how fast people walk through the house; 0 is 1.
	Speed float64
}

// Gateway is a gateway of the model v3 with six Zigbee children: motion, door,
// button, plug, thermometer and water leak sensor.
type Gateway struct {
	world mi.World
	o     Options
	sid   string
	key   string
	talk  mi.PacketConn
	ask   mi.PacketConn // whois; nil by unicast
	wg    sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	token string
	turns uint64 // tokens so far
	kids  []*child
	house map[string]any // the gateway's own fields
	peers []netip.AddrPort
	mute  bool
	wrote []string // accepted writes, "sid field=value"
}

// child is a Zigbee device of the gateway.
type child struct {
	sid, model string
	short      int
	name, room string
	fields     map[string]any
}

// New sets the gateway up and opens its sockets. Run lets it live; Close is
// for one that never runs.
func New(w mi.World, o Options) (*Gateway, error) {
	sum := md5.Sum(fmt.Appendf(nil, "virtual lumi %d", w.Seed))
	l := &Gateway{
		world: w, o: o, sid: "34ce00a1b2c3", key: hex.EncodeToString(sum[:8]),
		house: map[string]any{"rgb": uint32(0), "illumination": 503, "proto_version": "1.0.9"},
	}
	l.furnish("02a1b2") // who the devices are outlives a restart; their keys do not
	l.renew()
	if o.Address == "" {
		l.o.Address = "127.0.0.1:0"
	}
	return l, l.open()
}

func (l *Gateway) furnish(tail string) {
	for i, c := range []struct {
		model, name, room string
		fields            map[string]any
	}{
		{"sensor_motion.aq2", "Stairs motion", "Hall", map[string]any{"voltage": 3055, "lux": "87"}},
		{"magnet", "Kitchen window", "Kitchen", map[string]any{"voltage": 2985, "status": "close"}},
		{"switch", "Bedside button", "Bedroom", map[string]any{"voltage": 3032}},
		{"plug", "Coffee machine", "Kitchen", map[string]any{"voltage": 3600, "status": "off", "inuse": "0", "power_consumed": "12345", "load_power": "0.00"}},
		{"weather.v1", "Bathroom climate", "Bathroom", map[string]any{"voltage": 3005, "temperature": "2314", "humidity": "5523", "pressure": "101325"}},
		{"sensor_wleak.aq1", "Washing machine leak", "Bathroom", map[string]any{"voltage": 3015, "status": "no_leak"}},
	} {
		l.kids = append(l.kids, &child{
			sid: fmt.Sprintf("158d00%s%02x", tail, i+1), model: c.model, short: 4096 + i, name: c.name, room: c.room, fields: c.fields,
		})
	}
}

func (l *Gateway) open() error {
	ctx := context.Background()
	var err error
	if l.talk, err = l.world.Net.ListenUDP(ctx, l.o.Address); err != nil {
		return fmt.Errorf("virtual: lumi gateway: %w", err)
	}
	if l.o.Unicast {
		return nil
	}
	if err := l.listen(ctx); err != nil {
		return fmt.Errorf("virtual: lumi gateway: %w", errors.Join(err, l.Close()))
	}
	return nil
}

// listen opens the socket for whois on the interface of the gateway's address.
func (l *Gateway) listen(ctx context.Context) (err error) {
	group := netip.MustParseAddr(group)
	if l.ask, err = l.world.Net.ListenUDP(ctx, netip.AddrPortFrom(group, whoisPort).String()); err != nil {
		return err
	}
	cards, err := l.world.Net.Interfaces()
	if err != nil {
		return err
	}
	for _, c := range cards {
		if c.Prefix.Addr() == l.talk.LocalAddr().Addr() {
			return l.ask.Join(c, group)
		}
	}
	return fmt.Errorf("no interface has the address %s", l.talk.LocalAddr().Addr())
}

// Run lets the gateway answer and report until ctx ends.
func (l *Gateway) Run(ctx context.Context) error {
	l.wg.Go(func() { l.serve(l.talk) })
	if l.ask != nil {
		l.wg.Go(func() { l.serve(l.ask) })
	}
	l.live(ctx)
	err := l.Close()
	l.wg.Wait()
	return err
}

// Close takes the gateway off the network.
func (l *Gateway) Close() error {
	if l.ask != nil {
		return errors.Join(l.talk.Close(), l.ask.Close())
	}
	return l.talk.Close()
}

// Key is what the app shows as the key of the local network.
func (l *Gateway) Key() mi.Secret { return mi.Secret(l.key) }

// SID names the gateway.
func (l *Gateway) SID() string { return l.sid }

// Infos returns who the gateway and its children are, in the order in which the
// gateway lists them.
func (l *Gateway) Infos() []mi.Info {
	addr := l.talk.LocalAddr().String()
	out := []mi.Info{{DID: "lumi." + l.sid, Model: "lumi.gateway.v3", Addr: addr}}
	official := map[string]string{"magnet": "sensor_magnet", "switch": "sensor_switch", "weather.v1": "weather"}
	for _, c := range l.kids {
		model := c.model
		if m := official[model]; m != "" {
			model = m
		}
		out = append(out, mi.Info{DID: "lumi." + c.sid, Model: "lumi." + model, Parent: "lumi." + l.sid, Addr: addr})
	}
	return out
}

// Listed returns the same as an account lists it, with names and rooms.
func (l *Gateway) Listed() []mi.Info {
	out := l.Infos()
	out[0].Name, out[0].Room = "Zigbee gateway", "Hall"
	for i, c := range l.kids {
		out[i+1].Name, out[i+1].Room = c.name, c.room
	}
	return out
}

// Wrote returns the writes that the gateway took: "sid field=value".
func (l *Gateway) Wrote() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.wrote...)
}

// Mute makes the gateway silent, or talk again.
func (l *Gateway) Mute(mute bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = mute
}

// Report changes fields of a child, or of the gateway itself, and reports them.
// Fields that name an event ("click") are reported and not kept.
func (l *Gateway) Report(sid string, fields map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	model, short := "gateway", 0
	if c := l.child(sid); c != nil {
		model, short = c.model, c.short
		if model != "switch" && fields["no_motion"] == nil {
			maps.Copy(c.fields, fields)
		}
	} else {
		maps.Copy(l.house, fields)
	}
	l.tell(reportOf("report", model, sid, short, "", fields))
}

// Beat sends the heartbeat of a child, or of the gateway with a new token.
func (l *Gateway) Beat(sid string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.child(sid); c != nil {
		l.tell(reportOf("heartbeat", c.model, c.sid, c.short, "", c.fields))
		return
	}
	l.renew()
	ip := map[string]any{"ip": l.talk.LocalAddr().Addr().String()}
	l.tell(reportOf("heartbeat", "gateway", l.sid, 0, l.token, ip))
}

// child needs l.mu.
func (l *Gateway) child(sid string) *child {
	for _, c := range l.kids {
		if c.sid == sid {
			return c
		}
	}
	return nil
}

// renew draws the next token. It needs l.mu, but for a new gateway.
func (l *Gateway) renew() {
	l.turns++
	l.token = fmt.Sprintf("%016x", nature.Roll(l.world.Seed, "lumi token", l.turns))
}

// tell sends a report to everybody. It needs l.mu.
func (l *Gateway) tell(data []byte) {
	if l.mute {
		return
	}
	to := l.peers
	if !l.o.Unicast {
		to = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(group), gatewayPort)}
	}
	var out []mi.Packet
	for _, peer := range to {
		out = append(out, mi.Packet{Data: data, Addr: peer})
	}
	if len(out) > 0 {
		_ = l.talk.WriteBatch(out) // UDP promises nothing
	}
}

// live beats, and lets people walk through the house.
func (l *Gateway) live(ctx context.Context) {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	step := time.NewTicker(nature.Faster(beatEvery, l.o.Speed))
	defer step.Stop()
	l.Beat(l.sid)
	for beats, steps := uint64(0), uint64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			beats++
			l.pulse(beats)
		case <-step.C:
			steps++
			l.stir(steps)
		}
	}
}

// pulse is a heartbeat of the gateway, and once an hour of its children.
func (l *Gateway) pulse(n uint64) {
	l.Beat(l.sid)
	if n%uint64(childEvery/beatEvery) == 0 {
		for _, c := range l.kids {
			l.Beat(c.sid)
		}
	}
}

// stir lets something happen once in a while.
func (l *Gateway) stir(n uint64) {
	if l.o.Still {
		return
	}
	roll := nature.Roll(l.world.Seed, "lumi life", n)
	switch kids := l.kids; roll % 12 {
	case 0, 1, 2:
		l.Report(kids[0].sid, map[string]any{"status": "motion"})
		l.Report(kids[0].sid, map[string]any{"lux": fmt.Sprint(60 + roll>>8%90)})
	case 3:
		l.Report(kids[1].sid, map[string]any{"status": "open"})
	case 4:
		l.Report(kids[1].sid, map[string]any{"status": "close"})
	case 5:
		l.Report(kids[2].sid, map[string]any{"status": "click"})
	case 6:
		l.Report(kids[4].sid, map[string]any{"temperature": fmt.Sprint(2150 + roll>>8%250)})
		l.Report(kids[4].sid, map[string]any{"humidity": fmt.Sprint(4500 + roll>>8%900)})
	case 7:
		l.Report(l.sid, map[string]any{"rgb": l.rgb(), "illumination": 400 + int(roll>>8%300)})
	}
}

func (l *Gateway) rgb() any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.house["rgb"]
}

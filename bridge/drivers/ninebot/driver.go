// Package ninebot reads the vehicles of Segway and Ninebot, and the Mi scooters,
// over Bluetooth: it connects when one is near, reads and leaves. Nothing that
// drives a vehicle is ever written.
//
// Protocol facts: mjeronimo/minipro (Apache-2.0) for the mini, CamiAlfa's text on
// the M365 for its frames and registers, ownbee/ninebot-ble (MIT) for scales, and
// recorded sessions for the two kinds of encryption. None was tried on hardware.
package ninebot

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const didPrefix = "ninebot."

// Config is a vehicle that the user named.
type Config struct {
	Addr  mi.Address
	Name  string    // "" is what it advertises
	Kind  Kind      // "" finds it out
	Token mi.Secret // of a Mi scooter, 24 hexadecimal digits
	Pair  bool      // may be paired: a Ninebot scooter asks for its button, a Mi scooter leaves Xiaomi Home
}

// Options set up a Driver. Zero fields mean the default.
type Options struct {
	Receivers []mi.Receiver // tell what is near; without any, everything may be
	Centrals  []mi.Central  // the one whose name is the receiver's is preferred
	Vehicles  []Config
	All       bool          // also reads vehicles that nobody named
	Writes    bool          // lets scooters be locked and lit
	Interval  time.Duration // between visits; 5 min
	AwayAfter time.Duration // of silence; 3 min
	Memory    mi.Memory     // may be nil: then each start finds out kinds and pairs anew
	Log       zerolog.Logger
}

// Driver visits vehicles.
type Driver struct {
	o     Options
	born  time.Time
	count counters
	near  nearby

	mu   sync.Mutex // guards rand
	rand *rand.Rand
}

var _ mi.Driver = (*Driver)(nil)

// New returns a driver.
func New(w mi.World, o Options) *Driver {
	o.Interval = cmp.Or(o.Interval, 5*time.Minute)
	o.AwayAfter = cmp.Or(o.AwayAfter, 3*time.Minute)
	return &Driver{o: o, born: time.Now(), rand: w.Rand("ninebot"), near: nearby{
		away: o.AwayAfter, seen: map[mi.Address]sighting{}, sinks: map[mi.Address]mi.Sink{},
	}}
}

// Counts tells what went wrong with the vehicles' bytes.
func (d *Driver) Counts() Counts { return d.count.read() }

// Open implements mi.Driver. It takes the vehicles that Find reports.
func (d *Driver) Open(ctx context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	addr, err := addrOf(info.DID)
	if err != nil || len(d.o.Centrals) == 0 {
		return nil, fmt.Errorf("ninebot: open %s: no vehicle: %w", info.DID, mi.ErrUnsupported)
	}
	s := &session{d: d, did: info.DID, addr: addr, conf: d.config(addr), sink: sink, turn: make(chan struct{}, 1)}
	d.recall(s.did, &s.facts)
	s.facts.Kind = cmp.Or(s.conf.Kind, s.facts.Kind)
	if s.conf.Token != "" {
		s.facts.Kind = Secure
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	d.near.opened(addr, sink)
	return s, nil
}

// config returns what the user said of an address.
func (d *Driver) config(addr mi.Address) Config {
	for _, c := range d.o.Vehicles {
		if c.Addr == addr {
			return c
		}
	}
	return Config{Addr: addr}
}

// DID names the vehicle at an address.
func DID(addr mi.Address) string { return didPrefix + hex.EncodeToString(addr[:]) }

func addrOf(did string) (addr mi.Address, err error) {
	text, ok := strings.CutPrefix(did, didPrefix)
	b, err := hex.DecodeString(text)
	if !ok || err != nil || len(b) != len(addr) {
		return addr, fmt.Errorf("%q names no vehicle", did)
	}
	return mi.Address(b), nil
}

// mac spells an address as people do.
func mac(addr mi.Address) string { return net.HardwareAddr(addr[:]).String() }

// facts are what is remembered of a vehicle.
type facts struct {
	Kind Kind   `json:"kind,omitempty"`
	Name string `json:"name,omitempty"` // as advertised
	Key  string `json:"key,omitempty"`  // agreed on by pairing, in hex
}

// Private implements mi.Private.
func (facts) Private() {}

func (d *Driver) recall(did string, f *facts) {
	if d.o.Memory != nil {
		d.o.Memory.Load(memoryName(did), f)
	}
}

func (d *Driver) remember(did string, f facts) {
	if d.o.Memory != nil {
		d.o.Memory.Save(memoryName(did), f)
	}
}

func memoryName(did string) string { return "ninebot-" + strings.TrimPrefix(did, didPrefix) }

// draw returns random bytes.
func (d *Driver) draw(n int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return draw(d.rand, n)
}

// source returns a random source of its own.
func (d *Driver) source() *rand.Rand {
	d.mu.Lock()
	defer d.mu.Unlock()
	return rand.New(rand.NewPCG(d.rand.Uint64(), d.rand.Uint64()))
}

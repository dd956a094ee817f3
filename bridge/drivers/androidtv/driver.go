// Package androidtv speaks with TVs, sticks and boxes that run Android TV or Google
// TV, as all Xiaomi TVs outside China do: Android TV Remote v2, protobuf messages
// over TLS on port 6466, and on port 6467 the pairing with a code on the screen. The
// TV reports by itself whether it is on, its volume and the app in front. Facts of
// the protocol are those that androidtvremote2 shows.
package androidtv

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Port is where the TVs are operated; they pair on the next one.
const Port = 6466

const didPrefix = "atv."

// Config is a TV that the user named.
type Config struct {
	Addr string // host, or host:port
	MAC  string // by which it is woken when its network sleeps; "" for never
	Name string // "" is what the TV calls itself
}

// Options set up a Driver.
type Options struct {
	TVs        []Config
	Memory     mi.Memory // keeps the bridge's key, so that TVs need not be paired again; may be nil
	Log        zerolog.Logger
	Interfaces []string // names of those to find and wake TVs on; empty is all but loopback
	NoFind     bool     // neither mDNS nor broadcast: only TVs that are known, where they are known to be
	WakePort   uint16   // of magic packets; 0 is the usual one
}

// Driver finds TVs and talks with them.
type Driver struct {
	w mi.World
	o Options

	mu       sync.Mutex       // guards the fields below
	key      *tls.Certificate // nil until a TV needs it
	sessions map[string]*session
}

var _ mi.Driver = (*Driver)(nil)

// New returns a driver.
func New(w mi.World, o Options) *Driver {
	if o.WakePort == 0 {
		o.WakePort = lan.WakePort
	}
	return &Driver{w: w, o: o, sessions: map[string]*session{}}
}

// Open implements mi.Driver. It takes the TVs that Find reports, which have an
// address.
func (d *Driver) Open(_ context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	if !strings.HasPrefix(info.DID, didPrefix) || info.Addr == "" {
		return nil, fmt.Errorf("androidtv: open %s: no Android TV: %w", info.DID, mi.ErrUnsupported)
	}
	s := newSession(d, info, sink)
	d.mu.Lock()
	d.sessions[info.DID] = s
	d.mu.Unlock()
	s.tasks.Go(s.keep)
	return s, nil
}

// closed forgets a session, unless another has taken its place.
func (d *Driver) closed(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions[s.did] == s {
		delete(d.sessions, s.did)
	}
}

// interfaces returns those to find and wake TVs on.
func (d *Driver) interfaces() []mi.Interface {
	if d.o.NoFind {
		return nil
	}
	all, err := d.w.Net.Interfaces()
	if err != nil {
		d.o.Log.Warn().Err(err).Msg("cannot look for Android TVs")
	}
	return mi.Outward(all, d.o.Interfaces)
}

func memoryName(did string) string { return "androidtv-" + strings.TrimPrefix(did, didPrefix) }

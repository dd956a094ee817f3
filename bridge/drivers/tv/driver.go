// Package tv speaks with Xiaomi TVs and boxes that run MIUI TV: unencrypted HTTP
// on port 6095, and Wake-on-LAN for a TV that is off.
package tv

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Port is where the TVs listen.
const Port = "6095"

const didPrefix = "mitv."

// Config is a TV that the user named.
type Config struct {
	Addr string // host, or host:port
	MAC  string // by which it is woken; "" to ask the TV while it is on
	Name string // "" is what the TV calls itself
}

// Options set up a Driver.
type Options struct {
	TVs        []Config
	Memory     mi.Memory // may be nil: then a TV must be on when the bridge starts
	Log        zerolog.Logger
	Interfaces []string // names of those to find and wake TVs on; empty is all but loopback
	NoFind     bool     // neither mDNS nor broadcast: only TVs that are known, where they are known to be
	WakePort   uint16   // of magic packets; 0 is 9
	// Known returns devices that are known otherwise, such as by the account: where one
	// may be a TV, it is asked. It may be nil.
	Known func() []mi.Info
	// Rouse switches on the TV at a host, or with one of these MAC addresses, by another
	// way than a magic packet. It may be nil.
	Rouse func(ctx context.Context, host string, macs []string) error
}

// Driver finds TVs and talks with them.
type Driver struct {
	w mi.World
	o Options
}

var _ mi.Driver = (*Driver)(nil)

// New returns a driver.
func New(w mi.World, o Options) *Driver {
	if o.WakePort == 0 {
		o.WakePort = lan.WakePort
	}
	return &Driver{w: w, o: o}
}

// Open implements mi.Driver. It takes the TVs that Find reports, which have an
// address.
func (d *Driver) Open(_ context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	if !strings.HasPrefix(info.DID, didPrefix) || info.Addr == "" {
		return nil, fmt.Errorf("tv: open %s: no TV: %w", info.DID, mi.ErrUnsupported)
	}
	s := &session{d: d, did: info.DID, addr: spellAddr(info.Addr), mac: info.MAC, sink: sink}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// interfaces returns those to find and wake TVs on.
func (d *Driver) interfaces() []mi.Interface {
	if d.o.NoFind {
		return nil
	}
	all, err := d.w.Net.Interfaces()
	if err != nil {
		d.o.Log.Warn().Err(err).Msg("cannot look for TVs")
	}
	return mi.Outward(all, d.o.Interfaces)
}

// recall fills f with what the TV had when it was last on.
func (d *Driver) recall(did string, f *facts) bool {
	return d.o.Memory != nil && d.o.Memory.Load(memoryName(did), f)
}

func memoryName(did string) string { return "tv-" + strings.TrimPrefix(did, didPrefix) }

func (d *Driver) remember(did string, f facts) {
	if d.o.Memory != nil {
		d.o.Memory.Save(memoryName(did), f)
	}
}

// inspect asks a TV who it is.
func inspect(ctx context.Context, ask func(ctx context.Context, call string) (json.RawMessage, error)) (mi.Info, facts, error) {
	data, err := ask(ctx, callAlive)
	if err != nil {
		return mi.Info{}, facts{}, err
	}
	who, err := parseIdentity(data)
	if err != nil {
		return mi.Info{}, facts{}, fmt.Errorf("tv: identity: %w", err)
	}
	f := facts{Name: who.Name, Platform: who.Platform.String(), Version: clean(who.Version.String())}
	data, err = ask(ctx, callSystem)
	if err == nil {
		var sys system
		if sys, err = parseSystem(data); err == nil {
			f.EthMAC, f.WifiMAC = sys.EthMAC, sys.WifiMAC
		}
	}
	if err != nil && !refused(err) {
		return mi.Info{}, facts{}, err
	}
	info := mi.Info{Name: f.Name, Model: f.model(), Firmware: f.Version}
	if macs := f.macs(""); len(macs) > 0 {
		info.MAC = macs[0].String()
	}
	return info, f, nil
}

// didOf names a TV for good: by its MAC address, or by where it is if it tells
// none.
func didOf(mac, addr string) string {
	if m, ok := lan.ParseMAC(mac); ok {
		return didPrefix + hex.EncodeToString(m[:])
	}
	h := fnv.New64a()
	h.Write([]byte(addr))
	return fmt.Sprintf("%s%016x", didPrefix, h.Sum64())
}

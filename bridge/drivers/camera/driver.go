// Package camera speaks with Yi action cameras, and cameras of drones that share
// their protocol: a session of JSON messages over TCP port 7878. It is
// experimental: written from public descriptions, without a camera at hand. It
// knows the camera only, nothing of flying.
package camera

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Port is where the cameras listen.
const Port = "7878"

const (
	didPrefix = "camera."
	findEvery = time.Minute
)

// Config is a camera that the user named. Cameras do not announce themselves.
type Config struct {
	Addr string // host, or host:port
	Name string // "" is "Camera (experimental)"
}

// Options set up a Driver.
type Options struct {
	Cameras []Config
	Log     zerolog.Logger
}

// Driver talks with the configured cameras.
type Driver struct {
	w mi.World
	o Options
}

var _ mi.Driver = (*Driver)(nil)

// New returns a driver.
func New(w mi.World, o Options) *Driver { return &Driver{w: w, o: o} }

// Find implements mi.Driver: it names the configured cameras, whether they are
// there or not, and asks nobody.
func (d *Driver) Find(ctx context.Context, found func(mi.Info)) error {
	tick := time.NewTicker(findEvery)
	defer tick.Stop()
	for {
		for _, c := range d.o.Cameras {
			addr := spellAddr(c.Addr)
			found(mi.Info{DID: DID(addr), Addr: addr, Name: cmp.Or(c.Name, deviceText), Model: model})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Open implements mi.Driver. It takes the cameras that Find reports, which have an
// address.
func (d *Driver) Open(_ context.Context, info mi.Info, sink mi.Sink) (mi.Link, error) {
	if !strings.HasPrefix(info.DID, didPrefix) || info.Addr == "" {
		return nil, fmt.Errorf("camera: open %s: no camera: %w", info.DID, mi.ErrUnsupported)
	}
	s := &session{d: d, addr: spellAddr(info.Addr), sink: sink, turn: make(chan struct{}, 1)}
	s.spec = newSpec()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// DID names the camera at an address, host or host:port, for good: by its host.
// Cameras tell no number that all of them have.
func DID(addr string) string {
	host, _, err := net.SplitHostPort(spellAddr(addr))
	if err != nil {
		host = addr
	}
	h := fnv.New64a()
	h.Write([]byte(host))
	return fmt.Sprintf("%s%016x", didPrefix, h.Sum64())
}

// spellAddr writes host or host:port as host:port.
func spellAddr(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil || addr == "" {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), Port)
}

// streamOf returns where the camera shows what it sees.
func streamOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return "rtsp://" + host + "/live"
}

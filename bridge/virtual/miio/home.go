// Package miio is a home of devices that are not there and speak the real miIO and
// MIoT protocols on any mi.Network: home.go has many of them, device.go and miio.go one
// and its messages, miot.go and legacy.go the two languages, model.go the table of
// models, each of which has a life of its own in a file of its name.
package miio

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// Options say how a home is furnished.
type Options struct {
	// Models are the devices, one of each entry; empty means one of every model.
	Models []string
	// Count makes this many devices, going round Models, for load; 0 means one
	// of each.
	Count int
	// First is the did of the first device, from which the others count on; 0 lets
	// the home choose dids of all sizes.
	First uint64
	// Still stops the devices' own life: values change by orders only.
	Still bool
	// Speed is how fast their life goes; 0 is 1, real time.
	Speed float64
	// Address returns the host:port of the i-th device; nil means a free port of
	// 127.0.0.1.
	Address func(i int) string
	// Recorder takes down what happens; nil means nobody does.
	Recorder history.Recorder
}

// Loopback gives the i-th device an address of its own on the loopback network
// with the port that clients expect, 54321.
func Loopback(i int) string {
	n := i + 1
	return fmt.Sprintf("127.%d.%d.%d:54321", 10+n>>16, n>>8&255, n&255)
}

const (
	firstDID = 460_000_000
	bigDID   = 2_500_000_000 // above 2^31, as newer devices have it
	tick     = time.Second
)

// Home is a set of virtual devices.
type Home struct {
	world    mi.World
	recorder history.Recorder
	still    bool
	speed    float64
	devices  []*Device
	byDID    map[string]*Device
	specs    map[string]*instance

	wg      sync.WaitGroup
	running atomic.Bool
}

// New furnishes a home and opens its sockets. Run lets it live; Close is for a
// home that never runs.
func New(w mi.World, o Options) (*Home, error) {
	h := &Home{world: w, recorder: o.Recorder, still: o.Still, speed: o.Speed, byDID: map[string]*Device{}, specs: map[string]*instance{}}
	if h.recorder == nil {
		h.recorder = nobody{}
	}
	if h.speed == 0 {
		h.speed = 1
	}
	models, err := choose(o)
	if err != nil {
		return nil, err
	}
	for i, m := range models {
		if err := h.add(i, m, o); err != nil {
			return nil, errors.Join(err, h.Close())
		}
	}
	return h, nil
}

// choose returns the model of every device.
func choose(o Options) ([]*model, error) {
	all := catalogue()
	var models []*model
	for _, name := range o.Models {
		found := false
		for _, m := range all {
			if m.name == name {
				models, found = append(models, m), true
			}
		}
		if !found {
			return nil, fmt.Errorf("virtual: model %q: there is none; the models are %v", name, Models())
		}
	}
	if len(o.Models) == 0 {
		models = all
	}
	for i := 0; len(models) < o.Count; i++ {
		models = append(models, models[i])
	}
	if o.Count > 0 {
		models = models[:o.Count]
	}
	return models, nil
}

func (h *Home) add(i int, m *model, o Options) error {
	info := h.identity(i, m, o.First)
	d, err := newDevice(h, m, info)
	if err != nil {
		return err
	}
	addr := "127.0.0.1:0"
	if o.Address != nil {
		addr = o.Address(i)
	}
	if err := d.Move(context.Background(), addr); err != nil {
		return err
	}
	h.devices = append(h.devices, d)
	h.byDID[info.DID] = d
	return nil
}

// identity makes up who the i-th device is, from the seed and first did alone.
func (h *Home) identity(i int, m *model, first uint64) mi.Info {
	did := first + uint64(i)
	if first == 0 {
		did = firstDID + uint64(i)
		if i%8 == 7 {
			did = bigDID + uint64(i)
		}
	}
	name := m.label
	if n := i / len(catalogue()); n > 0 {
		name += " " + strconv.Itoa(n+1)
	}
	sum := md5.Sum(fmt.Appendf(nil, "virtual %d %d", h.world.Seed, did))
	return mi.Info{
		DID:      strconv.FormatUint(did, 10),
		Model:    m.name,
		Name:     name,
		Room:     m.room,
		MAC:      macOf(first, i),
		Firmware: m.firmware,
		Token:    mi.Secret(hex.EncodeToString(sum[:])),
	}
}

// macOf is the address of the i-th device. Homes that count from different dids
// have different ones.
func macOf(first uint64, i int) string {
	n := first + uint64(i)
	prefix := "02:4d"
	if first > 0 {
		prefix = "02:4e"
	}
	return fmt.Sprintf("%s:%02x:%02x:%02x:%02x", prefix, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// spec loads the spec of a MIoT model once for all its devices.
func (h *Home) spec(m *model) (*instance, error) {
	if s, ok := h.specs[m.name]; ok {
		return s, nil
	}
	if m.oldOnly() {
		return nil, nil
	}
	s, err := loadSpec(m.name)
	if err == nil {
		h.specs[m.name] = s
	}
	return s, err
}

// Infos returns who the devices are and where they can be reached now, with
// their tokens, in the order in which they were made.
func (h *Home) Infos() []mi.Info {
	out := make([]mi.Info, len(h.devices))
	for i, d := range h.devices {
		out[i] = d.Info()
	}
	return out
}

// Devices returns all devices, in the order of Infos.
func (h *Home) Devices() []*Device { return append([]*Device(nil), h.devices...) }

// Device returns the device with that did, or nil.
func (h *Home) Device(did string) *Device { return h.byDID[did] }

// Run lets the devices live and answer until ctx ends.
func (h *Home) Run(ctx context.Context) error {
	h.running.Store(true)
	for _, d := range h.devices {
		d.confess()
		d.mu.Lock()
		conn := d.conn
		d.mu.Unlock()
		h.wg.Go(func() { d.serve(conn) })
	}
	h.live(ctx)
	err := h.Close()
	h.wg.Wait()
	return err
}

// live lets time go by.
func (h *Home) live(ctx context.Context) {
	if h.still {
		<-ctx.Done()
		return
	}
	// Off the second, so that no step falls on the instant of somebody's timer.
	offset := time.NewTimer(time.Duration(nature.Roll(h.world.Seed, "tick") % uint64(tick)))
	defer offset.Stop()
	select {
	case <-ctx.Done():
		return
	case <-offset.C:
	}
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			for _, d := range h.devices {
				d.live(time.Duration(float64(tick) * h.speed))
			}
		}
	}
}

func (d *Device) live(dt time.Duration) {
	if d.model.step == nil {
		return
	}
	d.mu.Lock()
	d.model.step(d, dt)
	out := d.pushes()
	d.mu.Unlock()
	d.send(out)
}

// Close takes every device off the network.
func (h *Home) Close() error {
	for _, d := range h.devices {
		d.close()
	}
	return nil
}

// dice rolls for one device.
func (h *Home) dice(did uint64, about string, n ...uint64) uint64 {
	return nature.Roll(h.world.Seed, about, append([]uint64{did}, n...)...)
}

// clock is the wall clock, which a cooker shows.
func (h *Home) clock() time.Time {
	if h.world.Now == nil {
		return time.Now()
	}
	return h.world.Now()
}

// nobody records nothing.
type nobody struct{}

func (nobody) Record(history.Entry) {}

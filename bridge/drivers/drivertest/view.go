package drivertest

import (
	"slices"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// View is what a home shows: it remembers what became of the devices.
type View struct {
	// Plan is what is read; when it is empty, everything that can be.
	Plan device.Plan

	mu     sync.Mutex // guards the fields below
	online map[string]bool
	lost   map[string]int        // did → how often
	first  map[string][]mi.Value // values of the first property
}

var _ device.View = (*View)(nil)

// Opened implements device.View.
func (v *View) Opened(_ *device.Device, spec *mi.Spec) device.Plan {
	plan := v.Plan
	if spec == nil || len(plan.Fast)+len(plan.Slow) > 0 {
		return plan
	}
	for i, p := range spec.Props {
		if p.Access&mi.Read != 0 {
			plan.Fast = append(plan.Fast, i)
		}
	}
	return plan
}

// Changed implements device.View.
func (v *View) Changed(d *device.Device, changes []mi.Change) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.first == nil {
		v.first = map[string][]mi.Value{}
	}
	for _, c := range changes {
		if did := d.Info().DID; c.Prop == 0 {
			v.first[did] = append(v.first[did], c.Value)
		}
	}
	return false
}

// Happened implements device.View.
func (v *View) Happened(*device.Device, mi.Happening) {}

// Removed implements device.View.
func (v *View) Removed(*device.Device) {}

// Status implements device.View.
func (v *View) Status(d *device.Device, s device.Status) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.online == nil {
		v.online, v.lost = map[string]bool{}, map[string]int{}
	}
	did := d.Info().DID
	if v.online[did] && !s.Online {
		v.lost[did]++
	}
	v.online[did] = s.Online
}

// Online reports whether a device is there.
func (v *View) Online(did string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.online[did]
}

// Up counts the devices that are there.
func (v *View) Up() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, on := range v.online {
		if on {
			n++
		}
	}
	return n
}

// Lost counts how often a device became unavailable, or "" all of them.
func (v *View) Lost(did string) (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for one, times := range v.lost {
		if did == "" || did == one {
			n += times
		}
	}
	return n
}

// First returns every value that the first property of a device had.
func (v *View) First(did string) []mi.Value {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.first[did])
}

// Order gives an order to a device and waits for its end.
func Order(d *device.Device, o mi.Order) error {
	done := make(chan error, 1)
	d.Do(device.Request{Order: o, Cause: "test", Done: func(_ []mi.Value, err error) { done <- err }})
	return <-done
}

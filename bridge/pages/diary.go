package pages

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

const (
	keptChanges = 16  // of all devices, one of each
	keptEvents  = 20  // of one device
	longestArg  = 200 // bytes of an argument that is kept; a picture is longer
)

// diary keeps what happened lately.
type diary struct {
	now func() time.Time

	mu      sync.Mutex // guards the fields below
	changes []change   // newest last
	events  map[string][]web.Event
	orders  map[string]web.LastOrder
}

type change struct {
	device *device.Device
	spec   *mi.Spec
	prop   int
	at     time.Time
}

func newDiary(now func() time.Time) diary {
	return diary{now: now, events: map[string][]web.Event{}, orders: map[string]web.LastOrder{}}
}

// changed takes down that a device changed.
func (d *diary) changed(who *device.Device, changes []mi.Change) {
	if len(changes) != 1 { // a first read tells nothing new
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.changes {
		if d.changes[i].device == who {
			d.changes = append(d.changes[:i], d.changes[i+1:]...)
			break
		}
	}
	if len(d.changes) == keptChanges {
		copy(d.changes, d.changes[1:])
		d.changes = d.changes[:keptChanges-1]
	}
	d.changes = append(d.changes, change{who, who.Spec(), changes[0].Prop, d.now()})
}

// newest returns the last changes, newest first.
func (d *diary) newest() []change {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := slices.Clone(d.changes)
	slices.Reverse(out)
	return out
}

// happened takes down an event of a device.
func (d *diary) happened(id, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := append([]web.Event{{At: d.now(), Text: text}}, d.events[id]...)
	d.events[id] = all[:min(len(all), keptEvents)]
}

// ordered takes down how the last order of a device ended.
func (d *diary) ordered(id string, last web.LastOrder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orders[id] = last
}

// read returns the events of a device, newest first, and its last order, if any.
func (d *diary) read(id string) ([]web.Event, *web.LastOrder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	events := slices.Clone(d.events[id])
	if last, ok := d.orders[id]; ok {
		return events, &last
	}
	return events, nil
}

// forget drops what happened at a device.
func (d *diary) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.events, id)
	delete(d.orders, id)
}

// happening says what an event was, in the words of the spec.
func happening(spec *mi.Spec, h mi.Happening) string {
	e := &spec.Events[h.Event]
	parts := []string{cmp.Or(e.Text, string(e.Key))}
	for i, v := range h.Args {
		if i < len(e.Args) && v.Known() && len(v.String()) <= longestArg {
			parts = append(parts, spec.Props[e.Args[i]].Name+" "+v.String())
		}
	}
	return strings.Join(parts, ", ")
}

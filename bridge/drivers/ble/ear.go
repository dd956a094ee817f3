package ble

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	deafAfter = 5 * time.Minute // without an advertisement where there were
	rounds    = time.Second     // of the housekeeping
	saveEvery = 30 * time.Second
)

// ear is one receiver.
type ear struct {
	receiver mi.Receiver
	name     string
	heard    atomic.Uint64
	last     atomic.Int64 // when it heard something; 0 before the first
	deaf     atomic.Bool
}

func (e *ear) note(now time.Duration) {
	e.heard.Add(1)
	e.last.Store(max(1, int64(now)))
}

const maxEars = 256 // receivers that others stand for

// earOf returns the receiver that heard an advertisement: e, or one that e stands
// for, such as a gateway on the broker.
func (d *Driver) earOf(e *ear, name string) *ear {
	if name == "" || name == e.name {
		return e
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if there := d.behind[name]; there != nil {
		return there
	}
	if len(d.behind) >= maxEars {
		return e
	}
	there := &ear{receiver: e.receiver, name: name}
	d.behind[name] = there
	return there
}

// everyEar lists the receivers, and those that they stand for by name.
func (d *Driver) everyEar() []*ear {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.Clone(d.ears)
	for _, name := range slices.Sorted(maps.Keys(d.behind)) {
		all = append(all, d.behind[name])
	}
	return all
}

// Receiver is how a receiver does.
type Receiver struct {
	Name   string
	Heard  uint64        // advertisements since the start
	Silent time.Duration // since the last; 0 before the first
	Deaf   bool          // it heard something once, and nothing for five minutes
	Err    error         // why it does not work; nil when it does
}

// Receivers tells how each receiver does.
func (d *Driver) Receivers() []Receiver {
	var out []Receiver
	for _, e := range d.everyEar() {
		r := Receiver{Name: e.name, Heard: e.heard.Load(), Deaf: e.deaf.Load(), Err: e.receiver.Hearing()}
		if last := e.last.Load(); last > 0 {
			r.Silent = d.now() - time.Duration(last)
		}
		out = append(out, r)
	}
	return out
}

// acquire begins to listen for the first user.
func (d *Driver) acquire() {
	d.turn.Lock()
	defer d.turn.Unlock()
	d.users++
	if d.users > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	d.mu.Lock()
	d.since, d.sure = d.now(), d.clean
	d.clean, d.dirty, d.urgent = false, true, true // until it ends in order
	d.mu.Unlock()
	for _, e := range d.ears {
		tasks.Go(func() { d.listen(ctx, e) })
	}
	tasks.Go(func() { d.keep(ctx) })
	d.stop = func() {
		cancel()
		tasks.Wait()
	}
}

// release stops listening when the last user leaves.
func (d *Driver) release() {
	d.turn.Lock()
	defer d.turn.Unlock()
	if d.users--; d.users > 0 {
		return
	}
	d.stop()
	d.close()
}

// doubtful reports whether a first frame may have been told already by a run that
// could not keep what it had heard.
func (d *Driver) doubtful(now time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.sure && now-d.since < grace
}

// listen keeps one receiver hearing: it comes back by itself, and when it gives
// up it is asked again.
func (d *Driver) listen(ctx context.Context, e *ear) {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		err := e.receiver.Listen(ctx, func(a mi.Advert) { d.heard(e, &a) })
		if ctx.Err() != nil {
			return
		}
		if wait == time.Second {
			d.o.Log.Warn().Err(err).Str("receiver", e.name).Msg("Bluetooth receiver does not work")
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// keep is the housekeeping: saving, telling of new specs, watching the receivers.
func (d *Driver) keep(ctx context.Context) {
	tick := time.NewTicker(rounds)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.watch()
			d.tellGrown()
			d.save(n%int(saveEvery/rounds) == 0)
		}
	}
}

// watch notices a receiver that died.
func (d *Driver) watch() {
	for _, e := range d.everyEar() {
		last := e.last.Load()
		if last == 0 {
			continue
		}
		deaf := d.now()-time.Duration(last) >= deafAfter
		if e.deaf.Swap(deaf) == deaf {
			continue
		}
		if deaf {
			d.o.Log.Warn().Err(e.receiver.Hearing()).Str("receiver", e.name).
				Msg("the Bluetooth receiver has gone quiet; devices heard by others are not affected")
		} else {
			d.o.Log.Info().Str("receiver", e.name).Msg("the Bluetooth receiver hears again")
		}
	}
}

// tellGrown tells of models whose devices have another spec.
func (d *Driver) tellGrown() {
	d.mu.Lock()
	grown := maps.Clone(d.grown)
	clear(d.grown)
	d.mu.Unlock()
	if d.o.Changed == nil {
		return
	}
	for model := range grown {
		d.o.Changed(model)
	}
}

// memoryName is the file of all records.
const memoryName = "ble"

// kept is what one run leaves to the next.
type kept struct {
	// Clean says that the run ended in order: nothing was heard since.
	Clean   bool              `json:"clean"`
	Devices map[string]record `json:"devices"`
}

// record is what the next run must know of a device.
type record struct {
	Product string   `json:"product"`          // model
	Counter uint32   `json:"counter"`          // the highest that was proved
	Proved  bool     `json:"proved,omitempty"` // it seals what it sends
	Last    uint64   `json:"last,omitempty"`   // hash of the newest frame
	Sheet   []string `json:"sheet,omitempty"`  // what it has beyond its kind
	// Values are the last ones of a device that speaks only when something happens:
	// they are true until it says otherwise.
	Values map[string]mi.Value `json:"values,omitempty"`
}

// save stores the records when that is due.
func (d *Driver) save(due bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.o.Memory == nil || !d.dirty || !due && !d.urgent {
		return
	}
	d.dirty, d.urgent = false, false
	d.o.Memory.Save(memoryName, kept{Devices: d.records})
}

// close stores the records as those of a run that ended in order.
func (d *Driver) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.o.Memory != nil {
		d.o.Memory.Save(memoryName, kept{Clean: true, Devices: d.records})
		d.clean = true
	}
}

// remember notes a record.
func (d *Driver) remember(addr string, r record, urgent bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.records[addr]; !ok && len(d.records) >= maxSenders {
		return
	}
	d.records[addr] = r
	d.dirty, d.urgent = true, d.urgent || urgent
}

// counters count what was not believed.
type counters struct {
	accepted, doubled, malformed, spoofed, mesh, keyless, forged, replayed, unsealed, crowded, unwanted atomic.Uint64
}

// Counters returns how many frames were taken, and how many were not, by the
// reason. Mesh devices and neighbours are no fault.
func (d *Driver) Counters() map[string]uint64 {
	c := &d.counts
	return map[string]uint64{
		"accepted": c.accepted.Load(), "doubled": c.doubled.Load(), "malformed": c.malformed.Load(), "spoofed": c.spoofed.Load(),
		"mesh": c.mesh.Load(), "key_missing": c.keyless.Load(), "forged": c.forged.Load(), "replayed": c.replayed.Load(),
		"not_sealed": c.unsealed.Load(), "crowded": c.crowded.Load(), "unwanted": c.unwanted.Load(),
	}
}

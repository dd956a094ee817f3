package cloud

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	eventsSuffix = ".events" // of the did of a device's log
	eventsPrefix = "events." // of its model: mapping files correct single ones
	eventsEvery  = 5 * time.Minute
	eventsGone   = time.Hour
	eventsBack   = 7 * 24 * time.Hour // how far the log is read
	eventsRead   = 5                  // entries of one event: which of them comes first is not certain
	maxLogged    = 100                // events of all devices together: a third of a request a second
)

// journal is when the events of a device last happened, as the account's log has it: a
// device of its own, whatever way the device itself is reached. They come late, so
// they are times that people can look at, never events that automations take for news.
type journal struct {
	of   *Device
	spec *mi.Spec
	keys []string // "siid.eiid" of each property's event
}

func (j *journal) did() string { return j.of.DID + eventsSuffix }

func (j *journal) info() mi.Info {
	return mi.Info{DID: j.did(), Model: j.spec.Model, Name: j.of.Name + " events (delayed)", Room: j.of.Room, Parent: j.of.DID}
}

// newJournals makes a log of every device whose events are wanted, in the order of
// their dids as far as the limit goes.
func (d *Driver) newJournals(k Known) map[string]*journal {
	if d.o.Events == nil || d.o.Specs == nil {
		return nil
	}
	before, out, logged := d.devices.Load().journals, map[string]*journal{}, 0
	for i := range k.Devices {
		known := &k.Devices[i]
		if !d.o.Events(known.Info) {
			continue
		}
		j := d.newJournal(known, before[known.DID+eventsSuffix])
		if j == nil {
			continue
		}
		if logged += len(j.keys); logged > maxLogged {
			d.crowded(known.DID)
			break
		}
		out[j.did()] = j
	}
	return out
}

// newJournal makes the log of a device; nil where its model has no events. Before is
// that of the last look: what did not change is the same spec.
func (d *Driver) newJournal(of *Device, before *journal) *journal {
	spec, err := d.o.Specs.Spec(context.Background(), of.Model)
	if err != nil || len(spec.Events) == 0 { // nothing is known of it yet, or it has none
		return nil
	}
	j := &journal{of: of, keys: make([]string, len(spec.Events))}
	for i, e := range spec.Events {
		j.keys[i] = fmt.Sprintf("%d.%d", e.SIID, e.EIID)
	}
	if before != nil && before.of.Model == of.Model && slices.Equal(before.keys, j.keys) {
		j.spec = before.spec
	} else {
		j.spec = eventsSpec(spec)
	}
	return j
}

// crowded says once that the log of some devices is not read.
func (d *Driver) crowded(did string) {
	if !d.full.Swap(true) {
		d.o.Log.Warn().Str("from", did).Int("events", maxLogged).Msg("too many events to ask for: those of this device and the following ones are left out; name fewer devices in MIHOME2MQTT_CLOUD_EVENTS")
	}
}

// eventsSpec describes when the events of a spec last happened.
func eventsSpec(of *mi.Spec) *mi.Spec {
	spec := &mi.Spec{
		Model: eventsPrefix + of.Model, Type: "event-log", Text: "Event log",
		Services: []mi.Service{{IID: 2, Name: "event-log", Vendor: true, Text: "Event log"}},
		Tuning:   mi.Tuning{Interval: eventsEvery, GoneAfter: eventsGone},
	}
	seen := map[string]int{}
	for _, e := range of.Events {
		name := e.Name
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, seen[name])
		}
		text := cmp.Or(e.Text, strings.ReplaceAll(e.Name, "-", " "))
		spec.Props = append(spec.Props, mi.Property{
			SIID: 2, PIID: e.SIID*1000 + e.EIID, Name: name, Vendor: true, Text: text + " (delayed)", Format: mi.FormatText, Access: mi.Read,
		})
	}
	spec.Join()
	return spec
}

// reader is the link of a log.
type reader struct{ s *session }

var (
	_ mi.Link   = (*reader)(nil)
	_ mi.Getter = (*reader)(nil)
	_ mi.Mover  = (*reader)(nil)
)

// journal returns the log as it stands now.
func (r *reader) journal() (*journal, error) {
	if j := r.s.d.devices.Load().journals[r.s.did]; j != nil {
		return j, nil
	}
	return nil, fmt.Errorf("cloud: events of %s: %w", strings.TrimSuffix(r.s.did, eventsSuffix), errRemoved)
}

// Spec implements mi.Link.
func (r *reader) Spec(context.Context) (*mi.Spec, error) {
	j, err := r.journal()
	if err != nil {
		return nil, err
	}
	return j.spec, nil
}

// Get implements mi.Getter: one request for each event. One that did not happen within
// a week is not known.
func (r *reader) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	j, err := r.journal()
	if err != nil {
		return into, err
	}
	got := into
	for _, p := range props {
		if p < 0 || p >= len(j.keys) {
			continue
		}
		at, err := r.last(ctx, j, j.keys[p])
		if err != nil {
			return into, fmt.Errorf("cloud: events of %s: %w", j.of.DID, err)
		}
		got = append(got, mi.Change{Prop: p, Value: at})
	}
	return got, nil
}

// last asks when an event last happened.
func (r *reader) last(ctx context.Context, j *journal, key string) (at mi.Value, err error) {
	var all []Sample
	err = r.s.within(ctx, gathering, func(ctx context.Context, p *pool) (err error) {
		now := p.d.w.Now()
		all, err = p.d.o.Account.History(ctx, j.of.DID, "event", key, now.Add(-eventsBack), now, eventsRead)
		return err
	})
	if err != nil || len(all) == 0 {
		return at, err
	}
	newest := slices.MaxFunc(all, func(a, b Sample) int { return a.At.Compare(b.At) })
	return mi.Text(newest.At.UTC().Format(time.RFC3339)), nil
}

// Move implements mi.Mover.
func (r *reader) Move(info mi.Info) { r.s.Move(info) }

// Close implements mi.Link.
func (r *reader) Close() error { return r.s.Close() }

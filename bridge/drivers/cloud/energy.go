package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	energySuffix = ".energy" // of the did of a device's statistics
	energyPrefix = "energy." // of its model: mapping files correct single ones
	energyEvery  = 15 * time.Minute
	energyGone   = 2 * time.Hour
)

// The properties of an energy meter.
const (
	energyToday = iota
	energyMonth
)

// meter is what the account counts of a device that measures energy: a device of its
// own, whatever way the device itself is reached.
type meter struct {
	of   *Device
	key  string // "siid.piid" of what is counted
	spec *mi.Spec
}

func (m *meter) did() string { return m.of.DID + energySuffix }

func (m *meter) info() mi.Info {
	return mi.Info{DID: m.did(), Model: m.spec.Model, Name: m.of.Name + " energy", Room: m.of.Room, Parent: m.of.DID}
}

// energySpec describes the statistics of a model in kWh, in which the cloud counts
// unless a mapping file knows better.
func energySpec(model string) *mi.Spec {
	prop := func(piid int, name, text string) mi.Property {
		return mi.Property{
			SIID: 2, PIID: piid, Key: mi.Key("energy-statistics/" + name), Name: name, Vendor: true, Text: text,
			Format: mi.FormatFloat, Access: mi.Read, Unit: "kWh",
		}
	}
	return &mi.Spec{
		Model: energyPrefix + model, Type: "electricity-meter", Text: "Energy",
		Services: []mi.Service{{IID: 2, Name: "energy-statistics", Key: "energy-statistics", Vendor: true, Text: "Energy statistics"}},
		Props:    []mi.Property{prop(1, "energy-today", "Energy today"), prop(2, "energy-month", "Energy this month")},
		Tuning:   mi.Tuning{Interval: energyEvery, GoneAfter: energyGone},
	}
}

// newMeters makes a meter of every device that measures energy.
func (d *Driver) newMeters(k Known) map[string]*meter {
	if d.o.NoEnergy || d.o.Specs == nil {
		return nil
	}
	specs := map[string]*mi.Spec{}
	for _, m := range d.devices.Load().meters {
		specs[m.of.Model] = m.spec
	}
	out := map[string]*meter{}
	for i := range k.Devices {
		known := &k.Devices[i]
		key := d.meterKey(known.Model)
		if key == "" {
			continue
		}
		if specs[known.Model] == nil {
			specs[known.Model] = energySpec(known.Model)
		}
		m := &meter{of: known, key: key, spec: specs[known.Model]}
		out[m.did()] = m
	}
	return out
}

// meterKey returns under which key the cloud counts the energy of a model: that of
// the property which measures it; "" where there is none.
func (d *Driver) meterKey(model string) string {
	spec, err := d.o.Specs.Spec(context.Background(), model)
	if err != nil { // nothing is known of it yet
		return ""
	}
	i := slices.IndexFunc(spec.Props, func(p mi.Property) bool { return p.Name == "power-consumption" && p.Access&(mi.Read|mi.Notify) != 0 })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d", spec.Props[i].SIID, spec.Props[i].PIID)
}

// counter is the link of a meter.
type counter struct{ s *session }

var (
	_ mi.Link   = (*counter)(nil)
	_ mi.Getter = (*counter)(nil)
	_ mi.Mover  = (*counter)(nil)
)

// Spec implements mi.Link.
func (c *counter) Spec(context.Context) (*mi.Spec, error) {
	m := c.s.d.devices.Load().meters[c.s.did]
	if m == nil {
		return nil, fmt.Errorf("cloud: energy of %s: %w", strings.TrimSuffix(c.s.did, energySuffix), errRemoved)
	}
	return m.spec, nil
}

// Get implements mi.Getter: one request brings the days of the month.
func (c *counter) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	var days []Sample
	err := c.s.within(ctx, gathering, func(ctx context.Context, p *pool) (err error) {
		m := p.d.devices.Load().meters[c.s.did]
		if m == nil {
			return errRemoved
		}
		now := p.d.w.Now()
		days, err = p.d.o.Account.Statistics(ctx, m.of.DID, m.key, "day", now.AddDate(0, 0, -now.Day()), now)
		return err
	})
	if err != nil {
		return into, fmt.Errorf("cloud: energy of %s: %w", strings.TrimSuffix(c.s.did, energySuffix), err)
	}
	today, month := consumed(days, c.s.d.w.Now())
	for _, p := range props {
		switch {
		case p == energyToday && today.Known():
			into = append(into, mi.Change{Prop: p, Value: today})
		case p == energyMonth && month.Known():
			into = append(into, mi.Change{Prop: p, Value: month})
		}
	}
	return into, nil
}

// consumed adds up the days of the month that now is in. Days begin at midnight of
// the account's own zone, which may be another than ours: the middle of the day tells
// which day is meant. Without a day that holds now, nothing was counted today.
func consumed(days []Sample, now time.Time) (today, month mi.Value) {
	const noon = 12 * time.Hour
	if len(days) == 0 {
		return today, month
	}
	current, sum, counted := now, 0.0, 0.0
	for _, day := range days {
		if kWh, ok := day.Value.Float(); ok && !day.At.After(now) && now.Sub(day.At) < 24*time.Hour {
			current, counted = day.At.Add(noon), kWh
		}
	}
	for _, day := range days {
		kWh, ok := day.Value.Float()
		if at := day.At.Add(noon).In(now.Location()); ok && at.Month() == current.In(now.Location()).Month() {
			sum += kWh
		}
	}
	return mi.Float(rounded(counted)), mi.Float(rounded(sum))
}

// rounded leaves the digits that adding up made of itself out.
func rounded(kWh float64) float64 { return float64(int64(kWh*1e4+0.5)) / 1e4 }

// Move implements mi.Mover.
func (c *counter) Move(info mi.Info) { c.s.Move(info) }

// Close implements mi.Link.
func (c *counter) Close() error { return c.s.Close() }

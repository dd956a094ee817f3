package pages

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Meter reads the numbers of a bridge.
type Meter struct {
	Home     func() *device.Home
	Topics   Topics
	Drivers  []device.Route
	Accounts *account.Manager // nil while there are none
}

// Samples implements web.Bridge.
func (p *Pages) Samples() []web.Sample { return p.meter.Samples() }

// Samples returns the numbers for the metrics, besides those of the devices.
func (m Meter) Samples() []web.Sample {
	c, broker := m.Home().Counters(), m.Topics.Connection()
	up := 0.0
	if broker.Up {
		up = 1
	}
	total := func(name, help string, n uint64, labels ...web.Label) web.Sample {
		return web.Sample{Name: name, Help: help, Value: float64(n), Labels: labels, Total: true}
	}
	const polls, orders = "Polls of devices, by how they ended.", "Orders to devices, by how they ended."
	all := []web.Sample{
		{Name: "broker_connected", Help: "Whether the broker is connected.", Value: up},
		total("broker_events_lost_total", "Events that could not be sent to the broker in time.", broker.Lost),
		total("polls_total", polls, c.Reads, result("answered")), total("polls_total", polls, c.Missed, result("failed")),
		total("orders_total", orders, c.Orders, result("done")), total("orders_total", orders, c.Failed, result("failed")),
		total("panics_total", "Panics of drivers and views that were survived.", c.Panics),
		total("dropped_total", "Events, orders and sightings beyond a limit.", c.Dropped),
		total("invalid_values_total", "Values of properties that the spec does not have.", c.Invalid),
	}
	return slices.Concat(all, m.queueSamples(), m.refused(), m.accountSamples())
}

func result(word string) web.Label { return web.Label{Name: "result", Value: word} }

// queueSamples tell how full the bounded queues were.
func (m Meter) queueSamples() (all []web.Sample) {
	for _, q := range m.Queues() {
		labels := []web.Label{{Name: "queue", Value: q.Name}}
		all = append(all,
			web.Sample{Name: "queue_most_entries", Help: "Entries of a queue when it was fullest.", Labels: labels, Value: float64(q.Most)},
			web.Sample{Name: "queue_room_entries", Help: "Entries that a queue may hold; what comes then is dropped and counted.", Labels: labels, Value: float64(q.Room)},
		)
	}
	return all
}

// Queues returns how full every queue was.
func (m Meter) Queues() []mi.Queue {
	all := slices.Concat(m.Home().Queues(), m.Topics.Queues())
	for _, r := range m.Drivers {
		if d, ok := r.Driver.(interface{ Queues() []mi.Queue }); ok {
			all = append(all, d.Queues()...)
		}
	}
	return all
}

// refused counts what drivers did not believe, by driver and reason.
func (m Meter) refused() (all []web.Sample) {
	for _, r := range m.Drivers {
		d, ok := r.Driver.(interface{ Refused() map[string]uint64 })
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprintf("%T", r.Driver), "*"), ".")
		counts := d.Refused()
		for _, reason := range slices.Sorted(maps.Keys(counts)) {
			all = append(all, web.Sample{
				Name: "refused_total", Help: "Packets that a driver did not believe, by reason.", Total: true, Value: float64(counts[reason]),
				Labels: []web.Label{{Name: "driver", Value: name}, {Name: "reason", Value: reason}},
			})
		}
	}
	return all
}

// accountSamples count accounts by their state.
func (m Meter) accountSamples() (all []web.Sample) {
	if m.Accounts == nil {
		return nil
	}
	states := map[account.Condition]int{}
	for _, a := range m.Accounts.Accounts() {
		states[a.Condition]++
	}
	for _, state := range []account.Condition{account.OK, account.Expiring, account.LoginNeeded, account.Verify, account.Limited, account.Away} {
		all = append(all, web.Sample{
			Name: "accounts", Help: "Xiaomi accounts by their state.", Labels: []web.Label{{Name: "state", Value: string(state)}}, Value: float64(states[state]),
		})
	}
	return all
}

package bridge

import (
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Merge lays newer knowledge of devices over older, by did, or by address where
// the did is not known.
func Merge(older, newer []mi.Info) []mi.Info {
	m := merged{dids: map[string]int{}, addrs: map[string]int{}, nameless: map[string]int{}}
	for _, d := range older {
		m.all = append(m.all, d)
		m.note(len(m.all) - 1)
	}
	for _, d := range newer {
		i := m.find(d)
		if i < 0 {
			i = len(m.all)
			m.all = append(m.all, mi.Info{})
		}
		m.all[i] = m.all[i].Merge(d)
		m.note(i)
	}
	return m.all
}

// merged is a list of devices with the first place of each did and address. An
// address that a device had before it was merged leaves a stale entry.
type merged struct {
	all      []mi.Info
	dids     map[string]int
	addrs    map[string]int
	nameless map[string]int // addresses of devices without a did
}

func (m *merged) note(i int) {
	d := &m.all[i]
	keep := func(places map[string]int, key string) {
		if at, known := places[key]; key != "" && (!known || i < at) {
			places[key] = i
		}
	}
	keep(m.dids, d.DID)
	keep(m.addrs, d.Addr)
	if d.DID == "" {
		keep(m.nameless, d.Addr)
	}
}

// find returns the first place of the same device, or -1.
func (m *merged) find(d mi.Info) int {
	places := m.nameless
	if d.DID == "" {
		places = m.addrs
	}
	first := -1
	if i, known := places[d.Addr]; known {
		if !same(m.all[i], d) {
			return slices.IndexFunc(m.all, func(o mi.Info) bool { return same(o, d) })
		}
		first = i
	}
	if i, known := m.dids[d.DID]; known && (first < 0 || i < first) {
		first = i
	}
	return first
}

func same(a, b mi.Info) bool {
	if a.DID != "" && b.DID != "" {
		return a.DID == b.DID
	}
	return a.Addr != "" && a.Addr == b.Addr
}

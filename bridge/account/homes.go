package account

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// grace is how long a device is kept that the lists lack.
const grace = 7 * 24 * time.Hour

// homes is what one account knows. Its lists are replaced, never changed.
type homes struct {
	at      time.Time // of the last complete list
	all     time.Time // when every region was asked
	regions []Region
	homes   []Home
	devices []Device // sorted by did
	scenes  []Scene
}

// with returns h with what the regions said now.
func (h homes) with(lists []*regionList, now time.Time) homes {
	devices := map[string]Device{}
	for _, d := range h.devices {
		devices[d.DID] = d
	}
	for _, l := range lists {
		h.regions = noteRegion(h.regions, l)
		if l.err != nil {
			continue
		}
		h.homes = replaced(h.homes, l.homes, func(x Home) bool { return x.Region == l.region })
		if l.scened {
			h.scenes = replaced(h.scenes, l.scenes, func(x Scene) bool { return x.Region == l.region })
		}
		layRegion(devices, l, now)
	}
	h.devices = slices.SortedFunc(maps.Values(devices), func(a, b Device) int { return cmp.Compare(a.DID, b.DID) })
	return h
}

func replaced[T any](old, fresh []T, in func(T) bool) []T {
	return append(slices.DeleteFunc(slices.Clone(old), in), fresh...)
}

// layRegion lays the devices of a region over what is known. One that a list of
// others lacks is missing, and forgotten after a while; an empty list proves
// nothing.
func layRegion(devices map[string]Device, l *regionList, now time.Time) {
	for did, d := range l.devices {
		was, known := devices[did]
		if known && was.Region != l.region && was.MissingSince.IsZero() && !better(d, was) {
			continue
		}
		d.BeaconKey = cmp.Or(d.BeaconKey, was.BeaconKey)
		d.Token = cmp.Or(d.Token, was.Token)
		devices[did] = d
	}
	for did, d := range devices {
		if _, there := l.devices[did]; there || d.Region != l.region || len(l.devices) == 0 {
			continue
		}
		if d.MissingSince.IsZero() {
			d.MissingSince, d.Online = now, false
			devices[did] = d
		} else if now.Sub(d.MissingSince) > grace {
			delete(devices, did)
		}
	}
}

// noteRegion notes what a region answered.
func noteRegion(all []Region, l *regionList) []Region {
	r := Region{ID: l.region, Name: RegionName(l.region), Asked: true, Homes: len(l.homes), Devices: len(l.devices)}
	all = slices.Clone(all)
	i := slices.IndexFunc(all, func(x Region) bool { return x.ID == l.region })
	if l.err != nil {
		r.Text = regionWords(l.err)
		if i >= 0 { // what is known still holds
			r.Homes, r.Devices = all[i].Homes, all[i].Devices
		}
	}
	if i < 0 {
		return append(all, r)
	}
	all[i] = r
	return all
}

// better reports whether a is to be believed rather than b, of the same did.
func better(a, b Device) bool {
	for _, has := range []func(Device) bool{
		func(d Device) bool { return d.MissingSince.IsZero() },
		func(d Device) bool { return d.Token != "" },
		func(d Device) bool { return !d.Shared },
		func(d Device) bool { return d.Online },
	} {
		if has(a) != has(b) {
			return has(a)
		}
	}
	return false
}

// Known returns what is known at the moment, without asking anybody.
func (m *Manager) Known() Known {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known
}

// gather puts together what the accounts know.
func (m *Manager) gather() Known {
	var k Known
	best := map[string]Device{}
	for _, c := range m.sorted() {
		c.mu.Lock()
		list := c.list
		c.mu.Unlock()
		k.Homes = append(k.Homes, list.homes...)
		k.Scenes = append(k.Scenes, list.scenes...)
		for _, d := range list.devices {
			if other, known := best[d.DID]; !known || better(d, other) {
				best[d.DID] = d
			}
		}
	}
	k.Devices = slices.SortedFunc(maps.Values(best), func(a, b Device) int { return cmp.Compare(a.DID, b.DID) })
	m.mu.Lock()
	m.known = k
	m.mu.Unlock()
	return k
}

// device returns a device of any account.
func (m *Manager) device(did string) (Device, bool) {
	var best Device
	found := false
	for _, c := range m.sorted() {
		c.mu.Lock()
		i, there := slices.BinarySearchFunc(c.list.devices, did, func(d Device, did string) int { return strings.Compare(d.DID, did) })
		if there && (!found || better(c.list.devices[i], best)) {
			best, found = c.list.devices[i], true
		}
		c.mu.Unlock()
	}
	return best, found
}

// found tells what is known.
func (m *Manager) found() {
	all := m.gather().Devices
	for _, d := range all {
		m.learn(d.Token.Reveal(), d.BeaconKey.Reveal())
	}
	if m.opt.Found != nil {
		m.opt.Found(all)
	}
	m.bell.ring()
}

// keptDevice is a device in the data folder. mi.Secret masks itself, so the keys
// are kept as text.
type keptDevice struct {
	Device
	Token     string
	BeaconKey string `json:",omitempty"`
}

// keptHomes is what one account knows, in the data folder.
type keptHomes struct {
	Account string       `json:"account"`
	At      time.Time    `json:"at"`
	All     time.Time    `json:"all"`
	Regions []Region     `json:"regions"`
	Homes   []Home       `json:"homes"`
	Devices []keptDevice `json:"devices"`
	Scenes  []Scene      `json:"scenes"`
}

func (m *Manager) saveHomes() {
	m.saving.Lock()
	defer m.saving.Unlock()
	kept := []keptHomes{}
	for _, c := range m.sorted() {
		c.mu.Lock()
		h := c.list
		c.mu.Unlock()
		k := keptHomes{Account: c.id, At: h.at, All: h.all, Regions: h.regions, Homes: h.homes, Scenes: h.scenes}
		for _, d := range h.devices {
			k.Devices = append(k.Devices, keptDevice{d, d.Token.Reveal(), d.BeaconKey.Reveal()})
		}
		kept = append(kept, k)
	}
	m.vault.save(homesFile, kept)
}

// loadHomes takes in what earlier runs knew.
func (m *Manager) loadHomes() {
	var kept []keptHomes
	if m.vault.load(homesFile, &kept) != nil {
		return
	}
	for _, k := range kept {
		c := m.accounts[k.Account]
		if c == nil {
			continue
		}
		c.list = homes{at: k.At, all: k.All, regions: k.Regions, homes: k.Homes, scenes: k.Scenes}
		for _, d := range k.Devices {
			d.Device.Token, d.Device.BeaconKey = token(d.Token), mi.Secret(fits(keyForm, d.BeaconKey))
			c.list.devices = append(c.list.devices, d.Device)
		}
	}
	m.gather()
}

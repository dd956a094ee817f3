package mqtt

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// basesName is what the base topics are kept as below which the bridge lives or lived,
// each with the id of the run that was there last.
const basesName = "bases"

// past is a base topic of earlier runs. What announces topics below it is ours, as
// long as no other bridge has moved in there.
type past struct {
	topics topic.Layout
	ours   string // id of our last run there
	taken  bool
	held   []heldBefore
}

// heldBefore is an announcement of an earlier run.
type heldBefore struct {
	prefix, device string
	arrival
}

// instance is where a bridge that lives there says so.
func (p *past) instance() string { return p.topics.Bridge("instance") }

// past returns the base topics of earlier runs that are not left for good yet, and
// remembers the present one.
func (h *Home) past() (out []*past) {
	all := map[string]string{}
	if h.opt.Memory == nil {
		return nil
	}
	h.opt.Memory.Load(basesName, &all)
	for _, base := range slices.Sorted(maps.Keys(all)) {
		if base != h.opt.Base {
			out = append(out, &past{topics: topic.Layout{Base: base}, ours: all[base]})
		}
	}
	if all[h.opt.Base] != h.lock.mine.ID {
		all[h.opt.Base] = h.lock.mine.ID
		h.opt.Memory.Save(basesName, all)
	}
	return out
}

// settled forgets the base topics of earlier runs: what was ours there is taken back,
// and whoever comes there later is somebody else.
func (h *Home) settled() {
	if h.opt.Memory != nil {
		h.opt.Memory.Save(basesName, map[string]string{h.opt.Base: h.lock.mine.ID})
	}
}

// claimed takes the word of a bridge that lives on a base topic that was ours.
func (a *audit) claimed(m arrival) bool {
	for _, p := range a.past {
		if m.topic != p.instance() {
			continue
		}
		var r record
		known := json.Unmarshal(m.payload, &r) == nil && r.ID == p.ours
		a.mu.Lock()
		p.taken = p.taken || len(m.payload) > 0 && !known
		a.mu.Unlock()
		return true
	}
	return false
}

// doubt leaves alone what belongs to a base topic of which the broker does not tell
// whether somebody lives there.
func (a *audit) doubt(refused []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.past {
		p.taken = p.taken || slices.Contains(refused, p.instance())
	}
}

// recall keeps an announcement of an earlier run apart. It needs a.mu.
func (a *audit) recall(prefix, device string, m arrival) {
	for _, p := range a.past {
		if !homeassistant.Foreign(p.topics, m.payload) && len(p.held) < sweepMost {
			p.held = append(p.held, heldBefore{prefix, device, arrival{topic: m.topic, payload: slices.Clone(m.payload)}})
			return
		}
	}
}

// inherit takes over the announcements of earlier runs. It needs a.mu.
func (a *audit) inherit() {
	for _, p := range a.past {
		if p.taken {
			continue
		}
		for _, h := range p.held {
			a.keep(h.prefix, h.device, h.arrival)
		}
	}
}

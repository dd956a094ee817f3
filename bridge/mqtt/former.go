package mqtt

import (
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
)

// prefixesName is what the prefixes are kept as below which something was announced.
const prefixesName = "prefixes"

// nowhere is the form of a target at which nothing is announced any more: what the
// broker still holds there is taken back.
const nowhere homeassistant.Form = ""

// everywhere returns the targets of the options, then those of earlier runs that
// are none any more.
func (o *Options) everywhere() []Target {
	all := slices.Clone(o.Targets)
	var before []string
	if o.Memory != nil {
		o.Memory.Load(prefixesName, &before)
	}
	for _, prefix := range before {
		if !slices.ContainsFunc(all, func(t Target) bool { return t.Prefix == prefix }) {
			all = append(all, Target{Prefix: prefix, Form: nowhere})
		}
	}
	return all
}

// settle remembers where something of ours stands. A target of an earlier run is
// forgotten once the broker holds nothing there.
func (h *Home) settle(held *audit) {
	var prefixes []string
	for _, t := range h.places {
		if t.Form != nowhere || !held.vacant(t) {
			prefixes = append(prefixes, t.Prefix)
		}
	}
	if h.opt.Memory != nil {
		h.opt.Memory.Save(prefixesName, prefixes)
	}
}

// of returns the messages of a at a target; none where nothing is announced.
func (a announcement) of(t Target) []homeassistant.Message {
	if t.Form == nowhere {
		return nil
	}
	return a(t)
}

package miio

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// cue is an instant at which a fault begins or ends.
type cue struct {
	at    time.Duration
	fault chaos.Fault
	ends  bool
}

// Play lets the plan's faults happen to the devices until ctx ends; those of
// World are the caller's. Faults of the network happen on n; without one (on
// real sockets) the device itself plays them as far as it can. moved gives the
// next address of a device that moves; nil means that none does.
func (h *Home) Play(ctx context.Context, p chaos.Plan, n *world.Net, moved func(d *Device) string) {
	start := time.Now()
	if n != nil {
		h.spread(p, n, moved)
	}
	for _, c := range cues(p) {
		d := h.byDID[c.fault.Subject]
		if d == nil {
			continue
		}
		t := time.NewTimer(time.Until(start.Add(c.at)))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		d.suffer(ctx, p, c, n == nil, moved)
	}
}

// spread hands the network's faults to the network, for every address that the
// device will have.
func (h *Home) spread(p chaos.Plan, n *world.Net, moved func(d *Device) string) {
	for _, f := range p.Faults {
		d := h.byDID[f.Subject]
		if d == nil {
			continue
		}
		addrs := []string{d.Info().Addr}
		if moved != nil {
			addrs = append(addrs, moved(d))
		}
		for _, a := range addrs {
			if ap, err := netip.ParseAddrPort(a); err == nil {
				n.Hurt(ap.Addr(), f)
			}
		}
	}
}

// cues lists the beginnings and ends of all faults in order of time.
func cues(p chaos.Plan) []cue {
	var all []cue
	for _, f := range p.Faults {
		all = append(all, cue{f.From, f, false}, cue{f.To, f, true})
	}
	slices.SortStableFunc(all, func(a, b cue) int { return int(a.at - b.at) })
	return all
}

// suffer lets one fault begin or end.
func (d *Device) suffer(ctx context.Context, p chaos.Plan, c cue, alone bool, moved func(d *Device) string) {
	switch c.fault.Kind {
	case chaos.Reboot:
		if !c.ends {
			d.Reboot()
		}
	case chaos.Move:
		if !c.ends && moved != nil {
			_ = d.Move(ctx, moved(d)) // an address that is taken leaves it where it is
		}
	case chaos.Retoken:
		_ = d.Retoken(d.token(p, c)) // a sum has the right length
	default:
		d.Hurt(troubles(p.Of(c.fault.Subject), c, alone, d.model.trouble))
	}
	if c.fault.Kind == chaos.Move {
		d.record(history.Reachable, "", history.Unclear, "")
	}
	d.record(history.Reachable, "", d.reachable(p, c), "")
}

// token is the device's just after c: another one while a fault has changed it.
func (d *Device) token(p chaos.Plan, c cue) mi.Secret {
	if !slices.ContainsFunc(p.Of(d.info.DID), func(f chaos.Fault) bool { return f.Kind == chaos.Retoken && f.Covers(c.at) }) {
		return d.first
	}
	sum := md5.Sum([]byte("other " + d.first.Reveal()))
	return mi.Secret(hex.EncodeToString(sum[:]))
}

// bearable is how many percent of datagrams may get lost without a device being
// taken for gone.
const bearable = 25

// reachable tells whether the device can be reached just after c, as Reachable
// has it.
func (d *Device) reachable(p chaos.Plan, c cue) string {
	lost, word := 0, "true"
	for _, f := range p.Of(d.info.DID) {
		if !f.Covers(c.at) {
			continue
		}
		switch f.Kind {
		case chaos.Cut, chaos.Mute, chaos.Retoken:
			return "false"
		case chaos.Slow, chaos.Garbage:
			word = history.Unclear
		case chaos.Loss, chaos.Corrupt:
			lost += f.Amount
		}
	}
	if lost > bearable {
		return history.Unclear
	}
	return word
}

// troubles adds up what is wrong just after c.
func troubles(faults []chaos.Fault, c cue, alone bool, t Trouble) Trouble {
	for _, f := range faults {
		if !f.Covers(c.at) {
			continue
		}
		switch f.Kind {
		case chaos.Busy:
			t.Busy = true
		case chaos.Garbage:
			t.Garbage = true
		case chaos.Absurd:
			t.Absurd = true
		case chaos.Ignore:
			t.Ignores = true
		}
		if alone {
			t = onWire(f, t)
		}
	}
	return t
}

// onWire is how a device plays a fault of the network itself.
func onWire(f chaos.Fault, t Trouble) Trouble {
	switch f.Kind {
	case chaos.Cut, chaos.Mute:
		t.Silent = true
	case chaos.Loss, chaos.Corrupt:
		t.Loss = max(t.Loss, f.Amount)
	case chaos.Slow, chaos.Reorder:
		t.Slow = max(t.Slow, time.Duration(f.Amount)*time.Second/10)
	}
	return t
}

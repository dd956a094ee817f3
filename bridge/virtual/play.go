package virtual

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Of returns the plan's faults of one subject.
func (p Plan) Of(subject string) []Fault {
	return slices.DeleteFunc(slices.Clone(p.Faults), func(f Fault) bool { return f.Subject != subject })
}

// cue is an instant at which a fault begins or ends.
type cue struct {
	at    time.Duration
	fault Fault
	ends  bool
}

// Play lets the plan's faults happen to the devices until ctx ends; those of
// World are the caller's. Faults of the network happen on n; without one (on
// real sockets) the device itself plays them as far as it can. moved gives the
// next address of a device that moves; nil means that none does.
func (h *Home) Play(ctx context.Context, p Plan, n *Net, moved func(d *Device) string) {
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
func (h *Home) spread(p Plan, n *Net, moved func(d *Device) string) {
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
func cues(p Plan) []cue {
	var all []cue
	for _, f := range p.Faults {
		all = append(all, cue{f.From, f, false}, cue{f.To, f, true})
	}
	slices.SortStableFunc(all, func(a, b cue) int { return int(a.at - b.at) })
	return all
}

// suffer lets one fault begin or end.
func (d *Device) suffer(ctx context.Context, p Plan, c cue, alone bool, moved func(d *Device) string) {
	switch c.fault.Kind {
	case Reboot:
		if !c.ends {
			d.Reboot()
		}
	case Move:
		if !c.ends && moved != nil {
			_ = d.Move(ctx, moved(d)) // an address that is taken leaves it where it is
		}
	case Retoken:
		_ = d.Retoken(d.token(p, c)) // a sum has the right length
	default:
		d.Hurt(troubles(p.Of(c.fault.Subject), c, alone, d.model.trouble))
	}
	if c.fault.Kind == Move {
		d.record(Reachable, "", Unclear, "")
	}
	d.record(Reachable, "", d.reachable(p, c), "")
}

// token is the device's just after c: another one while a fault has changed it.
func (d *Device) token(p Plan, c cue) mi.Secret {
	if !slices.ContainsFunc(p.Of(d.info.DID), func(f Fault) bool { return f.Kind == Retoken && f.Covers(c.at) }) {
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
func (d *Device) reachable(p Plan, c cue) string {
	lost, word := 0, "true"
	for _, f := range p.Of(d.info.DID) {
		if !f.Covers(c.at) {
			continue
		}
		switch f.Kind {
		case Cut, Mute, Retoken:
			return "false"
		case Slow, Garbage:
			word = Unclear
		case Loss, Corrupt:
			lost += f.Amount
		}
	}
	if lost > bearable {
		return Unclear
	}
	return word
}

// troubles adds up what is wrong just after c.
func troubles(faults []Fault, c cue, alone bool, t Trouble) Trouble {
	for _, f := range faults {
		if !f.Covers(c.at) {
			continue
		}
		switch f.Kind {
		case Busy:
			t.Busy = true
		case Garbage:
			t.Garbage = true
		case Absurd:
			t.Absurd = true
		case Ignore:
			t.Ignores = true
		}
		if alone {
			t = onWire(f, t)
		}
	}
	return t
}

// onWire is how a device plays a fault of the network itself.
func onWire(f Fault, t Trouble) Trouble {
	switch f.Kind {
	case Cut, Mute:
		t.Silent = true
	case Loss, Corrupt:
		t.Loss = max(t.Loss, f.Amount)
	case Slow, Reorder:
		t.Slow = max(t.Slow, time.Duration(f.Amount)*time.Second/10)
	}
	return t
}

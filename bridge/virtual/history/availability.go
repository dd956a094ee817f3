package history

import (
	"fmt"
	"time"
)

// presence follows one device through the history.
type presence struct {
	did       string
	reachable bool
	unclear   bool      // nobody can say whether it is reachable
	since     time.Time // of reachable
	online    bool
	told      bool      // online was published at all
	toldAt    time.Time // of online
	changes   int       // since reachable changed
}

// availabilityIsTrue is I5.
func availabilityIsTrue(entries []Entry, end time.Time, l Limits) (bad []Violation) {
	all, order := map[string]*presence{}, []string{}
	of := func(did string) *presence {
		if all[did] == nil {
			all[did] = &presence{did: did, reachable: true, since: entries[0].At}
			order = append(order, did)
		}
		return all[did]
	}
	for _, e := range entries {
		switch e.What {
		case Reachable:
			if p := of(e.DID); p.reachable != (e.Value == "true") || p.unclear != (e.Value == Unclear) {
				bad = append(bad, p.judge(e.At, l)...)
				p.reachable, p.unclear, p.since, p.changes = e.Value == "true", e.Value == Unclear, e.At, 0
			}
		case Restart:
			if e.Actor == Thing {
				continue
			}
			for _, did := range order { // what was published before is of no use any more
				p := all[did]
				bad = append(bad, p.judge(e.At, l)...)
				p.since, p.told, p.changes = e.At, false, 0
			}
		case Available:
			p := of(e.DID)
			if p.told && p.online == (e.Value == "online") {
				continue // Home Assistant started, and is told again
			}
			if p.told {
				p.changes++
			}
			p.online, p.told, p.toldAt = e.Value == "online", true, e.At
			if p.changes > 2 && !p.unclear {
				bad = append(bad, Violation{"I5", p.did, fmt.Sprintf("changed %d times while nothing changed", p.changes)})
			}
		}
	}
	for _, did := range order {
		bad = append(bad, all[did].judge(end, l)...)
	}
	return bad
}

// judge looks at a device at the end of a time in which its reach did not change.
func (p *presence) judge(at time.Time, l Limits) []Violation {
	span := at.Sub(p.since)
	if !p.told || p.unclear {
		return nil
	}
	switch {
	case p.reachable && span > l.Back && !p.online:
		return []Violation{{"I5", p.did, fmt.Sprintf("reachable for %v and still offline", span)}}
	case p.reachable && p.online && p.toldAt.Sub(p.since) > l.Back && p.changes > 0:
		return []Violation{{"I5", p.did, fmt.Sprintf("online only after %v", p.toldAt.Sub(p.since))}}
	case !p.reachable && span > l.Gone && p.online:
		return []Violation{{"I5", p.did, fmt.Sprintf("unreachable for %v and still online", span)}}
	}
	return nil
}

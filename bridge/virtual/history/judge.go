package history

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Violation is a broken promise. Shrinking keeps those with the same Rule and
// Subject.
type Violation struct{ Rule, Subject, Detail string }

// String returns the violation in one line.
func (v Violation) String() string { return v.Rule + " " + v.Subject + ": " + v.Detail }

// Same reports whether list holds a violation of the same rule and subject.
func (v Violation) Same(list []Violation) bool {
	return slices.ContainsFunc(list, func(o Violation) bool { return o.Rule == v.Rule && o.Subject == v.Subject })
}

// Limits are the bounds within which promises are kept. Zero fields take the
// defaults of the bridge.
type Limits struct {
	EventAge time.Duration // I1: from the device to the topic; 10 s
	Gone     time.Duration // I5: unreachable for longer means offline; 75 s
	Back     time.Duration // I5: reachable for longer means online; 60 s
	Order    time.Duration // I10: an order's end; 11 s
}

func (l Limits) defaults() Limits {
	l.EventAge = cmp.Or(l.EventAge, 10*time.Second)
	l.Gone = cmp.Or(l.Gone, 75*time.Second)
	l.Back = cmp.Or(l.Back, time.Minute)
	l.Order = cmp.Or(l.Order, 11*time.Second)
	return l
}

// Judge checks a whole history that ended at end against the invariants I1 to
// I6, I8 and I10 and returns what is broken, sorted. The device's own entries are
// the truth.
func Judge(entries []Entry, end time.Time, l Limits) []Violation {
	l = l.defaults()
	var all []Violation
	for _, check := range []func([]Entry, time.Time, Limits) []Violation{
		noEventTwice, nothingUnordered, atMostOnce, neverBackwards, availabilityIsTrue, stateIsTrue, queuesAreBounded, everyOrderEnds,
	} {
		all = append(all, check(entries, end, l)...)
	}
	slices.SortFunc(all, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Detail, b.Detail))
	})
	return all
}

// worldly puts the entries to the time of the world, in which it went on while the
// bridge's machine slept.
func worldly(entries []Entry) []Entry {
	out, slept := make([]Entry, len(entries)), time.Duration(0)
	for i, e := range entries {
		if e.What == Slept {
			by, _ := time.ParseDuration(e.Value) // what is no duration is none
			slept += by
		}
		e.At = e.At.Add(slept)
		out[i] = e
	}
	return out
}

// noEventTwice is I1.
func noEventTwice(entries []Entry, _ time.Time, l Limits) (bad []Violation) {
	type event struct{ did, id string }
	emitted, published := map[event]time.Time{}, map[event]int{}
	for _, e := range worldly(entries) {
		k := event{e.DID, e.ID}
		switch e.What {
		case Emitted:
			emitted[k] = e.At
		case Event:
			published[k]++
			at, ok := emitted[k]
			switch {
			case !ok:
				bad = append(bad, Violation{"I1", e.DID, "event " + e.ID + " never happened"})
			case published[k] > 1:
				bad = append(bad, Violation{"I1", e.DID, "event " + e.ID + " was published again"})
			case e.Value == "retained":
				bad = append(bad, Violation{"I1", e.DID, "event " + e.ID + " is retained"})
			case e.At.Sub(at) > l.EventAge:
				bad = append(bad, Violation{"I1", e.DID, fmt.Sprintf("event %s is %v old", e.ID, e.At.Sub(at))})
			}
		}
	}
	return bad
}

// want is what an order or an execution is about.
type want struct{ did, key, value string }

func about(e Entry) want { return want{e.DID, e.Key, e.Value} }

// onTheWay is how long a datagram that left in time may be under way.
const onTheWay = 10 * time.Second

// nothingUnordered is I2.
func nothingUnordered(entries []Entry, _ time.Time, l Limits) (bad []Violation) {
	ordered := map[want]time.Time{}
	for _, e := range worldly(entries) {
		switch e.What {
		case Order:
			ordered[about(e)] = e.At
		case Executed:
			at, ok := ordered[about(e)]
			if !ok {
				bad = append(bad, Violation{"I2", e.DID, fmt.Sprintf("did %s = %s, which nobody ordered", e.Key, e.Value)})
			} else if late := e.At.Sub(at); late > l.Order+onTheWay {
				bad = append(bad, Violation{"I2", e.DID, fmt.Sprintf("did %s = %s %v after the order", e.Key, e.Value, late)})
			}
		}
	}
	return bad
}

// relative reports whether doing the order twice differs from doing it once:
// actions and legacy methods that do not set a value.
func relative(key string) bool {
	action := len(key) > 1 && key[0] == 'a' && key[1] >= '0' && key[1] <= '9'
	return action || strings.HasPrefix(key, "app_") || key == "toggle"
}

// atMostOnce is I3.
func atMostOnce(entries []Entry, _ time.Time, _ Limits) (bad []Violation) {
	left := map[want]int{}
	for _, e := range entries {
		switch e.What {
		case Order:
			left[about(e)]++
		case Executed:
			if left[about(e)]--; left[about(e)] < 0 && relative(e.Key) {
				bad = append(bad, Violation{"I3", e.DID, fmt.Sprintf("did %s %s once more than ordered", e.Key, e.Value)})
			}
		}
	}
	return bad
}

// property is one property of one device.
type property struct{ did, key string }

// neverBackwards is I4: a published state is one that the device had, and none
// older than the one before it.
func neverBackwards(entries []Entry, _ time.Time, _ Limits) (bad []Violation) {
	truths, last := map[property][]string{}, map[property]int{}
	for _, e := range entries {
		p := property{e.DID, e.Key}
		switch e.What {
		case Truth:
			truths[p] = append(truths[p], e.Value)
		case Restart:
			if e.Actor != Thing {
				clear(last) // what the broker keeps may be older, for a moment
			}
		case State:
			if e.Value == "null" {
				continue // unknown is no value
			}
			known := truths[p]
			i := slices.Index(known[min(last[p], len(known)):], e.Value)
			if i < 0 {
				bad = append(bad, Violation{"I4", e.DID + " " + e.Key, "went back to " + e.Value})
				continue
			}
			last[p] += i
		}
	}
	return bad
}

// stateIsTrue is I6, at the end.
func stateIsTrue(entries []Entry, _ time.Time, _ Limits) (bad []Violation) {
	truth, state := map[property]string{}, map[property]string{}
	for _, e := range entries {
		p := property{e.DID, e.Key}
		switch e.What {
		case Truth:
			truth[p] = e.Value
		case State:
			state[p] = e.Value
		}
	}
	for p, shown := range state {
		if real, known := truth[p]; known && real != shown {
			bad = append(bad, Violation{"I6", p.did + " " + p.key, fmt.Sprintf("shows %s, the device has %s", shown, real)})
		}
	}
	return bad
}

// queuesAreBounded is I8.
func queuesAreBounded(entries []Entry, _ time.Time, _ Limits) (bad []Violation) {
	for _, e := range entries {
		if e.What != Queue {
			continue
		}
		n, capacity, _ := strings.Cut(e.Value, "/")
		have, err1 := strconv.Atoi(n)
		room, err2 := strconv.Atoi(capacity)
		if err1 != nil || err2 != nil || have > room {
			bad = append(bad, Violation{"I8", e.Key, "holds " + e.Value})
		}
	}
	return bad
}

// everyOrderEnds is I10.
func everyOrderEnds(entries []Entry, end time.Time, l Limits) (bad []Violation) {
	open := map[string]Entry{}
	for _, e := range entries {
		switch e.What {
		case Order:
			open[e.ID] = e
		case Done:
			if o, ok := open[e.ID]; ok && e.At.Sub(o.At) > l.Order {
				bad = append(bad, Violation{"I10", o.DID, fmt.Sprintf("order %s ended after %v", e.ID, e.At.Sub(o.At))})
			}
			delete(open, e.ID)
		case Restart:
			if e.Actor == Bridge {
				clear(open) // its orders died with it, unheard
			}
		}
	}
	for id, o := range open {
		if end.Sub(o.At) > l.Order {
			bad = append(bad, Violation{"I10", o.DID, "order " + id + " never ended"})
		}
	}
	return bad
}

// Diff is I7: it compares the retained topics at rest with what a fresh bridge
// would publish.
func Diff(got, want map[string]string) (bad []Violation) {
	for topic, payload := range want {
		if p, ok := got[topic]; !ok {
			bad = append(bad, Violation{"I7", topic, "is missing"})
		} else if p != payload {
			bad = append(bad, Violation{"I7", topic, fmt.Sprintf("is %.80q, want %.80q", p, payload)})
		}
	}
	for topic := range got {
		if _, ok := want[topic]; !ok {
			bad = append(bad, Violation{"I7", topic, "is left over"})
		}
	}
	slices.SortFunc(bad, func(a, b Violation) int { return cmp.Compare(a.Subject, b.Subject) })
	return bad
}

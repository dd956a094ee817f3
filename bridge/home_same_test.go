package bridge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
)

// TestSameSeedSameStory is I14: a seed tells one story, to the nanosecond, datagram
// by datagram, through kills and whatever else it draws.
func TestSameSeedSameStory(t *testing.T) {
	t.Parallel()
	seeds := []uint64{24, 5}
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			sc := drawn(seed, time.Hour)
			sc.brief = true
			sc.plan.Faults = slices.DeleteFunc(sc.plan.Faults, func(f chaos.Fault) bool {
				return f.Kind == chaos.Address && sc.external // paho's goroutines give a hanging stream up at one instant
			})
			a, b := perform(t, sc), perform(t, sc)
			for _, tree := range []map[string]string{a.tree, b.tree} { // the minute's end is the end of the play
				delete(tree, base+"bridge/health")
				delete(tree, base+"bridge/instance")
			}
			if bad := history.Diff(a.tree, b.tree); len(bad) > 0 {
				t.Error(bad)
			}
			if a.traffic != b.traffic {
				t.Errorf("%+v and %+v", a.traffic, b.traffic)
			}
			if one, other := retold(a), retold(b); !slices.Equal(one, other) {
				t.Errorf("two stories: %q", parting(one, other))
			}
		})
	}
}

// parting returns where two stories part.
func parting(a, b []string) []string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return slices.Concat(a[i:min(i+3, len(a))], b[i:min(i+3, len(b))])
}

// retold writes a history down without what goroutines that run at one instant
// decide among themselves: the order of what happens then, how full queues get, and
// which of several states of a topic is sent, with the orders that end by it. The
// tree at the end shows that the newest was.
func retold(st *story) []string {
	var out []string
	for _, e := range st.entries {
		switch e.What {
		case history.State, history.Done, history.Queue:
			continue
		}
		out = append(out, fmt.Sprintf("%012d %s %s %s %s %s %s", e.At.Sub(st.entries[0].At), e.Actor, e.What, e.DID, e.Key, e.Value, e.ID))
	}
	slices.Sort(out)
	return out
}

// Models from before MIoT are held to the same promises: they do what was ordered, once,
// and show no state that they did not have.
func TestModelsBeforeMIoTDoWhatIsOrdered(t *testing.T) {
	sc := staged(t, false, 0, "")
	sc.brief = true
	sc.models = []string{"chunmi.cooker.normal2", "zhimi.airpurifier.m1", "philips.light.bulb", "chuangmi.plug.m1", "roborock.vacuum.s5"}
	sc.models = slices.Concat(sc.models, sc.models)
	st, did := check(t, sc), map[string]bool{}
	for _, e := range st.entries {
		if e.What == history.Executed {
			did[e.DID] = true
		}
	}
	if len(did) < len(sc.models)/2 {
		t.Errorf("only %d of %d devices did anything", len(did), len(sc.models))
	}
}

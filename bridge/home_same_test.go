package bridge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual"
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
			a, b := perform(t, sc), perform(t, sc)
			for _, tree := range []map[string]string{a.tree, b.tree} { // the minute's end is the end of the play
				delete(tree, base+"bridge/health")
				delete(tree, base+"bridge/instance")
			}
			if bad := virtual.Diff(a.tree, b.tree); len(bad) > 0 {
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
// decide among themselves: the order of what happens then, which of two messages
// tells an order's end first, whether what is told several times then is sent as
// often, and how full queues get then.
func retold(st *story) []string {
	type topic struct{ did, key string }
	last, shown := map[topic]virtual.Entry{}, map[topic]string{}
	var out []string
	write := func(e virtual.Entry) {
		out = append(out, fmt.Sprintf("%012d %s %s %s %s %s %s", e.At.Sub(st.entries[0].At), e.Actor, e.What, e.DID, e.Key, e.Value, e.ID))
	}
	settle := func(k topic, e virtual.Entry) {
		if shown[k] != e.Value {
			write(e)
		}
		shown[k] = e.Value
	}
	for _, e := range st.entries {
		k := topic{e.DID, e.Key}
		switch e.What {
		case virtual.State:
			if old, was := last[k]; was && !old.At.Equal(e.At) {
				settle(k, old)
			}
			last[k] = e
			continue
		case virtual.Queue:
			continue
		case virtual.Done:
			e.Value = ""
		}
		write(e)
	}
	for k, e := range last {
		settle(k, e)
	}
	slices.Sort(out)
	return out
}

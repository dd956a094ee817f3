package miio

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// remote is the smallest client that a run can be made of: it toggles a plug
// every minute and tries three times. Planted makes it take a new id for each
// try, the mistake by which an order runs twice.
type remote struct {
	*client
	planted bool
	history *history.History
}

func (r *remote) toggle(n int) {
	order := history.Entry{At: time.Now(), Actor: history.User, What: history.Order, DID: fmt.Sprint(r.did), Key: "a2.1", Value: "[]", ID: fmt.Sprint("o", n)}
	r.history.Record(order)
	r.id++
	for range 3 {
		if r.planted {
			r.id++
		}
		r.write(fmt.Sprintf(`{"id":%d,"method":"action","params":{"siid":2,"aiid":1,"in":[]}}`, r.id))
		if strings.HasPrefix(r.text(), fmt.Sprintf(`{"id":%d,`, r.id)) {
			break
		}
		r.greet(plainHello)
	}
	order.At, order.Actor, order.What, order.Value = time.Now(), history.Bridge, history.Done, ""
	r.history.Record(order)
}

// text waits for a datagram that opens; damaged ones are as good as lost.
func (r *remote) text() string {
	if b := r.next(); b != nil {
		if text, err := r.seal.open(b); err == nil {
			return string(text)
		}
	}
	return ""
}

// rehearse plays a plan to a home of plugs with a remote each and returns what
// happened.
func rehearse(t *testing.T, plan chaos.Plan, planted bool) (*history.History, time.Time) {
	t.Helper()
	story := &history.History{}
	var end time.Time
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(plan.Seed)
		w := mi.World{Net: n.Segment(world.Topology{Prefix: homeNet}), Now: time.Now, Seed: plan.Seed}
		h, err := New(w, Options{Models: slices.Repeat([]string{"cuco.plug.cp5pro"}, 4), Address: homeAddress, Recorder: story})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), plan.Span)
		defer stop()
		done := make(chan error, 8)
		go func() { done <- h.Run(ctx) }()
		go func() { h.Play(ctx, plan, n, nil); done <- nil }()
		for i, d := range h.Devices() {
			s := &stage{t: t, net: n, home: &Home{devices: []*Device{d}}, stop: func() {}}
			r := &remote{s.talkFrom(netip.MustParsePrefix(fmt.Sprintf("10.1.255.%d/16", i+1))), planted, story}
			go func() {
				defer s.stop()
				r.run(ctx, plan)
				done <- nil
			}()
		}
		for range 6 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		end = time.Now()
	})
	return story, end
}

func (r *remote) run(ctx context.Context, plan chaos.Plan) {
	for n := 0; ; n++ {
		pause := time.Minute + time.Duration(nature.Roll(plan.Seed, "pause", r.did, uint64(n))%uint64(time.Second))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		b := unhex(r.t, plainHello)
		r.send(b)
		if reply := r.next(); reply != nil {
			if h, _, err := parseHeader(reply); err == nil {
				r.stamp, r.at = h.stamp, time.Now()
			}
		}
		r.toggle(n)
	}
}

func hashOf(h *history.History) uint64 {
	sum := fnv.New64a()
	for _, e := range h.Entries() {
		fmt.Fprintln(sum, e)
	}
	return sum.Sum64()
}

func TestSameSeedSameHistory(t *testing.T) {
	dids := []string{"460000000", "460000001", "460000002", "460000003"}
	for seed := range uint64(3) {
		plan := chaos.Draw(seed, time.Hour, dids)
		first, _ := rehearse(t, plan, false)
		again, _ := rehearse(t, plan, false)
		if hashOf(first) != hashOf(again) || len(first.Entries()) < 500 {
			t.Errorf("seed %d: %d entries, then %d others", seed, len(first.Entries()), len(again.Entries()))
		}
	}
}

func TestPlantedBugIsFoundAndShrunk(t *testing.T) {
	dids := []string{"460000000", "460000001", "460000002", "460000003"}
	guilty := func(p chaos.Plan, planted bool) []history.Violation {
		h, end := rehearse(t, p, planted)
		return slices.DeleteFunc(history.Judge(h.Entries(), end, history.Limits{}), func(v history.Violation) bool { return v.Rule != "I3" })
	}
	for seed := range uint64(40) {
		plan := chaos.Draw(seed, 2*time.Hour, append(slices.Clone(dids), dids...))
		found := guilty(plan, true)
		if len(found) == 0 {
			continue
		}
		small, runs := chaos.Shrink(plan, func(p chaos.Plan) bool { return found[0].Same(guilty(p, true)) })
		if len(small.Faults) != 1 || small.Faults[0].Subject != found[0].Subject {
			t.Errorf("%v: shrinks to %v in %d runs", found[0], small, runs)
		}
		if healthy := guilty(small, false); len(healthy) > 0 {
			t.Errorf("without the bug: %v", healthy)
		}
		t.Logf("seed %d: %v; %d faults shrink in %d runs to %v", seed, found[0], len(plan.Faults), runs, small)
		return
	}
	t.Error("not found in 40 seeds")
}

package miio

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// free is what a device that offers push says to a probe: it has no subscriber.
const free = "MSUB\x00\x00\x00\x00PUB\x00\xfe\x00\x00\x00"

// subscribed opens a session with a device that reports by itself.
func (h *home) subscribed() *session {
	h.t.Helper()
	h.plug.push = free
	s := h.open(h.info())
	if _, err := s.Spec(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.wantRead(s)
	time.Sleep(time.Second)
	synctest.Wait()
	if !s.Pushing() {
		h.t.Fatal("no subscription was made")
	}
	return s
}

func (h *home) tell(text string) {
	h.plug.set(func() { h.plug.say(text) })
	time.Sleep(10 * time.Millisecond)
	synctest.Wait()
}

func TestPushIsAskedForAndEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.subscribed()
		var since uint32
		var virtual uint64
		const form = `miIO.sub{"version":"2.0","did":"%d","update_ts":%d,"sub_method":"."}`
		i := slices.IndexFunc(h.plug.heard(), func(c string) bool { _, err := fmt.Sscanf(c, form, &virtual, &since); return err == nil })
		if i < 0 || virtual != h.d.virtual || since == 0 {
			t.Fatalf("asked %q", h.plug.heard())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := fmt.Sprintf(`miIO.unsub{"version":"2.0","did":"%d","update_ts":%d,"sub_method":"."}`, virtual, since)
		if got := h.plug.heard()[len(h.plug.heard())-1]; got != want {
			t.Errorf("the farewell was %s, want %s", got, want)
		}
	})
}

func TestReportsReachTheSinkOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.subscribed()
		changed := `{"id":900,"method":"properties_changed","params":[{"did":"4000000001","siid":2,"piid":1,"value":false},{"did":"x","siid":2,"piid":2,"value":7},{"siid":99,"piid":1,"value":1}]}`
		event := `{"id":901,"method":"event_occured","params":{"did":"4000000001","siid":2,"eiid":1,"arguments":[{"piid":3,"value":1.5},{"piid":2,"value":3}]}}`
		for range 3 {
			h.tell(changed)
			h.tell(event)
		}
		want := []mi.Change{{Prop: 0, Value: mi.Bool(false)}, {Prop: 1, Value: mi.Int(7)}}
		if !slices.Equal(h.ear.changes, want) {
			t.Errorf("changes %v, want %v", h.ear.changes, want)
		}
		if len(h.ear.happened) != 1 || h.ear.happened[0].Event != 0 || !slices.Equal(h.ear.happened[0].Args, []mi.Value{mi.Int(3), mi.Float(1.5)}) {
			t.Errorf("happened %+v", h.ear.happened)
		}
		if want := []uint64{900, 901, 900, 901, 900, 901}; !slices.Equal(h.plug.acks, want) {
			t.Errorf("acknowledged %v, want %v", h.plug.acks, want)
		}
	})
}

func TestLateRepetitionDoesNotUndoANewerReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.subscribed()
		for _, report := range []string{
			`{"id":901,"method":"properties_changed","params":[{"siid":2,"piid":2,"value":8}]}`,
			`{"id":900,"method":"properties_changed","params":[{"siid":2,"piid":2,"value":7},{"siid":2,"piid":1,"value":false}]}`,
		} {
			h.tell(report)
		}
		want := []mi.Change{{Prop: 1, Value: mi.Int(8)}, {Prop: 0, Value: mi.Bool(false)}}
		if !slices.Equal(h.ear.changes, want) {
			t.Errorf("changes %v, want %v", h.ear.changes, want)
		}
	})
}

func TestReplayedReportsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.subscribed()
		event := `{"id":901,"method":"event_occured","params":{"siid":2,"eiid":1,"arguments":[]}}`
		old := h.plug.seal(event, h.plug.stamp())
		ahead := h.plug.seal(event, h.plug.stamp()+5000)
		time.Sleep(time.Minute)
		h.wantRead(s)
		for _, packet := range [][]byte{old, ahead} {
			h.net.send(h.plug.conn.LocalAddr(), h.plug.peer, packet)
			synctest.Wait()
		}
		if len(h.ear.happened) != 0 || h.d.Refused()["stale"] != 2 {
			t.Errorf("a replay was believed: %v, %v", h.ear.happened, h.d.Refused())
		}
		h.wantRead(s)
	})
}

// TestReportsFromElsewhereAreRefused has a copy of a fresh report, sealed by the
// device, come from another address.
func TestReportsFromElsewhereAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.subscribed()
		report := h.plug.seal(`{"id":901,"method":"event_occured","params":{"siid":2,"eiid":1,"arguments":[]}}`, h.plug.stamp())
		before := h.d.Refused()["spoofed"]
		h.net.send(netip.MustParseAddrPort("10.0.0.66:54321"), h.plug.peer, report)
		synctest.Wait()
		if n := h.d.Refused()["spoofed"] - before; len(h.ear.happened) != 0 || n != 1 {
			t.Errorf("believed: %v, %d refused", h.ear.happened, n)
		}
		h.net.send(h.plug.conn.LocalAddr(), h.plug.peer, report)
		synctest.Wait()
		if len(h.ear.happened) != 1 {
			t.Errorf("from the device itself: %v", h.ear.happened)
		}
		h.wantRead(s)
	})
}

// Of a flood of events some are left out and counted; of values the newest gets
// through.
func TestFloodOfReportsIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.subscribed()
		for i := range 1000 {
			h.plug.set(func() {
				h.plug.say(fmt.Sprintf(`{"id":%d,"method":"event_occured","params":{"siid":2,"eiid":1,"arguments":[]}}`, 1000+2*i))
				h.plug.say(fmt.Sprintf(`{"id":%d,"method":"properties_changed","params":[{"siid":2,"piid":2,"value":%d}]}`, 1001+2*i, i))
			})
		}
		synctest.Wait()
		if n, left := len(h.ear.happened), h.d.Refused()["flood"]; n > maxReports || n+int(left) != 1000 {
			t.Errorf("of 1000 events in a second %d got through, %d are counted as left out", n, left)
		}
		if last := h.ear.changes[len(h.ear.changes)-1]; last.Value != mi.Int(999) {
			t.Errorf("the newest of 1000 values is %v", last)
		}
	})
}

func TestPushIsRenewedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.subscribed()
		h.plug.set(func() { h.plug.boot = time.Now() })
		time.Sleep(3 * time.Minute)
		h.wantRead(s)
		time.Sleep(10 * time.Second)
		n := 0
		for _, c := range h.plug.heard() {
			if c[:8] == "miIO.sub" {
				n++
			}
		}
		if n < 2 || !s.Pushing() {
			t.Errorf("subscribed %d times, pushing %v", n, s.Pushing())
		}
	})
}

func TestSilentSubscriptionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.subscribed()
		h.plug.set(func() { h.plug.mute = true })
		time.Sleep(2 * time.Minute)
		if s.Pushing() {
			t.Error("a device that is gone still counts as reporting")
		}
		before := len(h.net.sent())
		time.Sleep(10 * time.Minute)
		if n := len(h.net.sent()) - before; n > 3 {
			t.Errorf("%d packets to a device that is gone and that nobody polls", n)
		}
	})
}

func TestNoPushWhereItIsNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, answer := range map[string]string{"hidden token": "", "not able": "MSUB\x00\x00\x00\x00PUB\x00\x00\x00\x00\x00"} {
			h := newHome(t)
			h.plug.push = answer
			s := h.open(h.info())
			h.wantRead(s)
			time.Sleep(20 * time.Second)
			if s.Pushing() || slices.ContainsFunc(h.plug.heard(), func(c string) bool { return c[:6] == "miIO.s" }) {
				t.Errorf("%s: asked %q", name, h.plug.heard())
			}
		}
	})
}

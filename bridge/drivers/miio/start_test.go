package miio

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// begin starts a read and returns what done will be told: nil for nothing came of
// it, or false when it was not begun.
func (h *home) begin(s *session, props []int) (got chan []mi.Change, begun bool) {
	got = make(chan []mi.Change, 2)
	begun = s.Start(props, nil, func(c []mi.Change, ok bool) {
		if !ok {
			c = nil
		}
		got <- c
	})
	return got, begun
}

func TestStartReadsWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		if _, begun := h.begin(s, []int{0, 1}); begun {
			t.Error("a device that never answered was read by Start")
		}
		h.wantRead(s)
		got, begun := h.begin(s, []int{0, 1, 2, 3, 4}) // a text travels alone: two chunks
		if !begun {
			t.Fatal("not begun")
		}
		if _, twice := h.begin(s, []int{0}); twice {
			t.Error("two requests in flight for one device")
		}
		if c := <-got; !slices.Equal(c, readAll) {
			t.Errorf("got %v, want %v", c, readAll)
		}
		h.wantRead(s)
	})
}

func TestStartGivesUpWhatIsNotOrdinary(t *testing.T) {
	for name, disturb := range map[string]func(h *home, s *session){
		"silence": func(h *home, _ *session) { time.Sleep(answerWait) },
		"stop":    func(_ *home, s *session) { s.Stop(); s.Stop() },
		"close":   func(_ *home, s *session) { _ = s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHome(t)
				s := h.open(h.info())
				h.wantRead(s)
				h.plug.set(func() { h.plug.mute = true })
				got, begun := h.begin(s, []int{0, 1})
				if !begun {
					t.Fatal("not begun")
				}
				disturb(h, s)
				synctest.Wait()
				if c := <-got; c != nil || len(got) > 0 {
					t.Errorf("got %v and %d more, want to be told once that nothing came", c, len(got))
				}
				if name == "close" {
					return
				}
				h.plug.set(func() { h.plug.mute = false })
				h.wantRead(s) // the turn is free again
			})
		})
	}
}

func TestStartLeavesRefusalsToGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.wantRead(s)
		h.plug.set(func() {
			h.plug.answer = func(string, json.RawMessage) (string, string) {
				return "error", `{"code":-9999,"message":"user ack timeout"}`
			}
		})
		got, begun := h.begin(s, []int{0, 1})
		if c := <-got; !begun || c != nil {
			t.Errorf("begun %v, got %v, want nothing", begun, c)
		}
	})
}

package miio

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// What cannot be opened soon after what could is damaged: the token is right.
func TestDamagedAnswersAreNoOtherToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.wantRead(s)
		h.net.mu.Lock()
		h.net.fate = func(_ int, from, _ netip.AddrPort, data []byte) []time.Duration {
			if from == h.plug.conn.LocalAddr() && len(data) > headerLen {
				data[headerLen] ^= 1
			}
			return []time.Duration{time.Millisecond}
		}
		h.net.mu.Unlock()
		if _, err := s.Get(t.Context(), []int{0}, nil); !errors.Is(err, mi.ErrTimeout) {
			t.Errorf("Get = %v, want no answer", err)
		}
		time.Sleep(provenFor)
		if _, err := s.Get(t.Context(), []int{0}, nil); !errors.Is(err, mi.ErrDenied) {
			t.Errorf("Get = %v, want a refused token: nothing could be opened for long", err)
		}
	})
}

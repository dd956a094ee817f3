package miio

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestRebootIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.wantRead(s)
		h.plug.set(func() { h.plug.boot = time.Now() })
		h.wantRead(s) // its stamp is 0, then 2
		h.plug.set(func() { h.plug.boot = time.Now() })
		time.Sleep(2 * time.Minute)
		start := time.Now()
		if err := s.Set(t.Context(), []mi.Change{{Prop: 0, Value: mi.Bool(true)}}); err != nil || time.Since(start) > time.Second {
			t.Errorf("the first order after a reboot: %v after %v", err, time.Since(start))
		}
	})
}

func TestReplaysAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.wantRead(s)
		time.Sleep(time.Minute)
		h.wantRead(s)
		synctest.Wait()
		seen, asked := h.ear.total(), len(h.plug.heard())
		us := h.plug.peer
		for _, d := range h.net.sent() {
			if d.to == us {
				for range 100 {
					h.net.send(d.from, us, d.data)
				}
			}
		}
		synctest.Wait()
		if h.ear.total() != seen || len(h.plug.heard()) != asked {
			t.Errorf("replays counted: seen %d → %d", seen, h.ear.total())
		}
		// Even with the id in flight an old stamp is refused.
		s.mu.Lock()
		next := s.lastID + 1
		s.mu.Unlock()
		old := h.plug.seal(fmt.Sprintf(`{"id":%d,"result":[{"siid":2,"piid":1,"code":0,"value":false}]}`, next), h.plug.stamp()-60)
		h.plug.set(func() {
			h.plug.answer = func(string, json.RawMessage) (string, string) {
				h.net.send(netip.MustParseAddrPort(plugAddr), us, old)
				return "", ""
			}
		})
		got, err := s.Get(t.Context(), []int{0}, nil)
		if err != nil || !slices.Equal(got, readAll[:1]) {
			t.Errorf("Get = %v, %v, want the fresh value", got, err)
		}
		if h.d.Refused()["stale"] == 0 || h.d.Refused()["unasked"] == 0 {
			t.Errorf("Refused = %v", h.d.Refused())
		}
	})
}

func TestSpoofedHelloMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		s := h.open(h.info())
		h.wantRead(s)
		liar := newPlug(t, h.net, "192.168.1.66:54321", plugDID)
		liar.token = []byte("another token!!!")
		defer liar.conn.Close()
		for range 50 {
			time.Sleep(700 * time.Millisecond)
			h.net.send(netip.MustParseAddrPort("192.168.1.66:54321"), h.plug.peer, greetingOf(plugDID, 99))
			if err := s.Set(t.Context(), []mi.Change{{Prop: 1, Value: mi.Int(55)}}); err != nil {
				t.Fatalf("an order failed while somebody lies: %v", err)
			}
		}
		if h.d.Refused()["spoofed"] == 0 {
			t.Errorf("Refused = %v", h.d.Refused())
		}
		if info, _ := s.proven(); info.Addr != plugAddr {
			t.Errorf("the session moved to %s", info.Addr)
		}
	})
}

func greetingOf(did uint64, stamp uint32) []byte {
	b := make([]byte, 32)
	copy(b, []byte{0x21, 0x31, 0, 32})
	binary.BigEndian.PutUint64(b[4:], did)
	binary.BigEndian.PutUint32(b[12:], stamp)
	return b
}

func TestAddressChangeIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		ctx, cancel := context.WithCancel(t.Context())
		found := make(chan mi.Info, 100)
		ended := make(chan error)
		go func() { ended <- h.d.Find(ctx, func(i mi.Info) { found <- i }) }()
		s := h.open(h.info())
		h.wantRead(s)
		h.plug.move(h.net, "192.168.1.77:54321")
		time.Sleep(70 * time.Second)
		h.wantRead(s)
		time.Sleep(70 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		var last mi.Info
		for len(found) > 0 {
			last = <-found
		}
		if last.Addr != "192.168.1.77:54321" || last.DID != h.info().DID {
			t.Errorf("Find last reported %+v", last)
		}
	})
}

func TestDeviceWithoutAddressIsSearched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.d.Find(ctx, func(mi.Info) {}) }()
		info := h.info()
		info.Addr = ""
		s := h.open(info)
		h.wantRead(s)
		cancel()
		<-ended
	})
}

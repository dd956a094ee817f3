package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// insist has every link read once a second for a while, as impatient callers would.
func insist(t *testing.T, links []*session, seconds int) (failed int) {
	t.Helper()
	for range seconds {
		for _, err := range readAll(t, links) {
			if err != nil {
				failed++
			}
		}
		time.Sleep(time.Second)
	}
	return failed
}

func TestCloudInTroubleIsLeftAlone(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*sky)
		most  int // requests in ten minutes
		kind  error
		text  string
		id    string
	}{
		{"dead", func(k *sky) { k.fail = fmt.Errorf("dial: %w", mi.ErrOffline) }, 18, mi.ErrOffline, "cannot be reached", "cloud.away"},
		{"slow", func(k *sky) { k.latency = 30 * time.Second }, 18, mi.ErrTimeout, "does not answer", "cloud.away"},
		{"an HTML page", func(k *sky) { k.fail = fmt.Errorf("HTML: %w", mi.ErrProtocol) }, 18, mi.ErrOffline, "nonsense", "cloud.away"},
		{"wrong JSON", func(k *sky) { k.answer = func(string, string) (string, bool) { return `{"a":1}`, true } }, 18, mi.ErrOffline, "nonsense", "cloud.away"},
		{"busy", func(k *sky) { k.fail = fmt.Errorf("429: %w", mi.ErrBusy) }, 9, mi.ErrOffline, "fewer requests", "account.limited"},
		{"login needed", func(k *sky) { k.fail = fmt.Errorf("expired: %w", mi.ErrDenied) }, 140, mi.ErrOffline, "needs a login", "account.login"},
		{"refuses all", func(k *sky) { k.fail = coded(-1) }, 100, mi.ErrOffline, "refuses", "cloud.away"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newSky(8)
				links := open(t, newDriver(k), dids(0, 8)...)
				k.put(tc.spoil)
				start := time.Now()
				var err error
				for time.Since(start) < 10*time.Minute {
					for _, one := range readAll(t, links) {
						err = one
					}
					time.Sleep(2 * time.Second)
				}
				if n := len(k.took()); n > tc.most {
					t.Errorf("%d requests in ten minutes, want at most %d", n, tc.most)
				}
				if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.text) || mi.Problem(err) != tc.id {
					t.Errorf("told %v (%s), want %v with %q (%s)", err, mi.Problem(err), tc.kind, tc.text, tc.id)
				}
				k.put(func(k *sky) { k.fail, k.answer, k.latency = nil, nil, 50*time.Millisecond })
				time.Sleep(busyRest)
				if failed := insist(t, links, 2); failed != 0 {
					t.Errorf("%d reads failed after the cloud was well again", failed)
				}
			})
		})
	}
}

func TestWellAgainWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newSky(3)
		links := open(t, newDriver(k), dids(0, 3)...)
		k.put(func(k *sky) { k.fail = fmt.Errorf("dial: %w", mi.ErrOffline) })
		insist(t, links, 1200)
		k.put(func(k *sky) { k.fail = nil })
		start := time.Now()
		for insist(t, links, 1) > 0 {
		}
		if took := time.Since(start); took > 62*time.Second {
			t.Errorf("served again after %v", took)
		}
	})
}

func TestOneBadDeviceSpoilsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newSky(40)
		links := open(t, newDriver(k), dids(0, 40)...)
		k.put(func(k *sky) { k.refuse = `"1007"` })
		for range 3 {
			for i, err := range readAll(t, links) {
				if (err != nil) != (i == 7) {
					t.Errorf("device %d: %v", i, err)
				}
			}
		}
		first := len(k.took())
		readAll(t, links)
		if n := len(k.took()); first > 20 || n != 2 {
			t.Errorf("%d requests to find the bad one, then %d a round; want at most 20, then 2", first, n)
		}
		k.put(func(k *sky) { k.refuse = "" })
		readAll(t, links)
		k.took()
		readAll(t, links)
		if n := len(k.took()); n != 1 {
			t.Errorf("%d requests a round after it is well again, want 1", n)
		}
	})
}

func TestOrdersTryASilentCloudAgainSoon(t *testing.T) {
	lamp(t, func(t *testing.T, k *sky, s *session) {
		k.put(func(k *sky) { k.fail = fmt.Errorf("dial: %w", mi.ErrOffline) })
		insist(t, []*session{s}, 600)
		k.put(func(k *sky) { k.fail = nil })
		time.Sleep(firstRest)
		if err := s.Set(t.Context(), []mi.Change{{Prop: propOn, Value: mi.Bool(true)}}); err != nil {
			t.Errorf("Set = %v", err)
		}
	})
}

func TestOrdersHaveABudget(t *testing.T) {
	lamp(t, func(t *testing.T, k *sky, s *session) {
		start := time.Now()
		for range 100 {
			if err := s.Set(t.Context(), []mi.Change{{Prop: propOn, Value: mi.Bool(true)}}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < 15*time.Second {
			t.Errorf("100 orders left within %v", took)
		}
	})
}

func TestReadsAreServedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newSky(4)
		big := &mi.Spec{Model: "acme.light.big"}
		for i := range 2000 {
			big.Props = append(big.Props, mi.Property{SIID: 2, PIID: i + 1, Access: mi.Read})
		}
		d := newDriver(k)
		links := open(t, d, dids(0, 4)...)
		links[0].spec.Store(big)
		props := make([]int, 2000)
		for i := range props {
			props[i] = i
		}
		go links[0].Get(t.Context(), props, nil)
		time.Sleep(time.Millisecond)
		start := time.Now()
		readAll(t, links[1:])
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("the others waited %v for the device with 2,000 properties", took)
		}
	})
}

func TestBudgetOfOneThatGaveUpGoesToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(gathering)
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error, 100)
		for range 100 {
			go func() { waiting <- b.wait(ctx) }()
		}
		time.Sleep(time.Second / 2)
		cancel()
		start, failed := time.Now(), 0
		for range 100 {
			if <-waiting != nil {
				failed++
			}
		}
		if err := b.wait(t.Context()); err != nil || failed != 90 || time.Since(start) > time.Second {
			t.Errorf("%d gave up; the next one waited %v, %v", failed, time.Since(start), err)
		}
	})
}

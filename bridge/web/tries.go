package web

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	triesPerMinute    = 5  // of one address
	allTriesPerMinute = 20 // of everybody
	maxAddresses      = 1000
)

// tries limits how often a password may be tried.
type tries struct {
	mu  sync.Mutex
	all *rate.Limiter
	by  map[netip.Prefix]*rate.Limiter
}

func newTries() *tries {
	return &tries{all: perMinute(allTriesPerMinute), by: map[netip.Prefix]*rate.Limiter{}}
}

func perMinute(n int) *rate.Limiter {
	return rate.NewLimiter(rate.Every(time.Minute/time.Duration(n)), n)
}

// take counts a try; it returns how long to wait when there was one too many.
func (t *tries) take(addr netip.Addr) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	bits := 32
	if addr.Is6() {
		bits = 64 // one house
	}
	who, err := addr.Prefix(bits)
	if err != nil {
		who = netip.Prefix{}
	}
	one := t.by[who]
	if one == nil {
		if len(t.by) >= maxAddresses {
			clear(t.by)
		}
		one = perMinute(triesPerMinute)
		t.by[who] = one
	}
	if wait = max(until(one), until(t.all)); wait == 0 {
		one.Allow()
		t.all.Allow()
	}
	return wait
}

// until returns how long it takes until l has room.
func until(l *rate.Limiter) time.Duration {
	if missing := 1 - l.Tokens(); missing > 0 {
		return time.Duration(missing / float64(l.Limit()) * float64(time.Second))
	}
	return 0
}

// forget lets an address begin anew after the right password.
func (t *tries) forget(addr netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, bits := range []int{32, 64} {
		if who, err := addr.Prefix(bits); err == nil {
			delete(t.by, who)
		}
	}
}

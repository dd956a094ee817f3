package yeelight

import (
	"sync"
	"time"
)

// A lamp takes 60 commands a minute by each connection, and closes it after more.
// quotaBurst at once and one every quotaEvery are never more than 58 in a minute.
const (
	quotaEvery = 1500 * time.Millisecond
	quotaBurst = 18
	quotaRest  = 15 * time.Second // after the lamp complained
)

// quota spreads commands over time.
type quota struct {
	mu   sync.Mutex // guards full
	full time.Time  // when a whole burst is to be had again
}

// take books one command and returns how long to wait before it is sent. With a
// wait longer than patience nothing is booked; patience below zero has no end.
func (q *quota) take(now time.Time, patience time.Duration) (wait time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := q.full
	if full.Before(now) {
		full = now
	}
	wait = max(0, full.Add(quotaEvery).Sub(now)-quotaBurst*quotaEvery)
	if patience >= 0 && wait > patience {
		return wait, false
	}
	q.full = full.Add(quotaEvery)
	return wait, true
}

// spare reports whether a command may be sent at once.
func (q *quota) spare(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := q.full
	if full.Before(now) {
		full = now
	}
	return full.Add(quotaEvery).Sub(now) <= quotaBurst*quotaEvery
}

// exhausted lets nothing out for a while.
func (q *quota) exhausted(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.full = now.Add(quotaRest + (quotaBurst-1)*quotaEvery)
}

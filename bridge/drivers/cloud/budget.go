package cloud

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// endpoint is a part of the API that has a budget of its own in every account.
type endpoint uint8

const (
	reading   endpoint = iota // MIoT properties, up to 150 in a request
	ordering                  // writes, actions, scenes, keys of remotes
	rpc                       // calls of devices that do not speak MIoT
	gathering                 // lists and statistics
	endpoints
)

// allowance is how often an endpoint may be asked: a request each interval, burst of
// them at once after a rest, and so many under way at the same time. Nobody publishes
// limits; what is known to go unpunished is a request a second for each device.
type allowance struct {
	interval time.Duration
	burst    int
	together int
}

func (e endpoint) allowance() allowance {
	switch e {
	case reading:
		return allowance{time.Second / 3, 12, 2}
	case ordering:
		return allowance{time.Second / 5, 20, 8}
	case rpc:
		return allowance{time.Second / 2, 10, 4}
	}
	return allowance{time.Second, 10, 2}
}

// bucket hands out the requests of one endpoint.
type bucket struct {
	allowance
	slots chan struct{} // one for each request under way

	mu   sync.Mutex // guards next
	next time.Time  // when the bucket would be full again
}

func newBucket(e endpoint) *bucket {
	a := e.allowance()
	return &bucket{allowance: a, slots: make(chan struct{}, a.together)}
}

// take waits for the right to make one request, which ends with give.
func (b *bucket) take(ctx context.Context) error {
	if err := b.wait(ctx); err != nil {
		return err
	}
	select {
	case b.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *bucket) give() { <-b.slots }

// wait returns when the budget allows a request.
func (b *bucket) wait(ctx context.Context) error {
	b.mu.Lock()
	now := time.Now()
	if b.next.Before(now) {
		b.next = now
	}
	pause := b.next.Add(-time.Duration(b.burst-1) * b.interval).Sub(now)
	if end, ok := ctx.Deadline(); ok && now.Add(pause).After(end) {
		b.mu.Unlock()
		return fmt.Errorf("too many requests wait for this account: %w", mi.ErrBusy)
	}
	b.next = b.next.Add(b.interval)
	b.mu.Unlock()
	err := pauseFor(ctx, pause)
	if err != nil { // it goes to the next one
		b.mu.Lock()
		b.next = b.next.Add(-b.interval)
		b.mu.Unlock()
	}
	return err
}

func pauseFor(ctx context.Context, pause time.Duration) error {
	if pause <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fuse keeps requests from a cloud that does not serve the account. After each
// failure it rests, twice as long each time; then one request tries again.
type fuse struct {
	mu    sync.Mutex // guards the fields below
	fails int
	since time.Time
	until time.Time
	trial bool     // a request is on its way to see
	why   *trouble // nil while all is well
}

// blown returns why nothing may be sent now. Somebody's order may try earlier,
// unless the server itself asked for rest.
func (f *fuse) blown(e endpoint) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.check(e)
}

// pass is blown for a request that is about to leave.
func (f *fuse) pass(e endpoint) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(e); err != nil {
		return err
	}
	f.trial = f.why != nil
	return nil
}

// check needs f.mu.
func (f *fuse) check(e endpoint) error {
	if f.why == nil {
		return nil
	}
	until := f.until
	if early := f.since.Add(firstRest); e == ordering && early.Before(until) && f.why.rest <= longRest {
		until = early
	}
	if time.Now().Before(until) || f.trial && e != ordering {
		return f.why.told()
	}
	return nil
}

// worked notes that the cloud serves the account.
func (f *fuse) worked() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails, f.why, f.trial = 0, nil, false
}

// answered notes that the cloud answers, though it refuses.
func (f *fuse) answered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.why, f.trial = nil, false
}

// failed notes a failure. Requests that were on their way together fail once.
func (f *fuse) failed(why *trouble, jitter func(time.Duration) time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.why != nil && !f.trial && now.Before(f.until) {
		return
	}
	rest := min(firstRest<<min(f.fails, 8), why.rest)
	f.fails++
	f.trial, f.since, f.why = false, now, why
	f.until = now.Add(rest - jitter(rest/5))
}

// abandon takes back a request that was given up before it told anything.
func (f *fuse) abandon() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trial = false
}

package account

import (
	"errors"
	"io/fs"
	"sync"
	"time"
)

const (
	between = 10 * time.Minute // two automatic requests to the account servers
	longest = 6 * time.Hour    // that the pause grows to
)

// tries is what is kept of the automatic requests for one account.
type tries struct {
	At     time.Time `json:"at"`               // of the last one
	Failed int       `json:"failed,omitempty"` // in a row, until a request to the API works again
	Ended  bool      `json:"ended,omitempty"`  // Xiaomi wants a person: no more of them
}

// budget counts the automatic requests to the account servers, in the data folder,
// so that a bridge that is restarted again and again does not ask again and again.
type budget struct {
	vault *vault
	now   func() time.Time
	alive time.Time // since then this process counts

	mu   sync.Mutex
	last time.Time // of any account
	all  map[string]tries
	safe bool // the disk keeps count
}

// keptBudget is the file.
type keptBudget struct {
	Last time.Time        `json:"last"`
	All  map[string]tries `json:"all"`
}

func newBudget(v *vault, now func() time.Time) *budget {
	b := &budget{vault: v, now: now, alive: now()}
	var kept keptBudget
	err := v.load(budgetFile, &kept)
	b.last, b.all = kept.Last, kept.All
	if b.all == nil {
		b.all = map[string]tries{}
	}
	b.safe = err == nil || errors.Is(err, fs.ErrNotExist) && b.save()
	return b
}

// pause is how long to wait after so many failures in a row.
func pause(failed int) time.Duration {
	wait := between
	for range min(failed, 10) {
		wait = min(2*wait, longest)
	}
	return wait
}

// wait returns how long no automatic request may be made; ok is false when none
// may be made at all.
func (b *budget) wait(account string) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.all[account]
	now := b.now()
	wait = max(left(now, t.At, pause(t.Failed)), left(now, b.last, between))
	if !b.safe {
		wait = max(wait, left(now, b.alive, between)) // who knows what the process before this one did
	}
	return wait, !t.Ended
}

// left is what is left of a pause since at. A clock that was put back does not
// make it longer.
func left(now, at time.Time, pause time.Duration) time.Duration {
	if at.IsZero() {
		return 0
	}
	return min(max(0, pause-now.Sub(at)), pause)
}

// take allows one automatic request, and counts it before it is made.
func (b *budget) take(account string) bool {
	if wait, ok := b.wait(account); wait > 0 || !ok {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.all[account]
	t.At, t.Failed = b.now(), t.Failed+1 // until it is known to have helped
	b.last = t.At
	b.all[account] = t
	b.safe = b.save()
	return true
}

// tried returns when the last automatic request was made.
func (b *budget) tried(account string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[account].At
}

// helped notes that a request to the API worked.
func (b *budget) helped(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.all[account]; t.Failed > 0 {
		t.Failed = 0
		b.all[account] = t
		b.safe = b.save()
	}
}

// end allows no more automatic requests for an account, until somebody signs in.
func (b *budget) end(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.all[account]
	t.Ended = true
	b.all[account] = t
	b.safe = b.save()
}

// revive allows automatic requests again: a person has given another key.
func (b *budget) revive(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.all[account]; t.Ended {
		t.Ended = false
		b.all[account] = t
		b.safe = b.save()
	}
}

// forget drops what is known of an account: a person signed in or out.
func (b *budget) forget(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.all, account)
	b.safe = b.save()
}

// save needs mu, or nobody else who knows b.
func (b *budget) save() bool {
	return b.vault.save(budgetFile, keptBudget{b.last, b.all})
}

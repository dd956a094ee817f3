package bridgetest

import (
	"sync"
	"time"
)

// Clock is a wall clock that can be put wrong. The zero Clock is right.
type Clock struct {
	mu  sync.Mutex
	off time.Duration
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

// Step moves the hands.
func (c *Clock) Step(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += by
}

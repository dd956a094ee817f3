package bluetooth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	settled    = time.Minute // a connection that lasted so long was a good one
)

var errNotYet = errors.New("bluetooth: not connected yet")

// ErrAbsent marks the error of a receiver that nobody asked for and that is not
// there: nobody needs to hear of it.
var ErrAbsent = errors.New("not there")

// Condition is whether a receiver works, and why not. Its zero value is one that
// has not begun.
type Condition struct {
	mu    sync.Mutex
	begun bool
	err   error
}

// Set notes how things stand, nil for well, and reports whether that is news.
func (c *Condition) Set(err error) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	news = !c.begun || (err == nil) != (c.err == nil) || err != nil && err.Error() != c.err.Error()
	c.begun, c.err = true, err
	return news
}

// Hearing returns what was set last.
func (c *Condition) Hearing() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.begun {
		return errNotYet
	}
	return c.err
}

// Keep makes one attempt after the other until ctx ends. An attempt sets c to nil
// once it works, and returns why it does not work any more; that is logged when it
// is another reason than before. It waits a second before the next attempt, more
// and more up to a minute when they fail in a row.
func Keep(ctx context.Context, c *Condition, log zerolog.Logger, attempt func(context.Context) error) {
	wait := firstRetry
	for {
		began := time.Now()
		err := attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > settled {
			wait = firstRetry
		}
		level := zerolog.DebugLevel
		if c.Set(err) && !errors.Is(err, ErrAbsent) {
			level = zerolog.WarnLevel
		}
		log.WithLevel(level).Err(err).Dur("retry", wait).Msg("Bluetooth receiver does not work")
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		wait = min(2*wait, lastRetry)
	}
}

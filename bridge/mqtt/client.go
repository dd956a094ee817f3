package mqtt

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	settled    = time.Minute      // a connection that lasted so long was a good one
	brief      = 15 * time.Second // longer than an answer may take; a connection that broke so soon is a sign of trouble
	calmDown   = 30 * time.Second // after two of them
	farewell   = 2 * time.Second
)

// errGiveUp ends Client.run: no further try makes sense.
var errGiveUp = errors.New("mqtt: stopped")

// Connection is how things stand with the broker.
type Connection struct {
	Up      bool
	Broker  string // its address
	Problem string // in words, with what to do; "" while connected
	Lost    uint64 // momentary messages that could not be sent
	Waiting int    // values that wait for the connection
	Client  string // our name at the broker
	Taken   bool   // another program uses the same name
}

// Client keeps a connection to the broker and sends what the outbox holds.
type Client struct {
	who     identity
	dial    func(context.Context) (net.Conn, error)
	broker  string
	log     zerolog.Logger
	random  *rand.Rand // only for run
	out     *outbox
	arrived func(arrival)
	// greet says who we are and subscribes; it runs after each connect, before
	// anything else is sent.
	greet func(ctx context.Context, s *session) error
	// leave says goodbye; ctx ends with farewell.
	leave func(ctx context.Context, s *session)

	mu      sync.Mutex
	session *session // nil while there is none
	since   time.Time
	taken   bool // somebody used our client id when we last looked
	problem string
	changed chan struct{} // closed and replaced when session changes
}

// run connects again and again until ctx ends.
func (c *Client) run(ctx context.Context) error {
	wait, short := firstRetry, 0
	for {
		began := time.Now()
		err := c.attempt(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errGiveUp) {
			return err
		}
		if time.Since(began) > settled {
			wait = firstRetry
		}
		if short = shortLived(short, err, time.Since(began)); short >= 2 {
			wait = max(wait, calmDown)
			err = fmt.Errorf("%w; it broke soon after the start again: does another client use the id %s, or does the broker refuse large messages?", err, c.who.clientID)
			c.blame(c.rivalled(ctx))
		}
		c.complain(err, wait)
		select {
		case <-time.After(c.jitter(wait)):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, lastRetry)
	}
}

// blame notes whether somebody else uses our client id.
func (c *Client) blame(taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = taken
}

// shortLived counts the connections in a row that broke soon after they were made.
func shortLived(before int, err error, lived time.Duration) int {
	if errors.Is(err, errLost) && lived < brief {
		return before + 1
	}
	return 0
}

// jitter spreads the bridges that lost the same broker.
func (c *Client) jitter(d time.Duration) time.Duration {
	return d - time.Duration(c.random.Int64N(int64(d)/4))
}

// attempt is one connection from beginning to end.
func (c *Client) attempt(ctx context.Context) error {
	s, err := open(ctx, c.who, c.dial, c.arrived)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.greet(ctx, s); err != nil {
		if errors.Is(err, errGiveUp) {
			return err
		}
		return broken(err)
	}
	c.out.reopen()
	c.use(s)
	err = broken(c.out.run(ctx, s))
	c.out.shut()
	c.use(nil)
	if ctx.Err() != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		c.leave(last, s)
	}
	return err
}

// broken marks an error of an open connection as the end of it, whichever call
// noticed first.
func broken(err error) error {
	if err == nil || errors.Is(err, errLost) {
		return err
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// use makes s the session of everybody; nil for none.
func (c *Client) use(s *session) {
	c.mu.Lock()
	c.session = s
	if s != nil {
		c.problem, c.since = "", time.Now()
	}
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	if s != nil {
		c.log.Info().Str("broker", c.broker).Msg("connected to the broker")
	}
}

// up waits for a session.
func (c *Client) up(ctx context.Context) (*session, error) {
	for {
		c.mu.Lock()
		s, changed := c.session, c.changed
		c.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// changes waits until s is no session any more.
func (c *Client) changes(ctx context.Context, s *session) error {
	for {
		c.mu.Lock()
		now, changed := c.session, c.changed
		c.mu.Unlock()
		if now != s {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// complain logs a failure when it is another one than before.
func (c *Client) complain(err error, retry time.Duration) {
	text := words(err)
	c.mu.Lock()
	news := c.problem != text
	c.problem = text
	c.mu.Unlock()
	level := zerolog.DebugLevel
	if news {
		level = zerolog.WarnLevel
	}
	c.log.WithLevel(level).Str("broker", c.broker).Str("user", c.who.user).Dur("retry", retry).Err(err).Msg("no connection to the broker: " + text)
}

// Connection returns how things stand.
func (c *Client) Connection() Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	up := c.session != nil
	if up && time.Since(c.since) > brief {
		c.taken = false // a connection that lasts is nobody else's
	}
	out := Connection{Up: up, Broker: c.broker, Problem: c.problem, Lost: c.out.lost(), Client: c.who.clientID, Taken: c.taken}
	if !up {
		out.Waiting = c.out.waiting()
	}
	return out
}

package account

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// fresh is how long a session is used before it is renewed to see whether that
// still works without a person. Xiaomi ends them after three days at the earliest.
const fresh = 48 * time.Hour

// renew gets a new session in place of the old one, once for all who ask at the
// same time. early means that the old one still works.
func (m *Manager) renew(ctx context.Context, c *client, old session, early bool) (session, error) {
	c.mu.Lock()
	if c.session.serviceToken != old.serviceToken && c.session.whole() {
		defer c.mu.Unlock()
		return c.session, nil // somebody else has done it
	}
	running := c.renewing
	if running == nil {
		running = make(chan struct{})
		c.renewing = running
		m.working.Go(func() { m.finishRenewal(context.WithoutCancel(ctx), c, running, early) })
	}
	c.mu.Unlock()
	select {
	case <-running:
	case <-ctx.Done():
		return session{}, fmt.Errorf("account: %w", ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session, c.outcome
}

// finishRenewal renews and lets those go on who wait. It does not end with the
// order of the first of them.
func (m *Manager) finishRenewal(ctx context.Context, c *client, running chan struct{}, early bool) {
	err := m.tryRenew(ctx, c, early)
	c.mu.Lock()
	c.outcome, c.renewing = err, nil
	c.mu.Unlock()
	close(running)
}

// tryRenew renews the session where the budget allows it.
func (m *Manager) tryRenew(ctx context.Context, c *client, early bool) error {
	if !m.budget.take(c.id) {
		return m.notAllowed(c, early)
	}
	m.log.Debug().Str("account", c.label).Bool("early", early).Msg("renewing the session")
	s := c.signed()
	s, err := m.byToken(ctx, m.tokenJar(s), s)
	if err == nil {
		m.renewedTo(c, s)
		return nil
	}
	m.notRenewed(c, err, early)
	return err
}

// notAllowed says when the next renewal may be. Until then no request leaves, unless
// the last renewal went well: then it may be this request alone that is refused.
func (m *Manager) notAllowed(c *client, early bool) error {
	wait, ok := m.budget.wait(c.id)
	if !ok {
		err := fmt.Errorf("account: the session has ended and cannot be renewed: %w", ErrAuthExpired)
		if !early {
			m.turn(c, LoginNeeded, err)
		}
		return err
	}
	err := &limit{fmt.Errorf("account: the session has ended; the next renewal is in %s: %w", wait.Round(time.Second), ErrLimited), wait}
	if early {
		return err
	}
	c.mu.Lock()
	if c.renewed.Before(m.budget.tried(c.id)) {
		c.until = m.opt.World.Now().Add(wait)
	}
	c.mu.Unlock()
	m.turn(c, Limited, err)
	c.mu.Lock()
	c.state.Until = m.opt.World.Now().Add(wait)
	c.mu.Unlock()
	return err
}

func (m *Manager) renewedTo(c *client, s session) {
	m.learnSession(s)
	c.mu.Lock()
	c.session.lay(s)
	c.renewed, c.until = m.opt.World.Now(), time.Time{}
	was := c.state.Condition
	c.mu.Unlock()
	m.saveSessions()
	if was == Expiring {
		m.turn(c, OK, nil)
	}
	m.log.Info().Str("account", c.label).Msg("session renewed")
}

// final reports whether an error ends automatic tries: only a person helps.
func final(err error) bool {
	for _, kind := range []error{ErrAuthExpired, ErrVerify, ErrCaptcha, ErrRiskControl} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func (m *Manager) notRenewed(c *client, err error, early bool) {
	if final(err) {
		m.budget.end(c.id)
	}
	switch {
	case final(err) && early:
		m.turn(c, Expiring, err)
	case errors.Is(err, ErrVerify):
		m.turn(c, Verify, err)
	case final(err):
		m.turn(c, LoginNeeded, err)
	case early: // the old session still works
	case errors.Is(err, ErrLimited) || errors.Is(err, ErrTooOld):
		m.turn(c, Limited, err)
	default:
		m.turn(c, Away, err)
	}
}

// keepFresh renews early, so that a person hears in time when that stops working.
func (m *Manager) keepFresh(ctx context.Context, c *client) {
	c.mu.Lock()
	due := c.state.Condition == OK && m.opt.World.Now().Sub(c.renewed) > fresh
	old := c.session
	c.mu.Unlock()
	if wait, ok := m.budget.wait(c.id); !due || wait > 0 || !ok {
		return
	}
	if _, err := m.renew(ctx, c, old, true); err != nil {
		m.log.Debug().Err(err).Str("account", c.label).Msg("early renewal failed")
	}
}

// Retry renews the session because a person has done what Xiaomi wanted, such as to
// confirm the sign-in in a browser: conditions Verify, LoginNeeded and Expiring.
func (m *Manager) Retry(ctx context.Context, account string) error {
	c, err := m.client(account)
	if err != nil {
		return err
	}
	if !m.stepping.TryLock() {
		return fmt.Errorf("account: the answer before is on its way: %w", ErrBusy)
	}
	defer m.stepping.Unlock()
	old := c.signed()
	s, err := m.byToken(ctx, m.tokenJar(old), old)
	if err != nil {
		return err
	}
	m.budget.forget(c.id)
	m.renewedTo(c, s)
	m.turn(c, OK, nil)
	select {
	case c.orders <- listing{}:
	default: // one is ordered already
	}
	return nil
}

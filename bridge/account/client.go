package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// client is one account that somebody signed in to.
type client struct {
	id     string
	cancel chan struct{} // closed by SignOut
	orders chan listing  // for the lists

	mu       sync.Mutex // guards what follows
	label    string
	session  session
	renewed  time.Time // when the session began
	renewing chan struct{}
	outcome  error // of the last renewal
	state    State
	until    time.Time // no request to the API before
	slowed   int       // times in a row that the API asked to slow down
	list     homes
}

func newClient(id, label string, s session, at time.Time) *client {
	return &client{
		id: id, label: label, session: s, renewed: at,
		cancel: make(chan struct{}), orders: make(chan listing, 1),
		state: State{ID: id, Label: label, Condition: OK, Since: at},
	}
}

func (c *client) signed() session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// has reports whether a region is known to have something of the account.
func (c *client) has(region string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.list.regions, func(r Region) bool { return r.ID == region && (r.Homes > 0 || r.Devices > 0) })
}

// keptSession is one account in the data folder. mi.Secret masks itself, so the
// secrets are kept as text.
type keptSession struct {
	ID           string    `json:"id"`
	Label        string    `json:"label"`
	CUserID      string    `json:"c_user_id"`
	PassToken    string    `json:"pass_token"`
	Ssecurity    string    `json:"ssecurity"`
	ServiceToken string    `json:"service_token"`
	Renewed      time.Time `json:"renewed"`
	Condition    Condition `json:"condition"`
	Since        time.Time `json:"since"`
	Cause        string    `json:"cause,omitempty"`
	VerifyURL    string    `json:"verify_url,omitempty"`
}

// keptSessions is the file.
type keptSessions struct {
	Accounts []keptSession `json:"accounts"`
	Given    []string      `json:"given,omitempty"` // hashes of the pairs of the settings that were tried
}

func (m *Manager) loadSessions() {
	var kept keptSessions
	if m.vault.load(sessionFile, &kept) != nil {
		return
	}
	m.given = kept.Given
	for _, k := range kept.Accounts {
		if !decimal(k.ID) || k.PassToken == "" && k.ServiceToken == "" {
			continue
		}
		s := session{k.ID, k.CUserID, k.PassToken, k.Ssecurity, k.ServiceToken}
		m.learnSession(s)
		m.learn(k.VerifyURL)
		c := newClient(k.ID, k.Label, s, k.Renewed)
		c.state.Condition, c.state.Since, c.state.Cause = k.Condition, k.Since, k.Cause
		c.state.VerifyURL, c.state.Text = mi.Secret(k.VerifyURL), conditionText(k.Condition)
		m.accounts[k.ID] = c
	}
}

// saveSessions keeps the sessions at once: one that was renewed is worth nothing
// without its new token.
func (m *Manager) saveSessions() {
	m.saving.Lock()
	defer m.saving.Unlock()
	var kept keptSessions
	for _, c := range m.sorted() {
		c.mu.Lock()
		s, st := c.session, c.state
		kept.Accounts = append(kept.Accounts, keptSession{
			c.id, c.label, s.cUserID, s.passToken, s.ssecurity, s.serviceToken, c.renewed,
			lasting(st.Condition), st.Since, st.Cause, st.VerifyURL.Reveal(),
		})
		c.mu.Unlock()
	}
	m.mu.Lock()
	kept.Given = m.given
	m.mu.Unlock()
	m.vault.save(sessionFile, kept)
}

// lasting is the condition that holds after a restart: the cloud may be there
// again then.
func lasting(c Condition) Condition {
	if c == Limited || c == Away {
		return OK
	}
	return c
}

// adopt takes in an account that somebody has just signed in to.
func (m *Manager) adopt(s session, label string) *client {
	now := m.opt.World.Now()
	m.learnSession(s)
	m.mu.Lock()
	c := m.accounts[s.userID]
	fresh := c == nil
	if fresh {
		c = newClient(s.userID, label, s, now)
		m.accounts[s.userID] = c
	}
	m.mu.Unlock()
	c.mu.Lock()
	c.session, c.renewed, c.until = s, now, time.Time{}
	if !strings.HasPrefix(label, "…") { // it says more than the user id
		c.label = label
	}
	c.mu.Unlock()
	m.budget.forget(c.id)
	m.turn(c, OK, nil)
	m.saveSessions()
	if fresh {
		m.later(func(ctx context.Context) { m.tend(ctx, c) })
	}
	return c
}

// SignOut forgets an account and everything of it, in the data folder too.
func (m *Manager) SignOut(account string) error {
	m.mu.Lock()
	c := m.accounts[account]
	delete(m.accounts, account)
	m.mu.Unlock()
	if c == nil {
		return fmt.Errorf("account: sign out of %.20s: %w", account, ErrNoAccount)
	}
	close(c.cancel)
	m.budget.forget(account)
	m.vault.remove(sessionFile) // the copy of before goes too
	m.vault.remove(homesFile)
	m.saveSessions()
	m.saveHomes()
	m.found()
	m.log.Info().Str("account", c.label).Msg("signed out of the Xiaomi account")
	return nil
}

// Trouble returns why what earlier runs kept of the accounts can neither be used nor
// replaced: ErrSealed when it wants another Options.Seal. A sign-in then holds
// until the end of the process. nil means that all is well.
func (m *Manager) Trouble() error { return m.vault.trouble() }

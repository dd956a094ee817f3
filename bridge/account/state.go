package account

import (
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// clockSlack is how far this machine's clock may be off.
const clockSlack = 5 * time.Minute

// conditionText is the sentence of a condition.
func conditionText(c Condition) string {
	switch c {
	case Expiring:
		return "Your Xiaomi sign-in ends soon. Sign in again."
	case LoginNeeded:
		return "Xiaomi has ended the sign-in. Local devices are not affected; those that need the cloud are. Sign in again."
	case Verify:
		return "Xiaomi wants you to confirm the sign-in in a browser. The bridge has stopped trying so that the account is not locked."
	case Limited:
		return "Xiaomi asks us to slow down. Local devices are not affected."
	case Away:
		return "Xiaomi's cloud does not answer. Local devices are not affected."
	}
	return ""
}

// Accounts returns how things stand, sorted by id.
func (m *Manager) Accounts() []State {
	var out []State
	for _, c := range m.sorted() {
		c.mu.Lock()
		st := c.state
		st.Label, st.Listed = c.label, c.list.at
		st.Regions = slices.Clone(c.list.regions)
		st.Devices = len(c.list.devices)
		st.Problem = st.Condition.problem()
		if st.Condition == OK && !c.list.all.IsZero() && st.Devices == 0 {
			st.Problem, st.Text = "account.empty", summary(st.Regions)
		}
		if st.Condition == Limited && c.until.After(st.Until) {
			st.Until = c.until
		}
		c.mu.Unlock()
		st.ClockOff = m.clockOff()
		out = append(out, st)
	}
	return out
}

func (m *Manager) compareClocks(ahead time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead = ahead
}

func (m *Manager) clockOff() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ahead.Abs() < clockSlack {
		return 0
	}
	return m.ahead
}

// turn changes the condition of an account and tells it where it is new.
func (m *Manager) turn(c *client, to Condition, cause error) {
	c.mu.Lock()
	was := c.state.Condition
	text := ""
	if cause != nil {
		text = cause.Error()
	}
	changed := was != to || c.state.Cause != text && to != Away // why the cloud is away may change with every try
	if changed {
		c.state.Condition, c.state.Cause, c.state.Text = to, text, conditionText(to)
		c.state.VerifyURL = m.verifyURL(to, cause)
	}
	if was != to {
		c.state.Since, c.state.Until = m.opt.World.Now(), time.Time{}
	}
	label := c.label
	c.mu.Unlock()
	if !changed {
		return
	}
	if was != to {
		level := zerolog.WarnLevel
		if to == OK {
			level = zerolog.InfoLevel
		}
		m.log.WithLevel(level).Err(cause).Str("account", label).Str("state", string(to)).Msg("Xiaomi account")
	}
	if lasting(was) != lasting(to) {
		m.saveSessions()
	}
	m.bell.ring()
}

// verifyURL returns the page to open, where Xiaomi named one of its own.
func (m *Manager) verifyURL(to Condition, cause error) mi.Secret {
	v, ok := errors.AsType[*verify](cause)
	if to != Verify || !ok {
		return ""
	}
	u, err := m.web.hosts.lead(m.web.hosts.bases[accountHost], v.address)
	if err != nil {
		return ""
	}
	m.learn(u.String())
	return mi.Secret(u.String())
}

package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// signInGiven signs in with the pairs of the settings, each once: one that is dead
// stays dead.
func (m *Manager) signInGiven(ctx context.Context) {
	for _, g := range m.opt.Given {
		s, err := parseToken(g.UserID, g.PassToken)
		if err != nil {
			m.log.Error().Err(err).Msg("an account of the settings is left out")
			continue
		}
		m.learn(s.passToken)
		m.signInOnce(ctx, s)
	}
}

// signInOnce tries a pair until Xiaomi has said yes or no to it.
func (m *Manager) signInOnce(ctx context.Context, s session) {
	mark := mark(s)
	if m.tried(mark) {
		return
	}
	m.budget.revive(s.userID) // a new pair is a person's doing
	for {
		wait, _ := m.budget.wait(s.userID)
		if !rest(ctx, wait) {
			return
		}
		if m.budget.take(s.userID) && m.signIn(ctx, s, mark) {
			return
		}
	}
}

// signIn reports whether there was a yes or no.
func (m *Manager) signIn(ctx context.Context, s session, mark string) bool {
	whole, err := m.byToken(ctx, m.tokenJar(s), s)
	said := err == nil || final(err)
	if said {
		m.mu.Lock()
		m.given = append(m.given, mark)
		m.mu.Unlock()
	}
	if err != nil {
		m.saveSessions()
		m.log.Error().Err(err).Str("account", label("", s.userID)).Msg("the account of the settings cannot be signed in to. " + words(err))
		return said
	}
	m.adopt(whole, label("", s.userID))
	m.log.Info().Str("account", label("", s.userID)).Msg("signed in to the Xiaomi account of the settings")
	return true
}

func (m *Manager) tried(mark string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(m.given, mark)
}

func mark(s session) string {
	sum := sha256.Sum256([]byte(s.userID + ":" + s.passToken))
	return hex.EncodeToString(sum[:16])
}

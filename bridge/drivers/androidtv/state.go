package androidtv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// state is what a TV said. Nothing is known before it says whether it is on.
type state struct {
	met   bool // the TV said it, or there is none to say it; from then on
	known bool // it said it on this connection
	whole bool // it had the time to tell the rest too
	on    bool
	sound loudness
	app   string // package in front
}

// expectation is the state that an order leads to before the TV shows it.
type expectation struct {
	on    bool
	until time.Time // zero when there is none
}

// Get implements mi.Getter. A TV that nobody answers for is off; one that takes the
// connection and does not answer hangs, and nobody knows what it shows.
func (s *session) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	if s.ctx.Err() != nil {
		return into, fmt.Errorf("androidtv: read: closed: %w", mi.ErrOffline)
	}
	if s.welcome() {
		err := s.present(ctx)
		if s.ctx.Err() != nil || ctx.Err() != nil || err != nil && !errors.Is(err, mi.ErrOffline) && !errors.Is(err, mi.ErrDenied) {
			return into, fmt.Errorf("androidtv: read: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	values := s.values()
	for _, p := range props {
		if p >= 0 && p < len(values) {
			into = append(into, values[p])
		}
	}
	return into, nil
}

// values lists what is known of each property. It needs mu.
func (s *session) values() []mi.Change {
	out := make([]mi.Change, propCount)
	for i := range out {
		out[i].Prop = i
	}
	out[propPairing].Value = mi.Int(int64(s.standing()))
	if !s.facts.Paired || s.refused || !s.state.met {
		return out
	}
	on := s.expected()
	out[propOn].Value = mi.Bool(on)
	if !on || !s.state.on {
		return out
	}
	if s.state.sound.most > 0 {
		out[propVolume].Value = mi.Int(int64(s.state.sound.percent()))
		out[propMute].Value = mi.Bool(s.state.sound.muted)
	}
	if s.state.app != "" {
		out[propApp].Value, out[propFront].Value = mi.Text(s.state.app), mi.Text(cmp.Or(named(s.state.app), s.state.app))
	}
	return out
}

// expected returns the state to show: what was ordered until the TV had its time. It
// needs mu.
func (s *session) expected() bool {
	e := &s.expect
	if e.until.IsZero() || e.on == s.state.on || time.Now().After(e.until) {
		e.until = time.Time{}
		return s.state.on
	}
	return e.on
}

// standing says how the bridge stands with the TV. It needs mu.
func (s *session) standing() int {
	switch {
	case s.pairing != nil:
		return pairingCode
	case s.refused:
		return pairingRefused
	case s.facts.Paired:
		return pairingDone
	}
	return pairingNone
}

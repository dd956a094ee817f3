package androidtv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	clientName = "mihome2mqtt"    // as the TV shows it
	stepTime   = 8 * time.Second  // for an answer of the TV
	codeTime   = 10 * time.Minute // for people to type the code
)

// pairing is a TV that shows a code.
type pairing struct {
	wire   *wire
	key    *x509.Certificate // the bridge's
	answer chan answer       // to the secret, or that the TV gave up; one
	typed  bool              // the code was sent; guarded by the session's mu
}

// answer is what came from the TV.
type answer struct {
	message []byte
	err     error
}

// invite asks the TV for a code; it is on the screen when invite returns.
func invite(ctx context.Context, n mi.Network, addr string, key *tls.Certificate) (*pairing, error) {
	w, err := dial(ctx, n, addr, key)
	if err != nil {
		return nil, err
	}
	for _, step := range []struct {
		say  []byte
		hear protowire.Number
	}{
		{pairingRequest(clientName), partRequestAck},
		{pairingOptions(), partOptions},
		{pairingConfig(), partConfigAck},
	} {
		if err := w.ask(ctx, step.say, step.hear); err != nil {
			w.close()
			return nil, err
		}
	}
	return &pairing{wire: w, key: key.Leaf, answer: make(chan answer, 1)}, nil
}

// ask sends a pairing message and waits for the answer.
func (w *wire) ask(ctx context.Context, say []byte, hear protowire.Number) error {
	if err := w.write(say); err != nil {
		return err
	}
	b, err := w.read(ctx, stepTime)
	if err != nil {
		return err
	}
	return parsePairing(b, hear)
}

// prove sends what only somebody knows who sees the screen. A code that cannot be
// the right one is not sent, so that it can be typed again.
func (p *pairing) prove(ctx context.Context, secret []byte) error {
	if err := p.wire.write(pairingSecret(secret)); err != nil {
		return err
	}
	wait := time.NewTimer(stepTime)
	defer wait.Stop()
	select {
	case a := <-p.answer:
		if a.err != nil {
			return a.err
		}
		return parsePairing(a.message, partSecretAck)
	case <-wait.C:
		return fmt.Errorf("the TV does not answer to the code: %w", mi.ErrTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pair asks a TV to show a code, which Finish takes. The TV forgets it when nobody
// types it for some minutes, and when Pair asks again.
func (d *Driver) Pair(ctx context.Context, did string) error {
	s, err := d.session(did)
	if err != nil {
		return err
	}
	return s.pair(ctx)
}

// Finish pairs with the code that the TV shows. After ErrInvalid for a wrong code
// it may be typed again as long as the TV shows it.
func (d *Driver) Finish(ctx context.Context, did, code string) error {
	s, err := d.session(did)
	if err != nil {
		return err
	}
	return s.finish(ctx, code)
}

func (d *Driver) session(did string) (*session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sessions[did]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("androidtv: pair %s: no such TV: %w", did, mi.ErrUnsupported)
}

func (s *session) pair(ctx context.Context) error {
	key, err := s.d.identity()
	if err != nil {
		return err
	}
	s.abandon()
	ctx, cancel := s.within(ctx)
	defer cancel()
	p, err := invite(ctx, s.d.w.Net, pairAddr(s.address()), key)
	if err != nil {
		return s.failed("pair", err)
	}
	s.change(func() {
		if s.ctx.Err() == nil {
			s.pairing = p
			s.tasks.Go(func() { s.watch(p) })
		}
	})
	return nil
}

// watch waits for what the TV says after it showed a code: that it knows the bridge,
// or nothing more because it took the code away.
func (s *session) watch(p *pairing) {
	message, err := p.wire.read(s.ctx, codeTime)
	p.answer <- answer{message, err}
	s.change(func() {
		if s.pairing == p && !p.typed {
			s.pairing = nil
		}
	})
	p.wire.close()
}

// abandon ends a pairing that nobody finished.
func (s *session) abandon() {
	s.change(func() {
		if s.pairing != nil {
			s.pairing.wire.close()
		}
		s.pairing = nil
	})
}

func (s *session) finish(ctx context.Context, code string) error {
	s.mu.Lock()
	p := s.pairing
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("androidtv: pairing code: the TV shows no code; press Pair first: %w", mi.ErrInvalid)
	}
	secret, err := secretOf(p.key, p.wire.certificate(), code)
	if err != nil {
		return fmt.Errorf("androidtv: pairing code: %w", err)
	}
	s.change(func() { p.typed = true })
	ctx, cancel := s.within(ctx)
	defer cancel()
	err = p.prove(ctx, secret)
	p.wire.close()
	s.change(func() {
		if s.pairing == p {
			s.pairing = nil
		}
		if err == nil {
			s.refused, s.facts.Paired, s.err, s.tried, s.state = false, true, nil, time.Time{}, state{}
		}
	})
	if err != nil {
		return s.failed("pairing code", err)
	}
	s.remember()
	s.again()
	return nil
}

// failed words the error of an order. A TV that is off is no reason to call it away,
// and one that refuses is no reason to leave it alone.
func (s *session) failed(what string, err error) error {
	switch {
	case s.ctx.Err() != nil:
		err = fmt.Errorf("closed: %w", mi.ErrOffline)
	case errors.Is(err, mi.ErrOffline):
		err = fmt.Errorf("%s; switch it on first: %w", text(err, mi.ErrOffline), mi.ErrInvalid)
	case errors.Is(err, mi.ErrDenied):
		err = fmt.Errorf("%s; press Pair, then type the code that the TV shows: %w", text(err, mi.ErrDenied), mi.ErrInvalid)
	}
	return fmt.Errorf("androidtv: %s: %w", what, err)
}

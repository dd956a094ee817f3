package ninebot

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// What is told on the control characteristic.
const (
	codeLogin    = 0x24
	codeLoggedIn = 0x21
	codeWho      = 0xA2
	codeSetKey   = 0x15
	codeFinish   = 0x13
	codePaired   = 0x11
)

const (
	drawnSize  = 16
	proofSize  = 32
	pointSize  = 64
	whoSize    = 24 // four bytes of version and flags, then the identity
	whoStartAt = 4
)

var errNoToken = fmt.Errorf("a Mi scooter needs the token that Xiaomi Home has for it, or must be set up with pairing, which takes it away from Xiaomi Home: %w", mi.ErrDenied)

// enter logs in with Xiaomi's authentication, pairing first when that is wanted
// and necessary, and makes the wire speak encrypted.
func (s *session) enter(ctx context.Context, w *wire) error {
	d, err := openDesk(ctx, w.p)
	if err != nil {
		return err
	}
	token, err := s.token()
	if err != nil {
		return err
	}
	if token == nil {
		if token, err = s.bind(ctx, d); err != nil {
			return fmt.Errorf("pair: %w", err)
		}
		s.facts.Key = hex.EncodeToString(token)
		s.d.remember(s.did, s.facts)
	}
	k, err := s.logIn(ctx, d, token)
	if err != nil {
		return err
	}
	w.speak(&secure{k: k, rand: s.d.source()})
	return nil
}

// token returns the key that was configured or agreed on; nil when there is none
// and one may be agreed on.
func (s *session) token() ([]byte, error) {
	text := s.conf.Token.Reveal()
	if text == "" {
		text = s.facts.Key
	}
	switch b, err := hex.DecodeString(text); {
	case text == "" && s.conf.Pair:
		return nil, nil
	case text == "":
		return nil, errNoToken
	case err != nil || len(b) != tokenSize:
		return nil, fmt.Errorf("its token is not %d hexadecimal digits: %w", 2*tokenSize, mi.ErrDenied)
	default:
		return b, nil
	}
}

// logIn proves to each side that the other holds the token.
func (s *session) logIn(ctx context.Context, d *desk, token []byte) (keys, error) {
	if err := d.command(ctx, codeLogin); err != nil {
		return keys{}, err
	}
	ours := s.d.draw(drawnSize)
	if err := d.send(ctx, parcelApp, ours); err != nil {
		return keys{}, err
	}
	theirs, err := d.receive(ctx, parcelDevice, drawnSize)
	if err != nil {
		return keys{}, err
	}
	proof, err := d.receive(ctx, parcelSign, proofSize)
	if err != nil {
		return keys{}, err
	}
	k, err := login(token, ours, theirs)
	if err != nil {
		return keys{}, err
	}
	if !k.genuine(proof) {
		return keys{}, fmt.Errorf("log in: it does not know its token: %w", mi.ErrDenied)
	}
	if err := d.send(ctx, parcelAppSign, k.proof()); err != nil {
		return keys{}, err
	}
	return k, d.verdict(ctx, codeLoggedIn)
}

// bind agrees on a token with the device. Whoever had one before loses it.
func (s *session) bind(ctx context.Context, d *desk) ([]byte, error) {
	if err := d.command(ctx, codeWho); err != nil {
		return nil, err
	}
	who, err := d.receive(ctx, parcelInfo, whoSize)
	if err != nil {
		return nil, err
	}
	if err := d.command(ctx, codeSetKey); err != nil {
		return nil, err
	}
	own := newPrivate(s.d.source())
	if err := d.send(ctx, parcelKey, publicOf(own)); err != nil {
		return nil, err
	}
	theirs, err := d.receive(ctx, parcelKey, pointSize)
	if err != nil {
		return nil, err
	}
	b, err := agree(own, theirs)
	if err != nil {
		return nil, err
	}
	if err := d.send(ctx, parcelInfo, b.identity(who[whoStartAt:])); err != nil {
		return nil, err
	}
	if err := d.command(ctx, codeFinish); err != nil {
		return nil, err
	}
	return b.token, d.verdict(ctx, codePaired)
}

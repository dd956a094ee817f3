package ninebot

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	pressFor   = 30 * time.Second // how long the button on the vehicle is waited for
	pressEvery = time.Second
)

var (
	errUnpaired = fmt.Errorf("it must be paired once: set it up with pairing and press its power button when it asks: %w", mi.ErrDenied)
	errNotBound = fmt.Errorf("nobody pressed the power button in time: %w", mi.ErrDenied)
)

// pairCrypto opens a session of NinebotCrypto: greeting, key, serial number. The
// first time the vehicle wants its power button pressed; later it knows our key.
func (s *session) pairCrypto(ctx context.Context, w *wire) error {
	c := newCrypto(s.advertised())
	w.speak(c)
	hello, err := w.ask(ctx, message{Board: boardRadio, Cmd: cmdHello}, askTwice, func(m message) bool {
		return m.Cmd == cmdHello && len(m.Data) == secretSize+serialSize
	})
	if err != nil {
		return err
	}
	s.learn(Crypto)
	w.change(func() { c.greeted(hello.Data) })
	key, err := s.offerKey(ctx, w)
	if err != nil {
		return err
	}
	w.change(func() { c.paired(key) })
	_, err = w.ask(ctx, message{Board: boardRadio, Cmd: cmdPair, Data: hello.Data[secretSize:]}, askTwice, func(m message) bool {
		return m.Cmd == cmdPair && m.Arg == 1
	})
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	if text := hex.EncodeToString(key); s.facts.Key != text {
		s.facts.Key = text
		s.d.remember(s.did, s.facts)
	}
	return nil
}

// offerKey tells the vehicle our key until it takes it.
func (s *session) offerKey(ctx context.Context, w *wire) ([]byte, error) {
	key, err := hex.DecodeString(s.facts.Key)
	known := err == nil && len(key) == secretSize
	if !known {
		if !s.conf.Pair {
			return nil, errUnpaired
		}
		key = s.d.draw(secretSize)
		s.d.o.Log.Info().Str("device", s.did).Msg("press the power button of the vehicle once to pair it")
	}
	end := time.Now().Add(pressFor)
	for {
		m, err := w.ask(ctx, message{Board: boardRadio, Cmd: cmdKey, Data: key}, askTwice, func(m message) bool { return m.Cmd == cmdKey })
		switch {
		case err != nil:
			return nil, err
		case m.Arg == 1:
			return key, nil
		case known && !s.conf.Pair:
			return nil, errUnpaired
		case !time.Now().Before(end):
			return nil, errNotBound
		}
		if err := w.rest(ctx, pressEvery); err != nil {
			return nil, err
		}
	}
}

// rest waits as long as the connection holds.
func (w *wire) rest(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-w.p.Done():
		return errLost
	case <-ctx.Done():
		return ctx.Err()
	}
}

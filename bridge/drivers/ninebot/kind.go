package ninebot

import (
	"context"
	"errors"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Kind is what a vehicle speaks. Its text is stored.
type Kind string

// The kinds of vehicles. The empty one is found out at the first visit.
const (
	Mini    Kind = "mini"    // Ninebot mini and miniPRO: frames 55 AA, its own board
	Scooter Kind = "scooter" // Mi Electric Scooter M365: frames 55 AA
	Crypto  Kind = "crypto"  // Ninebot scooters with frames 5A A5 and NinebotCrypto
	Secure  Kind = "secure"  // Mi scooters with Xiaomi's authentication
)

// board returns the address of the board that answers for the vehicle.
func (k Kind) board() byte {
	if k == Mini {
		return boardMini
	}
	return boardMotor
}

// speedScale returns what speeds in km/h are multiplied with.
func (k Kind) speedScale() int {
	if k == Crypto {
		return 10
	}
	return 1000
}

func (k Kind) model() string {
	switch k {
	case "":
		return ""
	case Mini:
		return "ninebot.balscooter.mini"
	}
	return "ninebot.scooter." + string(k)
}

var errStrange = fmt.Errorf("it speaks none of the known protocols; a Mi scooter that Xiaomi Home knows needs its token: %w", mi.ErrTimeout)

// introduce makes the wire speak as the vehicle does. What it learns about the
// vehicle is remembered.
func (s *session) introduce(ctx context.Context, w *wire) error {
	switch s.facts.Kind {
	case Mini, Scooter:
		w.speak(plain{})
		return nil
	case Crypto:
		return s.pairCrypto(ctx, w)
	case Secure:
		return s.enter(ctx, w)
	}
	for _, k := range []Kind{Mini, Scooter} {
		w.speak(plain{})
		switch _, err := w.read(ctx, k.board(), regSerial, serialSize, 1); {
		case err == nil:
			s.learn(k)
			return nil
		case !errors.Is(err, mi.ErrTimeout):
			return err
		}
	}
	err := s.pairCrypto(ctx, w)
	if !errors.Is(err, mi.ErrTimeout) {
		return err
	}
	if !s.conf.Pair {
		return errStrange
	}
	if err = s.enter(ctx, w); err == nil {
		s.learn(Secure)
	}
	return err
}

// learn notes the kind of the vehicle.
func (s *session) learn(k Kind) {
	if s.facts.Kind != k {
		s.facts.Kind = k
		s.d.remember(s.did, s.facts)
	}
}

package miio

import (
	"context"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const usualLegacy = 15 // names in one get_prop; above, several devices answer wrongly

// Profile is the consumer's view.
type Profile interface {
	Spec() *mi.Spec
}

func (s *session) getLegacy(ctx context.Context, what *meaning, props []int, into []mi.Change) ([]mi.Change, error) {
	return into, fmt.Errorf("miio: get: %w", mi.ErrUnsupported)
}

func (s *session) setLegacy(ctx context.Context, what *meaning, changes []mi.Change) error {
	return fmt.Errorf("miio: set: %w", mi.ErrUnsupported)
}

func (s *session) callLegacy(ctx context.Context, what *meaning, index int, args []mi.Value) ([]mi.Value, error) {
	return nil, fmt.Errorf("miio: call: %w", mi.ErrUnsupported)
}

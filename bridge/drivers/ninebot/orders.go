package ninebot

import (
	"context"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	tailLight = 2               // what the register of the light holds when it is on
	obeyIn    = 5 * time.Second // a vehicle may take its time
	lookEvery = 500 * time.Millisecond
)

var errRiding = fmt.Errorf("somebody rides it: it is locked when it stands still: %w", mi.ErrBusy)

// Set implements mi.Setter. Locks and lights are all that is ever written.
func (s *session) Set(ctx context.Context, changes []mi.Change) error {
	return s.alone(ctx, func(ctx context.Context) error {
		for _, c := range changes {
			if err := s.mayChange(c); err != nil {
				return err
			}
		}
		if err := s.away(); err != nil {
			return err
		}
		return s.visit(ctx, func(ctx context.Context, w *wire) error {
			for _, c := range changes {
				if err := s.order(ctx, w, c); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (s *session) mayChange(c mi.Change) error {
	fields := s.shaped().fields
	if c.Prop < 0 || c.Prop >= len(fields) || s.shape.spec.Props[c.Prop].Access&mi.Write == 0 {
		return fmt.Errorf("property %d cannot be set: %w", c.Prop, mi.ErrInvalid)
	}
	if _, ok := c.Value.Bool(); !ok {
		return fmt.Errorf("set property %d to %.40q: %w", c.Prop, c.Value, mi.ErrInvalid)
	}
	return nil
}

// order carries out one change and looks whether it was obeyed.
func (s *session) order(ctx context.Context, w *wire, c mi.Change) error {
	field, k := s.shape.fields[c.Prop], s.facts.Kind
	on, _ := c.Value.Bool()
	register, value := byte(regLight), uint16(0)
	switch {
	case field == fieldLocked:
		if err := standing(ctx, w, k, &s.known); err != nil {
			return err
		}
		register, value = regUnlock, 1
		if on {
			register = regLock
		}
	case on:
		value = tailLight
	}
	if err := w.write(ctx, k.board(), register, value); err != nil {
		return err
	}
	return s.obeyed(ctx, w, field, mi.Bool(on))
}

// standing reads whether the vehicle stands still.
func standing(ctx context.Context, w *wire, k Kind, v *values) error {
	if err := readLive(ctx, w, k, v); err != nil {
		return err
	}
	if speed, _ := v[fieldSpeed].Float(); speed != 0 {
		return errRiding
	}
	return nil
}

// obeyed reads a change back until it shows.
func (s *session) obeyed(ctx context.Context, w *wire, field int, want mi.Value) error {
	for end := time.Now().Add(obeyIn); ; {
		if err := readSwitch(ctx, w, s.facts.Kind, field, &s.known); err != nil {
			return err
		}
		if s.known[field] == want {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("it does not obey: %w", mi.ErrBusy)
		}
		if err := w.rest(ctx, lookEvery); err != nil {
			return err
		}
	}
}

func readSwitch(ctx context.Context, w *wire, k Kind, field int, v *values) error {
	if field == fieldLocked {
		return readLive(ctx, w, k, v)
	}
	b, err := w.read(ctx, k.board(), regLight, 2, askTwice)
	if err == nil {
		v[fieldLight] = mi.Bool(word(b, 0) != 0)
	}
	return err
}

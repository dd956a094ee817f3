package camera

import (
	"context"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Set implements mi.Setter.
func (s *session) Set(ctx context.Context, changes []mi.Change) error {
	for _, c := range changes {
		r, err := orderOf(c)
		if err != nil {
			return err
		}
		if err := s.order(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// orderOf returns the request that makes a change.
func orderOf(c mi.Change) (request, error) {
	name, text := settingNames()[c.Prop], c.Value.String()
	switch on, ok := c.Value.Bool(); {
	case c.Prop == propRecord && ok && on:
		return request{ID: msgRecordStart}, nil
	case c.Prop == propRecord && ok:
		return request{ID: msgRecordStop}, nil
	case c.Prop == propMode && text != "record" && text != "capture":
	case name != "" && settable(text):
		return request{ID: msgSet, Type: name, Param: text}, nil
	}
	return request{}, fmt.Errorf("camera: set property %d to %.40q: %w", c.Prop, c.Value, mi.ErrInvalid)
}

// Call implements mi.Caller.
func (s *session) Call(ctx context.Context, action int, _ []mi.Value) ([]mi.Value, error) {
	if action != actionPhoto {
		return nil, fmt.Errorf("camera: call action %d: %w", action, mi.ErrInvalid)
	}
	return nil, s.order(ctx, request{ID: msgPhoto})
}

// order makes a request whose answer is only yes or no.
func (s *session) order(ctx context.Context, r request) error {
	return s.use(ctx, func(ctx context.Context, w *wire) error {
		_, err := w.ask(ctx, r)
		return err
	})
}

// Describe implements mi.Describer.
func (s *session) Describe(ctx context.Context) (info mi.Info, err error) {
	err = s.use(ctx, func(ctx context.Context, w *wire) error {
		m, err := w.ask(ctx, request{ID: msgAll})
		if err != nil {
			return err
		}
		all, err := settings(m.Param)
		info = mi.Info{Model: model, Firmware: all["sw_version"].String(), Hardware: all["hw_version"].String()}
		return err
	})
	return info, err
}

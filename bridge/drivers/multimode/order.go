package multimode

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Get implements mi.Getter. What comes with an answer beyond what was asked is told
// like everything else.
func (s *session) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	s.tell.Lock()
	k := s.kind
	s.tell.Unlock()
	fail := func(err error) ([]mi.Change, error) {
		return into, fmt.Errorf("multimode: get %s: %w", s.child.did, err)
	}
	if k == nil {
		return fail(mi.ErrUnsupported)
	}
	var got []item
	err := s.alone(ctx, func(ctx context.Context) (err error) {
		got, err = s.ask(ctx, k.places(props))
		return err
	})
	if err != nil {
		return fail(err)
	}
	s.tell.Lock()
	defer s.tell.Unlock()
	for _, c := range k.changes(got, s.raw, nil) {
		for _, p := range props {
			if p == c.Prop {
				into = append(into, c)
			}
		}
	}
	return into, nil
}

// ask reads places of both kinds.
func (s *session) ask(ctx context.Context, places []place) (got []item, err error) {
	var names, props []any
	for _, p := range places {
		if p.kind == 'r' {
			names = append(names, map[string]any{"res_name": p.res})
		} else {
			props = append(props, map[string]any{"did": s.wire, "siid": p.siid, "piid": p.iid})
		}
	}
	if len(names) > 0 {
		if got, err = s.at().read(ctx, s.wire, names); err != nil {
			return nil, err
		}
	}
	if len(props) == 0 {
		return got, nil
	}
	result, err := s.at().request(ctx, "get_properties", props)
	if err != nil {
		return nil, err
	}
	all, err := entries(result)
	return append(got, items(all)...), err
}

// Set implements mi.Setter: one value after the other, as the Zigbee part wants it.
func (s *session) Set(ctx context.Context, changes []mi.Change) error {
	err := s.alone(ctx, func(ctx context.Context) error {
		for _, c := range changes {
			if err := s.write(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("multimode: set %s: %w", s.child.did, err)
	}
	return nil
}

func (s *session) write(ctx context.Context, c mi.Change) error {
	s.tell.Lock()
	k := s.kind
	if k == nil {
		s.tell.Unlock()
		return mi.ErrUnsupported
	}
	o, err := k.write(c, s.raw)
	s.tell.Unlock()
	if err != nil {
		return err
	}
	return s.send(ctx, o)
}

func (s *session) send(ctx context.Context, o order) error {
	if o.place.kind == 'r' {
		return s.at().write(ctx, s.wire, o.place.res, o.value)
	}
	result, err := s.at().request(ctx, "set_properties", []any{
		map[string]any{"did": s.wire, "siid": o.place.siid, "piid": o.place.iid, "value": o.value},
	})
	if err != nil {
		return err
	}
	return refusal(result)
}

// refusal reads the codes of an answer.
func refusal(result json.RawMessage) error {
	all, err := entries(result)
	if err != nil {
		return err
	}
	if code := failure(all); code != 0 {
		return fmt.Errorf("the device refuses with %d: %w", code, mi.ErrInvalid)
	}
	return nil
}

// Call implements mi.Caller.
func (s *session) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	s.tell.Lock()
	k := s.kind
	s.tell.Unlock()
	if k == nil || action < 0 || action >= len(k.runs) {
		return nil, fmt.Errorf("multimode: call %s: %w", s.child.did, mi.ErrUnsupported)
	}
	err := s.alone(ctx, func(ctx context.Context) error {
		r := k.runs[action]
		if r.place.kind != 'a' {
			return s.send(ctx, order{r.place, r.raw})
		}
		in := append(make([]mi.Value, 0, len(args)), args...)
		_, err := s.at().request(ctx, "action", map[string]any{"did": s.wire, "siid": r.place.siid, "aiid": r.place.iid, "in": in})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("multimode: call %s: %w", s.child.did, err)
	}
	return nil, nil
}

// at is the gateway that speaks for the device now.
func (s *session) at() *gate {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.child.gate
}

// alone runs f with nobody else writing to the device, until the session ends.
func (s *session) alone(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	select {
	case s.one <- struct{}{}:
	case <-ctx.Done():
		return s.explain(ctx.Err())
	}
	defer func() { <-s.one }()
	return s.explain(f(ctx))
}

// explain says so when something failed because the session ended.
func (s *session) explain(err error) error {
	if err != nil && s.ctx.Err() != nil {
		return fmt.Errorf("the conversation was closed: %w", mi.ErrOffline)
	}
	return err
}

package camera

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// restTime is how long a camera is left to the client that took it.
const restTime = 5 * time.Minute

// session is an open conversation with one camera. Its connection lasts, because
// the camera tells changes on it; one that failed is made anew by the next
// request.
type session struct {
	d      *Driver
	addr   string
	sink   mi.Sink
	spec   *mi.Spec
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	over   sync.Once

	turn chan struct{} // holds one entry while somebody uses the fields below
	wire *wire
	rest time.Time // until then the camera is left alone
}

var (
	_ mi.Getter    = (*session)(nil)
	_ mi.Setter    = (*session)(nil)
	_ mi.Caller    = (*session)(nil)
	_ mi.Describer = (*session)(nil)
)

// Spec implements mi.Link. It asks nobody.
func (s *session) Spec(context.Context) (*mi.Spec, error) { return s.spec, nil }

// Close implements mi.Link. It gives the session back to the camera.
func (s *session) Close() error {
	s.over.Do(func() {
		s.cancel()
		s.turn <- struct{}{}
		defer func() { <-s.turn }()
		if s.wire != nil {
			s.wire.leave()
			s.wire = nil
		}
	})
	return nil
}

// use runs f with a session, alone. A wire that failed is dropped.
func (s *session) use(ctx context.Context, f func(context.Context, *wire) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.ctx, cancel)
	defer stop()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
	}
	var err error
	if ctx.Err() == nil {
		err = s.try(ctx, f)
	}
	switch {
	case s.ctx.Err() != nil:
		return fmt.Errorf("camera: closed: %w", mi.ErrOffline)
	case ctx.Err() != nil:
		return fmt.Errorf("camera: %w", ctx.Err())
	case err != nil:
		return fmt.Errorf("camera: %w", err)
	}
	s.sink.Seen()
	return nil
}

// try needs the turn.
func (s *session) try(ctx context.Context, f func(context.Context, *wire) error) error {
	if time.Now().Before(s.rest) {
		return fmt.Errorf("the camera is left to another client for up to %v: %w", restTime, mi.ErrBusy)
	}
	if s.wire != nil && !s.wire.alive() {
		s.wire = nil
	}
	if s.wire == nil {
		w, err := dial(ctx, s.d.w.Net, s.addr, s.hear)
		if err != nil {
			s.yield(errors.Is(err, errTaken))
			return err
		}
		s.wire = w
	}
	err := f(ctx, s.wire)
	if err != nil && !refused(err) {
		s.yield(errors.Is(err, errTaken))
		s.drop(ctx)
	}
	return err
}

// yield leaves the camera alone for a while if it is taken.
func (s *session) yield(taken bool) {
	if taken {
		s.rest = time.Now().Add(restTime)
		s.d.o.Log.Info().Str("address", s.addr).Dur("for", restTime).Msg("another client uses the camera; it is left alone")
	}
}

// drop ends a wire on which a request failed. A camera that merely was not waited
// for gets its session back.
func (s *session) drop(ctx context.Context) {
	if ctx.Err() != nil {
		s.wire.leave()
	} else {
		s.wire.hangUp()
	}
	s.wire = nil
}

// hear takes what the camera says unasked.
func (s *session) hear(m *message) {
	s.sink.Seen()
	if c, ok := fromNotice(m); ok {
		s.sink.Changed([]mi.Change{c})
	}
}

// Get implements mi.Getter. That a camera is not there is a state: nothing else is
// known of it then but where its picture would be.
func (s *session) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	got := make([]mi.Value, propCount)
	told := make([]bool, propCount)
	take := func(c mi.Change, ok bool) {
		if ok {
			got[c.Prop], told[c.Prop] = c.Value, true
		}
	}
	err := s.use(ctx, func(ctx context.Context, w *wire) error { return read(ctx, w, props, take) })
	away := errors.Is(err, mi.ErrOffline) && ctx.Err() == nil && s.ctx.Err() == nil
	if err != nil && !away {
		return into, err
	}
	take(mi.Change{Prop: propConnected, Value: mi.Bool(!away)}, true)
	take(mi.Change{Prop: propStream, Value: mi.Text(streamOf(s.addr))}, true)
	for _, p := range props {
		switch {
		case p < 0 || p >= propCount:
		case away && p != propConnected && p != propStream:
			into = append(into, mi.Change{Prop: p})
		case told[p]:
			into = append(into, mi.Change{Prop: p, Value: got[p]})
		}
	}
	return into, nil
}

// read asks for what the properties need and no more.
func read(ctx context.Context, w *wire, props []int, take func(mi.Change, bool)) error {
	steps := []struct {
		props []int
		read  func(context.Context, *wire, func(mi.Change, bool)) error
	}{
		{[]int{propRecord, propMode, propCard, propResolution, propQuality, propPhotoSize, propConnected}, readSettings},
		{[]int{propBattery, propCharging}, readBattery},
		{[]int{propFree}, readSpace(propFree, "free")},
		{[]int{propTotal}, readSpace(propTotal, "total")},
	}
	for _, step := range steps {
		if !slices.ContainsFunc(step.props, func(p int) bool { return slices.Contains(props, p) }) {
			continue
		}
		if err := step.read(ctx, w, take); err != nil && !refused(err) {
			return err
		}
	}
	return nil
}

func readSettings(ctx context.Context, w *wire, take func(mi.Change, bool)) error {
	m, err := w.ask(ctx, request{ID: msgAll})
	if err != nil {
		return err
	}
	all, err := settings(m.Param)
	for name, v := range all {
		take(fromSetting(name, v))
	}
	return err
}

func readBattery(ctx context.Context, w *wire, take func(mi.Change, bool)) error {
	m, err := w.ask(ctx, request{ID: msgBattery})
	if err != nil {
		return err
	}
	take(level(value(m.Param)))
	take(mi.Change{Prop: propCharging, Value: chargingIs(m.Type == "adapter")}, m.Type != "")
	return nil
}

func readSpace(prop int, which string) func(context.Context, *wire, func(mi.Change, bool)) error {
	return func(ctx context.Context, w *wire, take func(mi.Change, bool)) error {
		m, err := w.ask(ctx, request{ID: msgSpace, Type: which})
		if err != nil {
			return err
		}
		size, ok := gigabytes(value(m.Param))
		take(mi.Change{Prop: prop, Value: size}, ok)
		return nil
	}
}

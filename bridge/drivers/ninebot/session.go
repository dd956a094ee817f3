package ninebot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	visitLimit = 50 * time.Second // of a connection, whatever happens on it
	retryRest  = time.Minute      // after a visit that failed, doubled up to the interval
	deniedRest = time.Hour        // after one that was in vain without help
	oldAfter   = 3                // intervals for which what was read stays good
)

// session is an open conversation with one vehicle. It is a series of visits:
// what was read at the last one is what it knows.
type session struct {
	d      *Driver
	did    string
	addr   mi.Address
	conf   Config
	sink   mi.Sink
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	over   sync.Once

	turn   chan struct{} // holds one entry while somebody uses the fields below
	facts  facts
	shape  shape // has no spec until the kind is known
	known  values
	read   time.Time // of the last visit that went well; zero when it was away since
	rest   time.Time // until then it is left alone
	failed error     // the last visit, if it did
	fails  int       // in a row
}

var (
	_ mi.Getter    = (*session)(nil)
	_ mi.Setter    = (*session)(nil)
	_ mi.Describer = (*session)(nil)
)

// Close implements mi.Link.
func (s *session) Close() error {
	s.over.Do(func() {
		s.cancel()
		s.d.near.opened(s.addr, nil)
		s.turn <- struct{}{}
		<-s.turn
	})
	return nil
}

// alone runs f with the fields of the session.
func (s *session) alone(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.ctx, cancel)
	defer stop()
	var err error
	select {
	case s.turn <- struct{}{}:
		err = f(ctx)
		<-s.turn
	case <-ctx.Done():
		err = ctx.Err()
	}
	switch {
	case s.ctx.Err() != nil:
		return fmt.Errorf("ninebot: %s: closed: %w", mac(s.addr), mi.ErrOffline)
	case err != nil:
		return fmt.Errorf("ninebot: %s: %w", mac(s.addr), err)
	}
	return nil
}

// Spec implements mi.Link. It asks the vehicle when its kind is not known.
func (s *session) Spec(ctx context.Context) (spec *mi.Spec, err error) {
	err = s.alone(ctx, func(ctx context.Context) error {
		if s.facts.Kind == "" {
			if err := s.fresh(ctx); err != nil {
				return err
			}
		}
		spec = s.shaped().spec
		return nil
	})
	return spec, err
}

// shaped needs the turn.
func (s *session) shaped() *shape {
	if s.shape.spec == nil {
		s.shape = newShape(s.facts.Kind, s.d.o.Writes)
	}
	return &s.shape
}

// Get implements mi.Getter. It visits the vehicle when it is near and the last
// visit is long enough ago.
func (s *session) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	got := into
	err := s.alone(ctx, func(ctx context.Context) error {
		if err := s.fresh(ctx); err != nil {
			return err
		}
		fields := s.shaped().fields
		for _, p := range props {
			if p >= 0 && p < len(fields) && s.known[fields[p]].Known() {
				got = append(got, mi.Change{Prop: p, Value: s.known[fields[p]]})
			}
		}
		return nil
	})
	if err != nil {
		return into, err
	}
	return got, nil
}

// Describe implements mi.Describer.
func (s *session) Describe(ctx context.Context) (info mi.Info, err error) {
	err = s.alone(ctx, func(ctx context.Context) error {
		if err := s.fresh(ctx); err != nil {
			return err
		}
		info = mi.Info{Model: s.facts.Kind.model(), MAC: mac(s.addr), Firmware: s.known[fieldFirmware].String()}
		return nil
	})
	return info, err
}

// fresh makes sure that what is known is good. It needs the turn.
func (s *session) fresh(ctx context.Context) error {
	if len(s.d.o.Receivers) > 0 {
		s.d.near.listen(ctx, s.addr, s.d.born)
	}
	if err := s.away(); err != nil {
		s.read = time.Time{}
		return err
	}
	now := time.Now()
	switch {
	case !s.read.IsZero() && now.Sub(s.read) < s.d.o.Interval:
		return nil
	case now.Before(s.rest):
		return s.excuse(now)
	}
	first := s.read.IsZero()
	err := s.visit(ctx, func(ctx context.Context, w *wire) error {
		return readAll(ctx, w, s.facts.Kind, &s.known, first)
	})
	switch {
	case err == nil:
		s.read, s.rest, s.fails = now, time.Time{}, 0
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		s.failed, s.rest = err, time.Now().Add(s.restAfter(err))
		s.fails++
		return s.excuse(now)
	}
	return nil
}

// excuse tells why nothing is known, unless the last visit is not that long ago.
func (s *session) excuse(now time.Time) error {
	if !s.read.IsZero() && now.Sub(s.read) < oldAfter*s.d.o.Interval {
		return nil
	}
	return s.failed
}

// away says that the vehicle is not there, if it was not heard.
func (s *session) away() error {
	last := s.d.near.last(s.addr)
	if len(s.d.o.Receivers) == 0 || !last.at.IsZero() && time.Since(last.at) < s.d.o.AwayAfter {
		return nil
	}
	return mi.Diagnose("device.asleep", fmt.Errorf("it is not near, or switched off: %w", mi.ErrOffline)) // of package problem: that is normal
}

// visit connects, runs f and leaves. It needs the turn.
func (s *session) visit(ctx context.Context, f func(context.Context, *wire) error) error {
	limited, cancel := context.WithTimeout(ctx, visitLimit)
	defer cancel()
	err := s.connected(limited, f)
	switch {
	case err == nil:
		s.d.near.met(s.addr, time.Now())
		s.sink.Seen()
	case limited.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("the visit took longer than %v: %w", visitLimit, mi.ErrTimeout)
	}
	return err
}

func (s *session) restAfter(err error) time.Duration {
	switch {
	case errors.Is(err, mi.ErrDenied), errors.Is(err, errStrange):
		return deniedRest
	case errors.Is(err, mi.ErrBusy):
		return s.d.o.Interval
	}
	return min(retryRest<<min(s.fails, 8), s.d.o.Interval)
}

func (s *session) connected(ctx context.Context, f func(context.Context, *wire) error) error {
	p, err := s.d.central(s.addr).Connect(ctx, s.addr)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer p.Close()
	s.d.count.visits.Add(1)
	w, err := attach(ctx, p, &s.d.count)
	if err != nil {
		return err
	}
	if err := s.introduce(ctx, w); err != nil {
		return err
	}
	return f(ctx, w)
}

// advertised returns the name that the vehicle's encryption is mixed with.
func (s *session) advertised() string {
	if name := s.d.near.last(s.addr).name; name != "" && name != s.facts.Name {
		s.facts.Name = name
		s.d.remember(s.did, s.facts)
	}
	return s.facts.Name
}

package bluetooth

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Shared is a receiver that several parts listen to. It listens itself while any of
// them does: a node serves one listener, and an adapter scans once.
type Shared struct {
	mi.Receiver
	ears  atomic.Pointer[[]*ear]
	began time.Time
	last  sync.Map // of *voice by name: who hears for it

	turn sync.Mutex // one coming or going at a time; guards the fields below
	stop context.CancelFunc
	done chan struct{}
	err  error // why listening ended; read after done
}

type ear struct{ heard func(mi.Advert) }

// Share lets several parts listen to r.
func Share(r mi.Receiver) *Shared {
	s := &Shared{Receiver: r, began: time.Now()}
	s.ears.Store(&[]*ear{})
	return s
}

// Listen implements mi.Receiver.
func (s *Shared) Listen(ctx context.Context, heard func(mi.Advert)) error {
	e := &ear{heard}
	done := s.join(ctx, e)
	select {
	case <-ctx.Done():
	case <-done:
	}
	return s.leave(e, done)
}

// join adds e, and begins to listen for the first. The channel is closed when that
// has ended.
func (s *Shared) join(ctx context.Context, e *ear) <-chan struct{} {
	s.turn.Lock()
	defer s.turn.Unlock()
	all := append(slices.Clone(*s.ears.Load()), e)
	s.ears.Store(&all)
	if len(all) > 1 {
		return s.done
	}
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	s.stop, s.done = stop, done
	go func() {
		defer close(done)
		s.err = s.Receiver.Listen(inner, s.spread)
	}()
	return done
}

// leave takes e out, and ends listening with the last. It returns why listening
// ended by itself, if it did.
func (s *Shared) leave(e *ear, done <-chan struct{}) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	all := slices.DeleteFunc(slices.Clone(*s.ears.Load()), func(o *ear) bool { return o == e })
	s.ears.Store(&all)
	if len(all) == 0 {
		s.stop()
		<-done
	}
	select {
	case <-done:
		return s.err
	default:
		return nil
	}
}

func (s *Shared) spread(a mi.Advert) {
	s.note(a.Receiver)
	for _, e := range *s.ears.Load() {
		e.heard(a)
	}
}

package bluetooth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// only is a receiver that one part may listen to at a time.
type only struct {
	t      *testing.T
	begun  int
	inside bool
	heard  func(mi.Advert)
	fail   chan error
}

func (*only) Name() string   { return "only" }
func (*only) Hearing() error { return nil }

func (o *only) Listen(ctx context.Context, heard func(mi.Advert)) error {
	if o.inside {
		o.t.Error("two listen at once")
	}
	o.begun++
	o.inside, o.heard = true, heard
	defer func() { o.inside = false }()
	select {
	case err := <-o.fail:
		return err
	case <-ctx.Done():
		return nil
	}
}

// TestQuietReceivers are those that used to hear.
func TestQuietReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &only{t: t, fail: make(chan error)}
		s := Share(inner)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Listen(ctx, func(mi.Advert) {}) }()
		synctest.Wait()
		hear := func(name string, n int) {
			for range n {
				inner.heard(mi.Advert{Receiver: name})
			}
		}
		hear("hall", 10)
		hear("attic", 9)
		hear("", 100)
		time.Sleep(5*time.Minute - time.Second)
		hear("", 1)
		if got := s.Quiet(); len(got) != 0 {
			t.Errorf("too early: %v", got)
		}
		time.Sleep(time.Second)
		if got := s.Quiet(); len(got) != 1 || got[0] != (Quiet{"hall", 5 * time.Minute}) {
			t.Errorf("quiet are %v", got)
		}
		hear("hall", 1)
		if got := s.Quiet(); len(got) != 0 {
			t.Errorf("heard again: %v", got)
		}
		time.Sleep(24 * time.Hour)
		if got := s.Quiet(); len(got) != 0 {
			t.Errorf("after a day: %v", got)
		}
		stop()
		<-ended
	})
}

func TestSharedListensOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &only{t: t, fail: make(chan error)}
		s := Share(inner)
		counts, ends := make([]int, 3), make([]chan error, 3)
		var stops []context.CancelFunc
		for i := range 3 {
			ctx, stop := context.WithCancel(t.Context())
			stops, ends[i] = append(stops, stop), make(chan error, 1)
			go func() { ends[i] <- s.Listen(ctx, func(mi.Advert) { counts[i]++ }) }()
			synctest.Wait()
		}
		inner.heard(mi.Advert{})
		stops[0]()
		if err := <-ends[0]; err != nil {
			t.Error(err)
		}
		inner.heard(mi.Advert{})
		if counts[0] != 1 || counts[1] != 2 || counts[2] != 2 || inner.begun != 1 {
			t.Errorf("heard %v, begun %d times", counts, inner.begun)
		}
		broken := errors.New("broken")
		inner.fail <- broken
		for _, end := range ends[1:] {
			if err := <-end; !errors.Is(err, broken) {
				t.Errorf("ended with %v", err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() { ends[0] <- s.Listen(ctx, func(mi.Advert) {}) }()
		synctest.Wait()
		stop()
		if err := <-ends[0]; err != nil || inner.begun != 2 || inner.inside {
			t.Errorf("again: %v, begun %d times, inside %v", err, inner.begun, inner.inside)
		}
		for _, stop := range stops {
			stop()
		}
	})
}

package device

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// prompt is a driver whose links read without a goroutine.
type prompt struct {
	*wires
	mu      sync.Mutex
	started int
	fails   bool                    // whatever is begun comes to nothing
	silent  bool                    // nor is it answered
	waiting func([]mi.Change, bool) // of what was begun and not answered
}

type promptLink struct {
	*link
	p *prompt
}

func (p *prompt) Open(ctx context.Context, d mi.Info, s mi.Sink) (mi.Link, error) {
	l, err := p.wires.Open(ctx, d, s)
	if err != nil {
		return nil, err
	}
	return &promptLink{l.(*link), p}, nil
}

func (l *promptLink) Start(props []int, into []mi.Change, done func([]mi.Change, bool)) bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.p.started++
	if l.p.silent {
		l.p.waiting = done
		return true
	}
	fails := l.p.fails
	go func() {
		got, err := l.Get(context.Background(), props, into)
		done(got, err == nil && !fails)
	}()
	return true
}

func (l *promptLink) Stop() {
	l.p.mu.Lock()
	done := l.p.waiting
	l.p.waiting = nil
	l.p.mu.Unlock()
	if done != nil {
		go done(nil, false)
	}
}

func playPrompt(t *testing.T, f func(s *stage, d *Device, th *thing, p *prompt)) {
	p := &prompt{}
	play(t, func(o *Options) {
		p.wires = o.Routes[0].Driver.(*wires)
		o.Routes[0].Driver = p
	}, func(s *stage, d *Device, th *thing) { f(s, d, th, p) })
}

func (p *prompt) put(f func(*prompt)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

func TestPollsNeedNoGoroutine(t *testing.T) {
	playPrompt(t, func(s *stage, d *Device, th *thing, p *prompt) {
		s.after(time.Minute)
		th.put(func(th *thing) { th.values[propLevel] = mi.Int(9) })
		s.after(time.Minute)
		p.put(func(p *prompt) {
			if p.started < 3 {
				t.Errorf("%d polls were begun in two minutes", p.started)
			}
		})
		if got := d.Values(nil)[propLevel]; got != mi.Int(9) {
			t.Errorf("level = %v, want 9", got)
		}
	})
}

func TestWhatWasBegunInVainIsReadPatiently(t *testing.T) {
	playPrompt(t, func(s *stage, d *Device, th *thing, p *prompt) {
		s.after(time.Minute)
		p.put(func(p *prompt) { p.fails = true })
		th.put(func(th *thing) { th.values[propLevel] = mi.Int(9) })
		s.after(time.Minute)
		if got := d.Values(nil)[propLevel]; got != mi.Int(9) || !d.Status().Online {
			t.Errorf("level = %v, status %+v, want 9 and online", got, d.Status())
		}
	})
}

func TestOrderEndsAPollThatWasBegun(t *testing.T) {
	playPrompt(t, func(s *stage, d *Device, th *thing, p *prompt) {
		s.after(time.Minute)
		p.put(func(p *prompt) { p.silent = true })
		s.after(time.Minute)
		e := s.order(d, set(propOn, mi.Bool(true)))
		s.after(2 * time.Second)
		e.want(t, "ok")
	})
}

func TestEndDoesNotWaitForAPollThatWasBegun(t *testing.T) {
	playPrompt(t, func(s *stage, d *Device, th *thing, p *prompt) {
		s.after(time.Minute)
		p.put(func(p *prompt) { p.silent = true })
		s.after(time.Minute)
		if !s.Remove("1") {
			t.Fatal("not removed")
		}
		s.after(time.Second)
		if count(s.view.take(), "removed") != 1 {
			t.Error("the View was not told")
		}
		e := s.order(d, set(propOn, mi.Bool(true)))
		if e.err == nil || !errors.Is(e.err, mi.ErrOffline) {
			t.Errorf("an order for a removed device ended with %v", e.err)
		}
	})
}

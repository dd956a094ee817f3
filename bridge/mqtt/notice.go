package mqtt

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
)

// coalesce is how long changes of one device are collected: a second message while
// Home Assistant still sets up the first loses entities there.
const coalesce = 2 * time.Second

// notice is what was announced of one device, or of the bridge. Messages are not
// kept: they are made again from what they were made from.
type notice struct {
	device string              // id, or that of the bridge
	what   func() announcement // what is to be announced now
	queued bool                // guarded by announcer.mu
	force  bool                // announce even what the broker has; guarded by announcer.mu

	// The announcer's own.
	round int   // of sums
	sums  []sum // by target: the messages that the broker holds
	last  announcement
	after [][]homeassistant.Message // by target: the last step of a change; nil for none
}

// sum stands for what a broker holds; not known until it is read or written.
type sum struct {
	of    uint64
	known bool
}

// announcement makes the messages for a target; nil for none.
type announcement func(t Target) []homeassistant.Message

// announcer publishes discovery messages: once per device and content, changes
// collected, paced for all of them together.
type announcer struct {
	targets []Target
	client  *Client
	pace    *rate.Limiter
	wake    chan struct{}

	mu    sync.Mutex
	queue []appointment // by time
}

type appointment struct {
	notice *notice
	at     time.Time
}

func newAnnouncer(targets []Target, client *Client, perSecond float64) *announcer {
	return &announcer{targets: targets, client: client, pace: rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/10))), wake: make(chan struct{}, 1)}
}

// add has a notice announced soon, if it is not what the broker has already.
func (a *announcer) add(n *notice, force bool) {
	a.mu.Lock()
	n.force = n.force || force
	if !n.queued {
		n.queued = true
		a.queue = append(a.queue, appointment{n, time.Now().Add(coalesce)})
	}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run announces until ctx ends. ready waits until the session may be used and
// tells what its broker holds.
func (a *announcer) run(ctx context.Context, ready func(context.Context) (*audit, error)) error {
	for {
		n, force, err := a.next(ctx)
		if err != nil {
			return err
		}
		held, err := ready(ctx)
		if err != nil {
			return err
		}
		if err := a.announce(ctx, held, n, force); err != nil {
			a.add(n, force) // the connection broke: the next one gets it
		}
	}
}

// next waits for the first notice that is due.
func (a *announcer) next(ctx context.Context) (n *notice, force bool, err error) {
	for {
		a.mu.Lock()
		wait := time.Hour
		if len(a.queue) > 0 {
			wait = time.Until(a.queue[0].at)
		}
		if wait <= 0 {
			n, a.queue = a.queue[0].notice, a.queue[1:]
			force, n.force, n.queued = n.force, false, false
			a.mu.Unlock()
			return n, force, nil
		}
		a.mu.Unlock()
		late := time.NewTimer(wait)
		select {
		case <-late.C:
		case <-a.wake:
		case <-ctx.Done():
			late.Stop()
			return nil, false, ctx.Err()
		}
		late.Stop()
	}
}

// announce brings every target up to date.
func (a *announcer) announce(ctx context.Context, held *audit, n *notice, force bool) error {
	if n.round != held.round {
		n.round, n.sums, n.after = held.round, make([]sum, len(a.targets)), nil
	}
	now := n.what()
	again := false
	for i := range a.targets {
		more, err := a.bring(ctx, held, n, i, now, force)
		if err != nil {
			return err
		}
		again = again || more
	}
	n.last = now
	if again {
		a.add(n, false)
	}
	return nil
}

// bring makes the broker hold what is to be announced at one target. It reports
// whether there is another step: what vanishes is taken back first, the rest
// follows later, and what only served the change is taken back at the end.
func (a *announcer) bring(ctx context.Context, held *audit, n *notice, i int, now announcement, force bool) (more bool, err error) {
	t, has := a.targets[i], &n.sums[i]
	messages := now.of(t)
	want := sum{sumOf(messages), true}
	old, foreign := held.take(t, n.device)
	if foreign {
		*has = sum{sumOf(old), true}
	} else if n.last != nil {
		old = n.last.of(t)
	}
	if *has == want && !force {
		return false, a.finish(ctx, held.session, n, i)
	}
	before, after := homeassistant.Diff(old, messages)
	if len(after) > 0 {
		n.after = append(n.after, make([][]homeassistant.Message, len(a.targets)-len(n.after))...)
		n.after[i] = after
	}
	if err := a.publish(ctx, held.session, before); err != nil {
		return false, err
	}
	if len(before) > 0 && len(messages) > 0 {
		has.known = false
		return true, nil
	}
	if err := a.publish(ctx, held.session, messages); err != nil {
		return false, err
	}
	*has = want
	return n.after != nil && len(n.after[i]) > 0, nil
}

// finish takes the last step of a change, if there is one.
func (a *announcer) finish(ctx context.Context, s *session, n *notice, i int) error {
	if n.after == nil {
		return nil
	}
	after := n.after[i]
	n.after[i] = nil
	return a.publish(ctx, s, after)
}

func (a *announcer) publish(ctx context.Context, s *session, messages []homeassistant.Message) error {
	for _, m := range messages {
		if !a.client.out.scale.fits("", m.Topic, string(m.Payload)) {
			continue
		}
		if err := a.pace.Wait(ctx); err != nil {
			return err
		}
		if err := s.publish(ctx, message{topic: m.Topic, payload: string(m.Payload), retained: true, sure: true}); err != nil {
			return err
		}
	}
	return nil
}

// sumOf is the same for the same messages in any order.
func sumOf(messages []homeassistant.Message) uint64 {
	var total uint64
	for _, m := range messages {
		h := fnv.New64a()
		h.Write([]byte(m.Topic))
		h.Write([]byte{0})
		h.Write(m.Payload)
		total += h.Sum64()
	}
	return total
}

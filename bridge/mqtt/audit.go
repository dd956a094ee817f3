package mqtt

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

const (
	auditQuiet = 500 * time.Millisecond // without a message: the broker has told everything
	auditLimit = 5 * time.Second
	auditBytes = 16 << 20 // of announcements that are kept to take back what vanished
)

// audit is what a broker holds of our announcements when a session begins. It is
// foreign input: it tells what to publish, correct or take back, nothing else.
type audit struct {
	session *session
	round   int // number of the session
	topics  topic.Layout
	targets []Target
	past    []*past // the bases of earlier runs

	mu    sync.Mutex
	over  bool
	bytes int
	news  time.Time
	held  map[string]map[string][]homeassistant.Message // by prefix and device

	awaited map[string]bool // topics that did not come yet, for missing
}

func newAudit(s *session, round int, topics topic.Layout, targets []Target, before []*past) *audit {
	a := &audit{session: s, round: round, topics: topics, targets: targets, past: before, news: time.Now(), held: map[string]map[string][]homeassistant.Message{}}
	for _, t := range targets {
		a.held[t.Prefix] = map[string][]homeassistant.Message{}
	}
	return a
}

// arrived takes a retained discovery message and reports whether it was one of ours.
func (a *audit) arrived(m arrival) bool {
	if a.claimed(m) {
		return true
	}
	for _, t := range a.targets {
		device, _, ours := homeassistant.Owner(t.Prefix, m.topic)
		if !ours {
			continue
		}
		a.mu.Lock()
		delete(a.awaited, m.topic)
		if m.retained && !a.over && len(m.payload) > 0 {
			a.news = time.Now()
			if homeassistant.Foreign(a.topics, m.payload) {
				a.recall(t.Prefix, device, m)
			} else {
				a.keep(t.Prefix, device, m)
			}
		}
		a.mu.Unlock()
		return true
	}
	return false
}

// keep needs a.mu. Beyond the limit only the topic is kept: enough to take it back.
func (a *audit) keep(prefix, device string, m arrival) {
	message := homeassistant.Message{Topic: m.topic}
	if a.bytes += len(m.payload); a.bytes <= auditBytes {
		message.Payload = slices.Clone(m.payload)
	}
	a.held[prefix][device] = append(a.held[prefix][device], message)
}

// run reads what the broker holds.
func (a *audit) run(ctx context.Context) error {
	var filters []string
	for _, t := range a.targets {
		filters = append(filters, homeassistant.Filters(t.Prefix)...)
	}
	if len(filters) == 0 {
		return nil
	}
	for _, p := range a.past {
		filters = append(filters, p.instance())
	}
	refused, err := a.session.listen(ctx, 0, filters)
	if err != nil {
		return err
	}
	a.doubt(refused)
	end := time.Now().Add(auditLimit)
	for {
		a.mu.Lock()
		wait := min(time.Until(a.news.Add(auditQuiet)), time.Until(end))
		if a.over = wait <= 0; a.over {
			a.inherit()
		}
		a.mu.Unlock()
		if wait <= 0 {
			return a.session.unsubscribe(ctx, filters)
		}
		select {
		case <-time.After(wait):
		case <-a.session.lost:
			return a.session.cause
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// vacant reports whether the broker holds nothing of ours at a target.
func (a *audit) vacant(t Target) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.held[t.Prefix]) == 0
}

// take returns and forgets what the broker held of a device at a target; ok is
// false when that is known already.
func (a *audit) take(t Target, device string) (old []homeassistant.Message, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, ok = a.held[t.Prefix][device]
	delete(a.held[t.Prefix], device)
	return old, ok
}

// strangers returns, sorted, the devices that the broker knows by us and nobody
// has asked for yet.
func (a *audit) strangers() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := map[string]bool{}
	for _, devices := range a.held {
		for d := range devices {
			all[d] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

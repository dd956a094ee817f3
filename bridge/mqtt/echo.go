package mqtt

import (
	"context"
	"maps"
	"slices"
	"time"
)

const (
	echoAfter = 30 * time.Second // after a connection: the bridge has announced itself by then
	echoWait  = 5 * time.Second
)

// echo makes sure that a broker of the user's keeps what is announced there. One whose
// access list keeps us from writing or reading says nothing at all: the platform would
// just stay empty, or never lose what is gone.
func (h *Home) echo(ctx context.Context, a *audit) {
	var topics []string
	for _, t := range h.opt.Targets {
		if messages := h.announceBridge(t); len(messages) > 0 {
			topics = append(topics, messages[0].Topic)
		}
	}
	if h.broker != nil || len(topics) == 0 || !a.session.lasts(ctx, echoAfter) {
		return
	}
	for _, topic := range a.missing(ctx, topics) {
		h.log.Warn().Str("user", h.opt.User).Str("topic", topic).Msg("the broker does not give back what the bridge announced there; let its access list allow this user to write and to read below that prefix, or devices neither appear nor vanish")
	}
}

// missing returns those of the topics that the broker does not tell.
func (a *audit) missing(ctx context.Context, topics []string) []string {
	a.mu.Lock()
	a.awaited = map[string]bool{}
	for _, t := range topics {
		a.awaited[t] = true
	}
	a.mu.Unlock()
	if a.session.browse(ctx, topics) != nil || !a.session.lasts(ctx, echoWait) || a.session.unsubscribe(ctx, topics) != nil {
		return nil // the session broke: the next one looks again
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.awaited))
}

// lasts waits and reports whether the session is still there.
func (s *session) lasts(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.lost:
	case <-ctx.Done():
	}
	return false
}

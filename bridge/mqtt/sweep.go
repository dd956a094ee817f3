package mqtt

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
)

const (
	sweepAfter = 30 * time.Second // after the first connect: devices have reported by then
	sweepLimit = 30 * time.Second
	sweepMost  = 50000 // topics in one go
)

// sweep looks for retained topics of ours that nobody publishes any more: of
// devices that were removed, and of roles that a model has lost, while the bridge
// was away.
type sweep struct {
	stale func(topic string) bool

	mu    sync.Mutex
	news  time.Time
	found []string
}

func (w *sweep) arrived(a arrival) {
	if !a.retained || len(a.payload) == 0 {
		return
	}
	stale := w.stale(a.topic)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.news = time.Now()
	if stale && len(w.found) < sweepMost {
		w.found = append(w.found, a.topic)
	}
}

// run reads all retained topics and empties the stale ones.
func (w *sweep) run(ctx context.Context, s *session, filters []string) (removed int, err error) {
	w.news = time.Now()
	if err := s.browse(ctx, filters); err != nil {
		return 0, err
	}
	end := time.Now().Add(sweepLimit)
	for {
		w.mu.Lock()
		wait := min(time.Until(w.news.Add(auditQuiet)), time.Until(end))
		w.mu.Unlock()
		if wait <= 0 {
			break
		}
		if !sleep(ctx, wait) {
			return 0, ctx.Err()
		}
	}
	if err := s.unsubscribe(ctx, filters); err != nil {
		return 0, err
	}
	w.mu.Lock()
	found := slices.Clone(w.found)
	w.mu.Unlock()
	for i, topic := range found {
		if err := s.publish(ctx, message{topic: topic, retained: true, sure: true}); err != nil {
			return i, err
		}
	}
	return len(found), nil
}

// sweepLoop sweeps once after the start, when the list of devices is known.
func (h *Home) sweepLoop(ctx context.Context) {
	for {
		a, err := h.audited(ctx)
		if err != nil || !sleep(ctx, sweepAfter) {
			return
		}
		if len(h.devices.All()) == 0 {
			continue // nothing is known: nothing is stale
		}
		if h.sweepOnce(ctx, a) == nil {
			return
		}
	}
}

func (h *Home) sweepOnce(ctx context.Context, a *audit) error {
	for _, id := range a.strangers() {
		if id != h.shared.device && !h.wanted(id) {
			h.post.add(&notice{device: id, what: nothing}, false)
			h.log.Info().Str("device", id).Msg("device is gone; its announcement is taken back")
		}
	}
	h.settled()
	w := &sweep{stale: h.stale}
	h.mu.Lock()
	h.sweep = w
	h.mu.Unlock()
	removed, err := w.run(ctx, a.session, []string{h.topics.Base + "/+/+", h.topics.Base + "/+/+/+"})
	h.mu.Lock()
	h.sweep = nil
	h.mu.Unlock()
	if removed > 0 {
		h.log.Info().Int("topics", removed).Msg("retained topics that nobody publishes any more are emptied")
	}
	return err
}

// wanted reports whether a device is there and to be shown.
func (h *Home) wanted(id string) bool {
	d := h.devices.Device(id)
	return d != nil && h.takes(d)
}

// stale reports whether nobody publishes a topic below the base topic any more.
func (h *Home) stale(topic string) bool {
	rest, _ := strings.CutPrefix(topic, h.topics.Base+"/")
	id, name, _ := strings.Cut(rest, "/")
	if id == "bridge" {
		return h.status.leftOver(name)
	}
	if !h.wanted(id) {
		return true
	}
	v := h.view(id)
	if v == nil {
		return false // not heard of yet
	}
	l := v.shape()
	if l == nil {
		return false // nor known what it has
	}
	return !slices.Contains(l.names, name) && !strings.HasSuffix(name, "/set")
}

func nothing() announcement {
	return func(Target) []homeassistant.Message { return nil }
}

package mqtt

import (
	"context"
	"errors"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
)

// greet makes a new session ours: nobody else lives on the base topic, the bridge is
// online, orders come in. What the broker holds of ours is read meanwhile.
func (h *Home) greet(ctx context.Context, s *session) error {
	if err := h.lock.take(ctx, s); err != nil {
		return err
	}
	if err := s.confirm(ctx, h.availability("online")); err != nil {
		return err
	}
	refused, err := s.subscribe(ctx, h.filters())
	if err != nil {
		return err
	}
	for _, f := range refused {
		h.log.Warn().Str("user", h.opt.User).Str("topic", f).Msg("the broker does not let us listen there; check its access list")
	}
	past := h.past() // may wait for the disk
	h.mu.Lock()
	h.round++
	a, ready := newAudit(s, h.round, h.topics, h.places, past), make(chan struct{})
	h.audit, h.ready = a, ready
	h.mu.Unlock()
	h.background.Go(func() {
		if a.run(ctx) != nil {
			return // the session broke: the next one has an audit of its own
		}
		h.settle(a)
		close(ready)
		h.announceAll(false)
		h.echo(ctx, a)
	})
	return nil
}

func (h *Home) filters() []string {
	all := append(h.topics.Filters(), h.topics.BridgeAvailability())
	for _, t := range h.opt.Targets {
		all = append(all, homeassistant.StatusTopic(t.Prefix))
	}
	return all
}

func (h *Home) availability(word string) message {
	return message{topic: h.topics.BridgeAvailability(), payload: word, retained: true, sure: true}
}

// leave says offline before the connection closes.
func (h *Home) leave(ctx context.Context, s *session) {
	err := errors.Join(
		s.confirm(ctx, h.availability("offline")),
		s.confirm(ctx, message{topic: h.topics.Bridge("state"), payload: `{"state":"offline"}`, retained: true}),
		h.lock.release(ctx, s),
	)
	if err != nil {
		h.log.Warn().Err(err).Msg("could not say goodbye to the broker; it says offline for us")
	}
}

// audited waits for a session whose broker has told what it holds.
func (h *Home) audited(ctx context.Context) (*audit, error) {
	for {
		s, err := h.client.up(ctx)
		if err != nil {
			return nil, err
		}
		h.mu.Lock()
		a, ready := h.audit, h.ready
		h.mu.Unlock()
		select {
		case <-ready:
			if a.session == s {
				return a, nil
			}
		case <-s.lost:
			if err := h.client.changes(ctx, s); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// announceAll has every device and the bridge announced; what the broker holds
// already only when forced.
func (h *Home) announceAll(force bool) {
	h.post.add(&h.shared, force)
	for _, v := range h.all() {
		h.post.add(&v.notice, force)
	}
}

// announceBridge makes the messages of the bridge's own device.
func (h *Home) announceBridge(t Target) []homeassistant.Message {
	return homeassistant.BridgeMessages(t.Form, t.Prefix, h.opt.PageURL, h.discover)
}

// republish answers a home platform that has just started.
func (h *Home) republish() {
	h.announceAll(true)
	h.out.repeatAll()
}

package mqtt

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// bus lets other parts of the bridge hear and say what is not ours, over the same
// connection: such as the messages of a Bluetooth gateway.
type bus struct {
	client *Client
	own    []string // first levels of our own topics, which nobody gets here

	mu        sync.Mutex // for writers of listeners
	listeners atomic.Pointer[[]*listener]
}

var _ mi.Bus = (*bus)(nil)

type listener struct {
	filter  string
	arrived func(topic string, payload []byte, retained bool)
}

// Bus carries messages of others.
func (h *Home) Bus() mi.Bus { return h.bus }

func newBus(c *Client, own []string) *bus {
	b := &bus{client: c}
	for _, t := range own {
		level, _, _ := strings.Cut(t, "/")
		b.own = append(b.own, level)
	}
	b.listeners.Store(&[]*listener{})
	return b
}

// Subscribe implements mi.Bus. It returns an error when the filter is none or
// could take messages that are meant for the bridge itself (ErrInvalid), and when
// the broker refuses it (ErrDenied). Messages come with QoS 0.
func (b *bus) Subscribe(ctx context.Context, filter string, arrived func(string, []byte, bool)) error {
	if err := b.check(filter); err != nil {
		return fmt.Errorf("mqtt: bus: subscribe %q: %w", filter, err)
	}
	l := &listener{filter, arrived}
	b.change(func(all []*listener) []*listener { return append(all, l) })
	defer b.leave(l)
	for {
		s, err := b.client.up(ctx)
		if err != nil {
			return nil // ctx has ended
		}
		refused, err := s.listen(ctx, 0, []string{filter})
		if len(refused) > 0 {
			return fmt.Errorf("mqtt: bus: the broker does not let us listen to %q; check its access list: %w", filter, mi.ErrDenied)
		}
		if b.wait(ctx, s, err) != nil {
			return nil
		}
	}
}

// wait waits until s ends. One that failed to subscribe is tried again soon.
func (b *bus) wait(ctx context.Context, s *session, failed error) error {
	soon := ctx
	if failed != nil {
		brief, cancel := context.WithTimeout(ctx, firstRetry)
		defer cancel()
		soon = brief
	}
	_ = b.client.changes(soon, s) // whether it changed or the time was up: try again
	return ctx.Err()
}

// check refuses what is no filter, and what could match our own topics.
func (b *bus) check(filter string) error {
	levels := strings.Split(filter, "/")
	for i, l := range levels {
		if len(l) > 1 && strings.ContainsAny(l, "+#") || l == "#" && i < len(levels)-1 {
			return fmt.Errorf("+ and # stand for whole levels, # for the last ones: %w", mi.ErrInvalid)
		}
	}
	switch first := levels[0]; {
	case filter == "" || strings.ContainsRune(filter, 0):
		return fmt.Errorf("empty, or with a NUL character: %w", mi.ErrInvalid)
	case first == "+" || first == "#" || slices.Contains(b.own, first):
		return fmt.Errorf("it would take messages that are meant for the bridge or the home platform: %w", mi.ErrInvalid)
	}
	return nil
}

// change replaces the listeners by what edit makes of a copy.
func (b *bus) change(edit func([]*listener) []*listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := edit(slices.Clone(*b.listeners.Load()))
	b.listeners.Store(&all)
}

// leave takes l off, and its subscription when nobody else needs it.
func (b *bus) leave(l *listener) {
	needed := false
	b.change(func(all []*listener) []*listener {
		all = slices.DeleteFunc(all, func(o *listener) bool { return o == l })
		needed = slices.ContainsFunc(all, func(o *listener) bool { return o.filter == l.filter })
		return all
	})
	if s := b.client.now(); s != nil && !needed {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		_ = s.unsubscribe(ctx, []string{l.filter}) // one that fails costs messages that nobody takes
	}
}

// wants reports whether somebody listens to topic.
func (b *bus) wants(topic string) bool {
	return slices.ContainsFunc(*b.listeners.Load(), func(l *listener) bool { return matches(l.filter, topic) })
}

// arrived hands a message to those who listen to its topic. It reports whether the
// topic belongs to others.
func (b *bus) arrived(a arrival) (taken bool) {
	for _, l := range *b.listeners.Load() {
		if matches(l.filter, a.topic) {
			taken = true
			l.arrived(a.topic, a.payload, a.retained)
		}
	}
	return taken
}

// Publish implements mi.Bus. It must not be called by who takes a message.
func (b *bus) Publish(ctx context.Context, topic string, payload []byte) error {
	s := b.client.now()
	if s == nil {
		return fmt.Errorf("mqtt: bus: publish %s: no connection to the broker: %w", topic, mi.ErrOffline)
	}
	if !b.client.out.scale.fits("", topic, string(payload)) {
		return fmt.Errorf("mqtt: bus: publish %s: %d bytes are more than the broker takes: %w", topic, len(payload), mi.ErrInvalid)
	}
	if err := s.publish(ctx, message{topic: topic, payload: string(payload)}); err != nil {
		return fmt.Errorf("mqtt: bus: publish %s: %w", topic, err)
	}
	return nil
}

// now returns the session, nil while there is none.
func (c *Client) now() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// matches reports whether a topic fits a filter of MQTT.
func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") != strings.HasPrefix(filter, "$") {
		return false
	}
	for {
		want, filterRest, moreFilter := strings.Cut(filter, "/")
		got, topicRest, moreTopic := strings.Cut(topic, "/")
		switch {
		case want == "#":
			return true
		case want != "+" && want != got:
			return false
		case !moreTopic:
			return !moreFilter || filterRest == "#"
		case !moreFilter:
			return false
		}
		filter, topic = filterRest, topicRest
	}
}

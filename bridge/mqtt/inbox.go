package mqtt

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
)

const (
	maxPayload = 64 << 10
	maxDepth   = 16 // of JSON
)

// arrived takes every message that comes in. It is called from one goroutine and
// must neither block nor publish.
func (h *Home) arrived(a arrival) {
	switch {
	case h.bus.arrived(a):
	case a.topic == h.lock.topic, a.topic == h.lock.ask:
		h.lock.arrived(a)
	case a.topic == h.topics.BridgeAvailability():
		h.contradict(a)
	case h.isStatus(a.topic):
		h.platform.arrived(a)
		h.birth.arrived(a)
	case h.isAnnouncement(a):
	default:
		h.addressed(a)
	}
}

// contradict corrects whoever says that we are not there, such as the will of an
// older connection that the broker has only now given up.
func (h *Home) contradict(a arrival) {
	if string(a.payload) != "online" {
		h.status.repeat(bridgeAvailability)
	}
}

func (h *Home) isStatus(topic string) bool {
	return slices.ContainsFunc(h.opt.Targets, func(t Target) bool { return topic == homeassistant.StatusTopic(t.Prefix) })
}

func (h *Home) isAnnouncement(a arrival) bool {
	h.mu.Lock()
	held := h.audit
	h.mu.Unlock()
	return held != nil && held.arrived(a)
}

// addressed takes what is meant for a device or the bridge.
func (h *Home) addressed(a arrival) {
	in, ok := h.topics.Parse(a.topic)
	if !ok {
		h.mu.Lock()
		w := h.sweep
		h.mu.Unlock()
		if w != nil {
			w.arrived(a)
		} else if !a.retained {
			h.counts.unknown.Add(1)
		}
		return
	}
	if len(a.payload) == 0 && a.retained {
		return
	}
	if a.retained {
		h.counts.retained.Add(1)
		if h.repeats.first(a.topic) && h.gripes.Allow() {
			h.log.Warn().Str("topic", a.topic).Msg("retained command ignored: it would run again at every start; send commands without the retain flag")
		}
		return
	}
	if reason := unfit(a.payload); reason != "" {
		h.refuse(in, reason)
		return
	}
	switch {
	case in.Request != "":
		h.request(in.Request, a)
	case in.Action != "":
		h.act(in, a)
	default:
		h.order(in, a)
	}
}

// unfit says why a payload is not even looked at; "" when it is.
func unfit(payload []byte) string {
	switch {
	case len(payload) > maxPayload:
		return "the payload is larger than 64 KiB"
	case !utf8.Valid(payload):
		return "the payload is not UTF-8 text"
	case bytes.IndexByte(payload, 0) >= 0:
		return "the payload holds a NUL character"
	case depth(payload) > maxDepth:
		return "the JSON is nested more than 16 deep"
	}
	return ""
}

// depth returns how deep brackets outside of quotes are nested.
func depth(payload []byte) (deepest int) {
	level, quoted := 0, false
	for i := 0; i < len(payload); i++ {
		switch c := payload[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

const (
	markedWithin   = 2 * time.Second        // a message marked as sent before is the same as one so recent
	unmarkedWithin = 100 * time.Millisecond // brokers drop the mark: nobody presses a button twice so quickly
	maxRemembered  = 4096
)

// repeats remembers what came lately, so that a message that was delivered twice
// does not press a button twice.
type repeats struct {
	seed maphash.Seed

	mu     sync.Mutex
	last   map[uint64]time.Time
	topics map[string]bool // that were complained of
}

func newRepeats() *repeats {
	return &repeats{seed: maphash.MakeSeed(), last: map[uint64]time.Time{}, topics: map[string]bool{}}
}

// is reports whether a is the same message once more.
func (r *repeats) is(a arrival) bool {
	var sum maphash.Hash
	sum.SetSeed(r.seed)
	_, _ = sum.WriteString(a.topic) // never fails
	_ = sum.WriteByte(0)
	_, _ = sum.Write(a.payload)
	key, now := sum.Sum64(), time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	at, known := r.last[key]
	if len(r.last) >= maxRemembered {
		clear(r.last)
	}
	r.last[key] = now
	switch {
	case !known || !a.sure:
		return false // QoS 0 is never delivered twice
	case a.again:
		return now.Sub(at) <= markedWithin
	}
	return now.Sub(at) <= unmarkedWithin
}

// first reports whether a topic has not been complained of yet.
func (r *repeats) first(topic string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.topics[topic] || len(r.topics) >= maxRemembered {
		return false
	}
	r.topics[topic] = true
	return true
}

package mqtt

import (
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// The most that topic and payload of a message may have, in bytes. The broker inside
// the bridge takes no more from anybody; of others, the strict ones take 1 MiB.
const (
	overhead  = 16 // of a packet, besides topic and payload
	ownLimit  = maxPacket - overhead
	hostLimit = 1<<20 - overhead
	maxNamed  = 100 // topics that are named in the log
)

// scale weighs messages before they are sent. A broker cuts a client off that sends
// more than it takes, and what is retained would cut it off again and again.
type scale struct {
	limit   int
	log     zerolog.Logger
	refused atomic.Uint64

	mu    sync.Mutex
	named map[string]bool // topics that were complained of
}

func newScale(limit int, log zerolog.Logger) *scale {
	return &scale{limit: limit, log: log, named: map[string]bool{}}
}

// fits reports whether a message may be sent. The first refusal of each topic, which
// is given in two parts, is logged.
func (s *scale) fits(head, name, payload string) bool {
	size := len(head) + len(name) + len(payload)
	if size <= s.limit {
		return true
	}
	s.refused.Add(1)
	topic := head + name
	s.mu.Lock()
	known := s.named[topic] || len(s.named) >= maxNamed
	if !known {
		s.named[topic] = true
	}
	s.mu.Unlock()
	if !known {
		s.log.Warn().Str("topic", topic).Int("bytes", size).Int("limit", s.limit).Msg("this message is larger than the broker takes and is left out; a broker of your own, in MIHOME2MQTT_MQTT_URL, takes up to 1 MiB")
	}
	return false
}

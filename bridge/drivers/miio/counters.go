package miio

import (
	"errors"
	"sync/atomic"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// counters count datagrams that were refused, by reason, and what queues dropped.
type counters struct {
	out, seen                                                                           mi.Mark
	malformed, unknown, spoofed, checksum, stale, unasked, text, flood, dropped, unsent atomic.Uint64
}

// Refused returns how many datagrams were refused since the start, by reason:
//
//	malformed  no miIO header, cipher blocks or padding
//	unknown    sealed, of a did that no session has, or whose token is not known
//	spoofed    from another address than the device's
//	checksum   sealed with another token, or damaged
//	stale      older than the newest of its device: a replay
//	unasked    the answer to no request in flight: doubled or late
//	text       sealed well, but no message
//	flood      reports and new devices beyond the rate
//	dropped    sightings and requests beyond a queue's limit
//	unsent     requests that the network of this machine did not take
func (d *Driver) Refused() map[string]uint64 {
	c := &d.counts
	return map[string]uint64{
		"malformed": c.malformed.Load(),
		"unknown":   c.unknown.Load(),
		"spoofed":   c.spoofed.Load(),
		"checksum":  c.checksum.Load(),
		"stale":     c.stale.Load(),
		"unasked":   c.unasked.Load(),
		"text":      c.text.Load(),
		"flood":     c.flood.Load(),
		"dropped":   c.dropped.Load(),
		"unsent":    c.unsent.Load(),
	}
}

// Queues returns how full the queues of datagrams and sightings were.
func (d *Driver) Queues() []mi.Queue {
	return []mi.Queue{
		{Name: "datagrams to miIO devices", Most: d.counts.out.Most(), Room: maxQueue},
		{Name: "sightings of miIO devices", Most: d.counts.seen.Most(), Room: maxSightings},
	}
}

// refuse counts a datagram that the codec refused.
func (c *counters) refuse(err error) {
	if errors.Is(err, errChecksum) {
		c.checksum.Add(1)
		return
	}
	c.malformed.Add(1)
}

package yeelight

import "sync/atomic"

// counters count what was refused, by reason.
type counters struct {
	malformed, spoofed, flood, oversized, text, unasked atomic.Uint64
}

// Refused returns how many datagrams and lines were refused since the start, by
// reason:
//
//	malformed  adverts that are none
//	spoofed    adverts that point at another address than their sender's
//	flood      new lamps beyond the rate
//	oversized  lines longer than any lamp's
//	text       lines that are neither answer nor report
//	unasked    answers to no command in flight: doubled or late
func (d *Driver) Refused() map[string]uint64 {
	c := &d.counts
	return map[string]uint64{
		"malformed": c.malformed.Load(),
		"spoofed":   c.spoofed.Load(),
		"flood":     c.flood.Load(),
		"oversized": c.oversized.Load(),
		"text":      c.text.Load(),
		"unasked":   c.unasked.Load(),
	}
}

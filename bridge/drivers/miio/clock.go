package miio

import "time"

const (
	stampSlack = 10               // seconds by which a stamp may be older than the newest
	stampAhead = 60               // seconds by which a report may be ahead of the reckoning
	staleAfter = 60 * time.Second // after which the reckoning is checked by a hello
)

// clock reckons a device's stamp: seconds of a counter that mostly starts at boot
// and may wrap. What a hello says is a hint, for it is not authenticated; the
// floor comes from sealed packets only. Stamp 0 is none.
type clock struct {
	known bool
	hint  uint32
	at    time.Time // when the hint came

	proven bool
	floor  uint32
	reset  bool // a hello was below the floor: the device restarted, or somebody lies
}

// after returns by how many seconds a is newer than b; the counter may wrap.
func after(a, b uint32) int32 { return int32(a - b) }

// now returns the stamp to send.
func (c *clock) now(t time.Time) uint32 {
	return c.hint + uint32(t.Sub(c.at)/time.Second)
}

// stale reports whether the device was silent for so long that its counter may
// have been reset meanwhile.
func (c *clock) stale(t time.Time) bool { return !c.known || t.Sub(c.at) > staleAfter }

// greet takes the stamp of a hello that was asked for. It reports whether requests
// with the old reckoning were ignored by the device.
func (c *clock) greet(stamp uint32, t time.Time) (jumped bool) {
	if stamp == 0 && c.known {
		return false
	}
	if c.known {
		off := after(stamp, c.now(t))
		jumped = off < -stampSlack || off > stampSlack
	}
	c.known, c.hint, c.at = true, stamp, t
	c.reset = c.proven && after(stamp, c.floor) < -stampSlack
	return jumped
}

// accept judges the stamp of a sealed answer to a request in flight and learns
// from it. It reports false for a replay.
func (c *clock) accept(stamp uint32, t time.Time) (ok, restarted bool) {
	if stamp == 0 {
		return true, false
	}
	if c.proven && after(stamp, c.floor) < -stampSlack {
		if !c.reset || after(stamp, c.hint) < -stampSlack {
			return false, false
		}
		restarted = true
	}
	c.learn(stamp, t, restarted)
	return true, restarted
}

// acceptReport judges the stamp of a sealed packet that nobody asked for: it must
// fit the reckoning both ways.
func (c *clock) acceptReport(stamp uint32, t time.Time) bool {
	if !c.known || after(stamp, c.now(t)) > stampAhead {
		return false
	}
	low := c.hint
	if c.proven {
		low = c.floor
	}
	if after(stamp, low) < -stampSlack {
		return false
	}
	c.learn(stamp, t, false)
	return true
}

func (c *clock) learn(stamp uint32, t time.Time, restarted bool) {
	if !c.proven || restarted || after(stamp, c.floor) > 0 {
		c.floor = stamp
	}
	if !c.known || restarted || after(stamp, c.now(t)) > -stampSlack {
		c.known, c.hint, c.at = true, stamp, t
	}
	c.proven, c.reset = true, false
}

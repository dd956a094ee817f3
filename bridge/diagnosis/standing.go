package diagnosis

import (
	"cmp"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Standing is how things stand with a device.
type Standing struct {
	State    string // one of package web's
	Route    string // that served the last exchange; "" unless it is online
	LastSeen time.Time
	Trouble  string // in words; "" when all is well
	Hidden   bool   // the user does not want to see it
}

// Standing returns how things stand with a device.
func (w *Watch) Standing(d *device.Device) Standing {
	s := d.Status()
	out := Standing{
		State: w.state(d, s), LastSeen: s.LastSeen, Trouble: mi.Bare(cmp.Or(s.LastError, s.Reason)), Hidden: d.Choice().Hidden,
	}
	if out.State == web.Online {
		out.Route = s.Connection
	}
	return out
}

// asleep is the problem that is none: the silence of the device is normal.
const asleep = "device.asleep"

// state says how things stand with a device. Online is only what has proven it.
func (w *Watch) state(d *device.Device, s device.Status) string {
	info := d.Info()
	switch {
	case !s.Online && s.Problem == asleep:
		return web.Asleep
	case s.Online && d.Sleepy() && dozing(w.opt.World.Now(), s):
		return web.Asleep
	case s.Online:
		return web.Online
	case d.Spec() != nil && d.Sleepy():
		return web.Asleep
	case !w.opt.Topics.Proven(d.ID(), info) && info.Token == "":
		return web.Unproven
	case s.LastSeen.IsZero() && s.LastError == "":
		return web.Starting
	}
	return web.NoAnswer
}

// dozesAfter is how long a device that switches itself off has to be silent to count
// as asleep.
const dozesAfter = 5 * time.Minute

// dozing reports whether a device that nobody expects to answer is silent.
func dozing(now time.Time, s device.Status) bool {
	return !s.LastSeen.IsZero() && now.Sub(s.LastSeen) > dozesAfter
}

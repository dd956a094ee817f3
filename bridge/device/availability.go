package device

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The classes that package device knows from the start. The empty class is that
// of devices that answer polls: besides being silent, they must have missed three.
const (
	ClassPolled        = ""
	ClassZigbeeMains   = "zigbee-mains"
	ClassZigbeeBattery = "zigbee-battery"
	ClassBLE           = "ble"
	ClassMesh          = "mesh"
	ClassSleepy        = "sleepy"
)

const goneMisses = 3

// DefaultGone returns the silence after which a device of each class is gone; -1
// is never.
func DefaultGone() map[string]time.Duration {
	return map[string]time.Duration{
		ClassPolled:        time.Minute,
		ClassZigbeeMains:   35 * time.Minute,
		ClassZigbeeBattery: 170 * time.Minute,
		ClassBLE:           65 * time.Minute,
		ClassMesh:          50 * time.Minute,
		ClassSleepy:        -1,
	}
}

func goneRules(own map[string]time.Duration) map[string]time.Duration {
	rules := DefaultGone()
	maps.Copy(rules, own)
	return rules
}

// rule says when a device counts as gone.
type rule struct {
	after  time.Duration // of silence; never for a device whose silence means nothing
	misses int           // polls without answer that it takes besides
}

// learnRule works out the rule from the class of the route in use and the
// model's tuning. It is called when one of them changed.
func (d *Device) learnRule() {
	class := d.class()
	r := rule{after: d.home.opt.Gone[class]}
	if class == ClassPolled {
		r.misses = goneMisses
	}
	if spec := d.spec; spec != nil { // only the loop writes it
		if spec.Tuning.GoneAfter > 0 {
			r.after = spec.Tuning.GoneAfter
		}
	}
	if d.Sleepy() || r.after < 0 || d.loop.stateless && class == ClassPolled {
		r.after = never
	}
	d.loop.rule = r
}

// class returns what the link of the best open route says of itself.
func (d *Device) class() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.routes {
		if c, ok := r.link.(Classed); ok && !r.down.Load() {
			return c.Class()
		}
	}
	return ClassPolled
}

// listen takes note of valid packets: one is enough to be back.
func (d *Device) listen() {
	l := &d.loop
	seen := time.Duration(d.seen.Load())
	if seen <= l.heardAt {
		return
	}
	l.heardAt, l.misses = seen, 0
	if l.online {
		return
	}
	l.online, l.contact, l.failures = true, true, 0
	if l.everOnline {
		l.nextPoll, l.nextSlow, l.nextAsk = 0, 0, d.home.now()
	}
	d.recovered()
	l.everOnline = true
}

// judge decides whether the device is gone. Whatever arrived was heard before.
func (d *Device) judge(now time.Duration) {
	l := &d.loop
	if !l.online {
		return
	}
	if r := l.rule; r.after != never && l.misses >= r.misses && now-l.heardAt >= r.after {
		l.online, l.moving = false, false
		d.complain(l.lastMiss)
	}
}

// judgement returns when judge may next find the device gone.
func (d *Device) judgement() time.Duration {
	l := &d.loop
	if !l.online {
		return never
	}
	r := l.rule
	if r.after == never || l.misses < r.misses {
		return never
	}
	return l.heardAt + r.after
}

// missed notes an exchange that brought nothing.
func (d *Device) missed(err error) {
	l := &d.loop
	d.exchanged(err)
	l.contact = true
	l.misses++
	l.failures++
	l.lastMiss = err
	if l.denied && errors.Is(err, mi.ErrDenied) {
		l.misses = max(l.misses, l.rule.misses) // said twice, it is no accident
	}
	loud := errors.Is(err, mi.ErrDenied) || errors.Is(err, errInternal)
	if loud || !l.online || l.misses >= goneMisses {
		l.linkErr, l.problem = words(err), mi.Problem(err)
	}
	if loud || !l.online {
		d.complain(err)
	}
	if errors.Is(err, mi.ErrDenied) && !l.denied {
		l.denied = true
		if d.home.opt.Denied != nil {
			d.home.opt.Denied(d.Info())
		}
	}
}

// served notes an exchange that worked.
func (d *Device) served(via *route) {
	l := &d.loop
	d.exchanged(nil)
	now := max(1, int64(d.home.now()))
	d.seen.Store(now)
	via.seen.Store(now)
	l.contact, l.denied = true, false
	l.failures, l.linkErr, l.problem = 0, "", ""
	if l.via != via {
		d.follow(via)
		d.learnRule()
	}
	d.learnAnew(via)
	d.listen()
	d.recovered()
}

// complain logs a failure: loudly when it is of a kind that was not said since the
// device was well, else for debugging.
func (d *Device) complain(err error) {
	l, log := &d.loop, &d.home.opt.Log
	kind := kindOf(err)
	level := zerolog.DebugLevel
	if !slices.Contains(l.warned, kind) {
		level = zerolog.WarnLevel
		l.warned = append(l.warned, kind)
	}
	log.WithLevel(level).Str("device", d.id).Str("model", d.Info().Model).Err(err).Msg(kind)
}

// recovered logs that what was complained of is over.
func (d *Device) recovered() {
	l, log := &d.loop, &d.home.opt.Log
	if len(l.warned) == 0 {
		return
	}
	l.warned = nil
	log.Info().Str("device", d.id).Str("model", d.Info().Model).Str("route", l.connection()).Msg("device back")
}

// kindOf names a failure for the log.
func kindOf(err error) string {
	switch {
	case errors.Is(err, mi.ErrDenied):
		return "device refuses its token"
	case errors.Is(err, errInternal):
		return "device failed inside the bridge"
	case errors.Is(err, mi.ErrUnsupported):
		return "device is not understood yet"
	}
	return "device gone"
}

// words tells a failure to people, with what to do. An error with a method Advice()
// string knows that better than its kind does.
func words(err error) string {
	if err == nil {
		return ""
	}
	advice := ""
	advised, own := errors.AsType[interface {
		error
		Advice() string
	}](err)
	switch {
	case own:
		advice = advised.Advice()
	case errors.Is(err, ErrUnknownOutcome):
		advice = "look at the device before trying again: it may have obeyed"
	case errors.Is(err, mi.ErrDenied):
		advice = "take the device's current token from the account or the app; it changes when the device is paired again"
	case errors.Is(err, mi.ErrBusy):
		advice = "try again in a moment"
	case errors.Is(err, mi.ErrOffline), lost(err):
		advice = "check that the device has power and is on the network"
	case errors.Is(err, errInternal):
		advice = "the device is tried again soon; please report this with the log"
	default:
		return mi.Plain(err)
	}
	return mi.Plain(err) + "; " + advice
}

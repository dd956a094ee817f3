package device

import (
	"context"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Found hands in a sighting by the first route of that name. A device is its
// did: the same did by two routes is one device.
func (h *Home) Found(route string, info mi.Info) {
	for i, r := range h.opt.Routes {
		if r.Name == route {
			h.found(i, info)
			return
		}
	}
}

// didForm is what a did may be; drivers take theirs from the network, and it
// becomes a part of topics and files.
var didForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (h *Home) found(route int, info mi.Info) {
	if !didForm.MatchString(info.DID) {
		return
	}
	h.mu.Lock()
	d := h.standIn(info)
	if d == nil {
		d = h.welcome(route, info)
	}
	h.mu.Unlock()
	if d != nil {
		d.sighted(route, info)
	}
}

// standIn returns the device of that did, or nil: where it was met under another did
// before its real one was known, the one that it was met as. That stays what it is for
// home platforms: automations hang on it. It needs h.mu.
func (h *Home) standIn(info mi.Info) *Device {
	d, met := h.byDID[info.DID], h.byDID[info.StandIn()]
	if met == nil || met == d || d != nil && d.Spec() != nil {
		return d
	}
	if d != nil { // somebody saw it, without knowing more than its did
		h.fold(d, met)
	}
	h.byDID[info.DID] = met
	h.opt.Log.Info().Str("device", met.id).Str("did", info.DID).Msg("device is now known by its own did; its topics stay")
	return met
}

// fold ends a device that is another one, which learns who saw it. It needs h.mu.
func (h *Home) fold(d, into *Device) {
	h.forget(d)
	d.mu.Lock()
	seen := slices.Clone(d.in.sightings)
	for _, r := range d.routes {
		if r.sighted {
			seen = append(seen, sighting{route: r.index, info: r.info})
		}
	}
	d.mu.Unlock()
	for _, s := range seen {
		into.sighted(s.route, s.info)
	}
	d.removed.Store(true)
	d.ring()
}

// welcome makes a new device, or returns nil when it is not wanted. It needs h.mu.
func (h *Home) welcome(route int, info mi.Info) *Device {
	if token, was := h.removed[info.DID]; was {
		if info.Token == "" || info.Token == token {
			return nil
		}
		delete(h.removed, info.DID)
	}
	if !h.opt.Routes[route].Trusted && !h.limit.Allow() {
		h.dropped.Add(1)
		if !h.flooded {
			h.flooded = true
			h.opt.Log.Warn().Int("per_minute", newPerMinute).Msg("too many new devices: the rest waits")
		}
		return nil
	}
	h.flooded = false
	d := h.add(info)
	if h.ctx != nil && !h.stopped {
		h.start(d)
	}
	h.opt.Log.Info().Str("device", d.id).Str("model", info.Model).Str("route", h.opt.Routes[route].Name).Msg("device found")
	h.listChanged()
	return d
}

// find keeps one driver looking for devices.
func (h *Home) find(ctx context.Context, route int) {
	const longest = time.Minute
	log := h.opt.Log.With().Str("route", h.opt.Routes[route].Name).Logger()
	for wait := time.Second; ; wait = min(2*wait, longest) {
		err := h.findOnce(ctx, route)
		if err == nil || ctx.Err() != nil {
			return
		}
		if wait == time.Second {
			log.Warn().Err(err).Msg("looking for devices failed")
		} else {
			log.Debug().Err(err).Dur("retry", wait).Msg("looking for devices failed again")
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

func (h *Home) findOnce(ctx context.Context, route int) (err error) {
	defer h.survive(&err)
	return h.opt.Routes[route].Driver.Find(ctx, func(info mi.Info) { h.found(route, info) })
}

// survive turns a panic into an error, so that one bad packet never ends the
// bridge. It is deferred directly.
func (h *Home) survive(err *error) {
	p := recover()
	if p == nil {
		return
	}
	h.panics.Add(1)
	*err = fmt.Errorf("device: %w: %v", errInternal, p)
	h.opt.Log.Debug().Bytes("stack", debug.Stack()).Msg("panic")
}

// save hands the list of devices to Options.Changed.
func (h *Home) save(ctx context.Context) {
	if h.opt.Changed == nil {
		return
	}
	for {
		select {
		case <-h.dirty:
			pause(ctx, saveDelay)
			h.opt.Changed(h.infos())
		case <-ctx.Done():
			select {
			case <-h.dirty:
				h.opt.Changed(h.infos())
			default:
			}
			return
		}
	}
}

func (h *Home) infos() []mi.Info {
	all := h.All()
	infos := make([]mi.Info, len(all))
	for i, d := range all {
		infos[i] = d.Info()
		infos[i].DID = d.did
	}
	return infos
}

// pause waits; it reports false when ctx ended first.
func pause(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

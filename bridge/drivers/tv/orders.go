package tv

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	keyPause = 45 * time.Millisecond // between keys that the TV is to count
	maxURL   = 4096                  // bytes
)

// Set implements mi.Setter.
func (s *session) Set(ctx context.Context, changes []mi.Change) error {
	for _, c := range changes {
		if err := s.set(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) set(ctx context.Context, c mi.Change) error {
	switch c.Prop {
	case propOn:
		if on, ok := c.Value.Bool(); ok {
			return s.turn(ctx, on)
		}
	case propSource:
		return s.order(ctx, callSource(c.Value.String()))
	case propVolume:
		if level, ok := c.Value.Int(); ok && level >= 0 && level <= maxVolume {
			return s.setVolume(ctx, int(level))
		}
	case propMute:
		if mute, ok := c.Value.Bool(); ok {
			return s.mute(ctx, mute)
		}
	case propApp:
		return s.start(ctx, c.Value.String())
	}
	return fmt.Errorf("tv: set property %d to %.40q: %w", c.Prop, c.Value, mi.ErrInvalid)
}

// turn switches the TV on or off. There is one key for both, so that it is pressed
// only when the TV is not as it should be.
func (s *session) turn(ctx context.Context, on bool) error {
	err := s.order(ctx, callAlive)
	alive := err == nil || refused(err)
	if !alive && !s.off(ctx, err) {
		return err
	}
	switch {
	case s.expected(alive) == on:
		return nil
	case !alive && on:
		return s.wake(ctx)
	case !alive:
		return fmt.Errorf("tv: turn off: the TV is still starting: %w", mi.ErrBusy)
	}
	if err := s.order(ctx, callKey("power")); err != nil {
		return err
	}
	within := onTime
	if !on {
		within = offTime
	}
	s.expectSoon(on, within)
	return nil
}

// wake switches on a TV that is off, by every way that there is.
func (s *session) wake(ctx context.Context) error {
	s.mu.Lock()
	macs := s.facts.macs(s.mac)
	s.mu.Unlock()
	host, _, _ := net.SplitHostPort(s.addr)
	err := s.magic(ctx, host, macs)
	if rouse := s.d.o.Rouse; rouse != nil && rouse(ctx, host, spelled(macs)) == nil {
		err = nil
	}
	if err == nil {
		s.expectSoon(true, onTime)
	}
	return err
}

// magic sends the magic packet that wakes a TV.
func (s *session) magic(ctx context.Context, host string, macs []lan.MAC) error {
	if len(macs) == 0 {
		return sleepless()
	}
	last, _ := netip.ParseAddr(host) // a name is not looked up: the TV may be anywhere
	return lan.Wake(ctx, s.d.w.Net, s.d.interfaces(), netip.AddrPortFrom(last, s.d.o.WakePort), macs)
}

func spelled(macs []lan.MAC) (out []string) {
	for _, m := range macs {
		out = append(out, m.String())
	}
	return out
}

// sleepless says that a TV that is off stays off.
func sleepless() error {
	return mi.Diagnose("tv.wake", fmt.Errorf("tv: turn on: the TV's MAC address is not known; add it to the TV in the configuration: %w", mi.ErrInvalid))
}

// Concern implements mi.Concerned.
func (s *session) Concern() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dark && len(s.facts.macs(s.mac)) == 0 {
		return sleepless()
	}
	return nil
}

// setVolume sets the volume by a signed call; a TV that does not take it is brought
// there by keys.
func (s *session) setVolume(ctx context.Context, level int) error {
	s.mu.Lock()
	mac := s.facts.EthMAC
	s.mu.Unlock()
	if mac != "" {
		if err := s.order(ctx, callSetVolume(level, mac, s.now())); err != nil && !refused(err) {
			return err
		}
	}
	now, most, err := s.volume(ctx)
	if err != nil {
		return err
	}
	return s.step(ctx, min(level, most)-now)
}

// step changes the volume by keys.
func (s *session) step(ctx context.Context, by int) error {
	key := "volumeup"
	if by < 0 {
		key, by = "volumedown", -by
	}
	for i := range by {
		if i > 0 && !pause(ctx, keyPause) {
			return fmt.Errorf("tv: volume: %w", ctx.Err())
		}
		if err := s.order(ctx, callKey(key)); err != nil {
			return err
		}
	}
	return nil
}

// mute turns the volume to nothing and back: the TVs have no key for it.
func (s *session) mute(ctx context.Context, on bool) error {
	level, most, err := s.volume(ctx)
	if err != nil {
		return err
	}
	if on == (level == 0) {
		return nil
	}
	s.mu.Lock()
	to := 0
	if on {
		s.before = level
	} else if to = s.before; to == 0 {
		to = max(1, most/5)
	}
	s.mu.Unlock()
	return s.setVolume(ctx, to)
}

func (s *session) start(ctx context.Context, pkg string) error {
	if err := s.order(ctx, callStart(pkg)); err != nil {
		return err
	}
	s.shown(pkg)
	return nil
}

// Call implements mi.Caller: action 0 plays an address, the last one takes a
// picture of the screen, the others are keys.
func (s *session) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	all := keys()
	switch {
	case action == 0 && len(args) == 1:
		return nil, s.play(ctx, args[0].String())
	case action > 0 && action <= len(all) && len(args) == 0:
		return nil, s.press(ctx, all[action-1].code)
	case action == len(all)+1 && len(args) == 0:
		return nil, s.photograph(ctx)
	}
	return nil, fmt.Errorf("tv: action %d with %d arguments: %w", action, len(args), mi.ErrInvalid)
}

// press presses a key. The power key of a TV that is off wakes it.
func (s *session) press(ctx context.Context, code string) error {
	if code != "power" {
		return s.order(ctx, callKey(code))
	}
	err := s.order(ctx, callKey(code))
	if s.off(ctx, err) {
		return s.wake(ctx)
	}
	return err
}

// play shows a film by its address.
func (s *session) play(ctx context.Context, link string) error {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(link) > maxURL {
		return fmt.Errorf("tv: play: the address must begin with http:// or https:// and name a host: %w", mi.ErrInvalid)
	}
	return s.order(ctx, callPlay(link, s.now()))
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

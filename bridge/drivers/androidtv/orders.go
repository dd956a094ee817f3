package androidtv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	keyPause = 45 * time.Millisecond   // between keys that the TV is to count
	showTime = 1500 * time.Millisecond // for the TV to show what a key did
	maxURL   = 4096                    // bytes
)

// Set implements mi.Setter.
func (s *session) Set(ctx context.Context, changes []mi.Change) error {
	for _, c := range changes {
		if err := s.set(ctx, c); err != nil {
			return s.failed("set "+propName(c.Prop), err)
		}
	}
	return nil
}

func propName(prop int) string {
	names := map[int]string{propOn: "power", propSource: "source", propVolume: "volume", propMute: "mute", propApp: "app"}
	if name, ok := names[prop]; ok {
		return name
	}
	return fmt.Sprintf("property %d", prop)
}

func (s *session) set(ctx context.Context, c mi.Change) error {
	switch c.Prop {
	case propOn:
		if on, ok := c.Value.Bool(); ok {
			return s.turn(ctx, on)
		}
	case propSource:
		for _, known := range sources() {
			if mi.Text(known.value) == c.Value {
				return s.press(ctx, known.code)
			}
		}
	case propVolume:
		if percent, ok := c.Value.Int(); ok && percent >= 0 && percent <= 100 {
			return s.setVolume(ctx, int(percent))
		}
	case propMute:
		if mute, ok := c.Value.Bool(); ok {
			return s.mute(ctx, mute)
		}
	case propApp:
		if pkg := c.Value.String(); isPackage(pkg) {
			return s.open(ctx, "market://launch?id="+pkg)
		}
	}
	return fmt.Errorf("%.40q: %w", c.Value, mi.ErrInvalid)
}

// connected returns the connection to a TV that talks.
func (s *session) connected(ctx context.Context) (*wire, error) {
	if s.ctx.Err() != nil {
		return nil, mi.ErrOffline
	}
	if !s.welcome() {
		return nil, fmt.Errorf("the TV is not paired with the bridge: %w", mi.ErrDenied)
	}
	if err := s.present(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wire == nil {
		return nil, fmt.Errorf("the TV ended the connection: %w", mi.ErrOffline)
	}
	return s.wire, nil
}

// press presses a key.
func (s *session) press(ctx context.Context, code uint64) error {
	w, err := s.connected(ctx)
	if err != nil {
		return err
	}
	return w.write(keyPress(code))
}

// open opens an app link.
func (s *session) open(ctx context.Context, link string) error {
	w, err := s.connected(ctx)
	if err != nil {
		return err
	}
	return w.write(appLink(link))
}

// turn switches the TV on or off. There is one key for both, so that it is pressed
// only when the TV is not as it should be, and never again before the TV had its
// time.
func (s *session) turn(ctx context.Context, on bool) error {
	w, err := s.connected(ctx)
	switch {
	case errors.Is(err, mi.ErrOffline) && s.ctx.Err() == nil && on:
		return s.wake(ctx, err)
	case errors.Is(err, mi.ErrOffline) && s.ctx.Err() == nil:
		return nil // nobody answers for a TV that is off
	case err != nil:
		return err
	}
	var is bool
	s.mu.Lock()
	is = s.expected()
	s.mu.Unlock()
	if is == on {
		return nil
	}
	s.expectSoon(on, orderTime)
	if err := w.write(keyPress(codePower)); err != nil {
		s.change(func() { s.expect = expectation{} })
		return err
	}
	return nil
}

func (s *session) expectSoon(on bool, within time.Duration) {
	s.change(func() { s.expect = expectation{on, time.Now().Add(within)} })
}

// wake switches on a TV whose network sleeps too.
func (s *session) wake(ctx context.Context, why error) error {
	s.mu.Lock()
	mac, ok := lan.ParseMAC(s.mac)
	host, _, _ := net.SplitHostPort(s.addr)
	s.mu.Unlock()
	if !ok {
		return sleepless(why)
	}
	last, _ := netip.ParseAddr(host) // a name is not looked up: the TV may be anywhere
	if err := lan.Wake(ctx, s.d.w.Net, s.d.interfaces(), netip.AddrPortFrom(last, s.d.o.WakePort), []lan.MAC{mac}); err != nil {
		return err
	}
	s.expectSoon(true, wakeTime)
	return nil
}

// sleepless says that a TV stays off, and why it cannot be reached.
func sleepless(why error) error {
	return mi.Diagnose("tv.wake", fmt.Errorf("%s; to wake it, add its MAC address to the TV in the configuration: %w", text(why, mi.ErrOffline), mi.ErrInvalid))
}

// Concern implements mi.Concerned.
func (s *session) Concern() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := lan.ParseMAC(s.mac); ok || s.wire != nil || !errors.Is(s.err, mi.ErrOffline) {
		return nil
	}
	return sleepless(s.err)
}

// sound returns how loud the TV is.
func (s *session) sound() (loudness, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.state.on:
		return loudness{}, fmt.Errorf("the TV is off: %w", mi.ErrOffline)
	case s.state.sound.most == 0:
		return loudness{}, fmt.Errorf("the TV does not tell its volume, as when another device plays its sound; use the volume buttons: %w", mi.ErrInvalid)
	}
	return s.state.sound, nil
}

// setVolume brings the volume to a percentage by keys, the only way there is. The
// first one shows by how much a key changes it.
func (s *session) setVolume(ctx context.Context, percent int) error {
	w, err := s.connected(ctx)
	if err != nil {
		return err
	}
	now, err := s.sound()
	if err != nil {
		return err
	}
	want := now.steps(percent)
	code := uint64(codeVolumeUp)
	if want < now.level {
		code = codeVolumeDown
	}
	if want == now.level {
		return nil
	}
	next, err := s.louder(ctx, w, code, 1, 1, now)
	if err != nil {
		return err
	}
	step := max(1, distance(next.level, now.level))
	if left := distance(want, next.level) / step; left > 0 && (code == codeVolumeUp) == (want > next.level) {
		_, err = s.louder(ctx, w, code, left, step, next)
	}
	return err
}

// louder presses a volume key some times and waits for the TV to show it; step is by
// how much each one should change the level.
func (s *session) louder(ctx context.Context, w *wire, code uint64, times, step int, from loudness) (loudness, error) {
	for i := range times {
		if i > 0 && !pause(ctx, keyPause) {
			return from, ctx.Err()
		}
		if err := w.write(keyPress(code)); err != nil {
			return from, err
		}
	}
	shown, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	var now loudness
	err := s.wait(shown, func() bool {
		now = s.state.sound
		return distance(now.level, from.level) >= times*step
	})
	switch {
	case now.level != from.level:
		return now, nil // larger or smaller steps than before
	case ctx.Err() != nil:
		return now, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return now, fmt.Errorf("the TV does not change its volume, as when another device plays its sound: %w", mi.ErrInvalid)
	}
	return now, err
}

func distance(a, b int) int { return max(a-b, b-a) }

// mute presses the key that turns the sound off and on, if it is not as it should
// be.
func (s *session) mute(ctx context.Context, on bool) error {
	w, err := s.connected(ctx)
	if err != nil {
		return err
	}
	now, err := s.sound()
	if err != nil || now.muted == on {
		return err
	}
	if err := w.write(keyPress(codeMute)); err != nil {
		return err
	}
	shown, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	_ = s.wait(shown, func() bool { return s.state.sound.muted == on }) // what it did is read back
	return nil
}

// Call implements mi.Caller.
func (s *session) Call(ctx context.Context, action int, args []mi.Value) ([]mi.Value, error) {
	all := keys()
	switch {
	case action == actPlay && len(args) == 1:
		return nil, s.play(ctx, args[0].String())
	case action == actPair && len(args) == 0:
		return nil, s.pair(ctx)
	case action == actCode && len(args) == 1:
		return nil, s.finish(ctx, args[0].String())
	case action >= actKeys && action < actKeys+len(all) && len(args) == 0:
		return nil, s.button(ctx, all[action-actKeys])
	}
	return nil, fmt.Errorf("androidtv: action %d with %d arguments: %w", action, len(args), mi.ErrInvalid)
}

// button presses a key of the remote control. The power key of a TV that does not
// answer wakes it.
func (s *session) button(ctx context.Context, k key) error {
	err := s.press(ctx, k.code)
	if k.code == codePower && errors.Is(err, mi.ErrOffline) && s.ctx.Err() == nil {
		err = s.wake(ctx, err)
	}
	if err != nil {
		return s.failed(k.name, err)
	}
	return nil
}

// play opens an address with the app that it belongs to, or starts an app by its
// package.
func (s *session) play(ctx context.Context, link string) error {
	u, err := url.Parse(link)
	switch {
	case isPackage(link):
		link = "market://launch?id=" + link
	case err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Path == "" || len(link) > maxURL:
		return fmt.Errorf("androidtv: play: give an address such as https://www.youtube.com/watch?v=… or the package of an app: %w", mi.ErrInvalid)
	}
	if err := s.open(ctx, link); err != nil {
		return s.failed("play", err)
	}
	return nil
}

// isPackage reports whether a text is the name of an Android package.
func isPackage(s string) bool {
	dots := 0
	for _, r := range s {
		switch {
		case r == '.':
			dots++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
		default:
			return false
		}
	}
	return dots > 0 && len(s) <= maxText
}

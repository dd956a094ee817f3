package tv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	appTime = time.Minute      // for which the app in front is believed: the TV draws a picture to tell it
	offTime = 45 * time.Second // that a TV may take to stop answering once it was switched off
	onTime  = time.Minute      // and to answer once it was woken
)

// session is an open conversation with one TV.
type session struct {
	d      *Driver
	did    string
	addr   string
	mac    string // as configured or sighted
	sink   mi.Sink
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu     sync.Mutex // guards the fields below
	spec   *mi.Spec
	facts  facts
	expect expectation
	app    string    // in front
	appAt  time.Time // of app
	before int       // volume before mute
	dark   bool      // the TV was off when it was last looked at
}

// expectation is the state that an order leads to before the TV shows it.
type expectation struct {
	on    bool
	until time.Time // zero when there is none
}

var (
	_ mi.Getter    = (*session)(nil)
	_ mi.Setter    = (*session)(nil)
	_ mi.Caller    = (*session)(nil)
	_ mi.Describer = (*session)(nil)
	_ mi.Concerned = (*session)(nil)
)

// Close implements mi.Link.
func (s *session) Close() error {
	s.cancel()
	return nil
}

// ask makes one call, which ends with the session.
func (s *session) ask(ctx context.Context, call string) (json.RawMessage, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.ctx, cancel)
	defer stop()
	data, err := ask(ctx, s.d.w.Net, s.addr, call)
	if s.ctx.Err() != nil {
		return nil, fmt.Errorf("tv: closed: %w", mi.ErrOffline)
	}
	if err == nil {
		s.sink.Seen()
	}
	return data, err
}

// order makes a call whose answer is only yes or no.
func (s *session) order(ctx context.Context, call string) error {
	_, err := s.ask(ctx, call)
	return err
}

// Spec implements mi.Link. What a TV has is asked once; a TV that is off has what
// it had when it was last on.
func (s *session) Spec(ctx context.Context) (*mi.Spec, error) {
	s.mu.Lock()
	spec := s.spec
	s.mu.Unlock()
	if spec != nil {
		return spec, nil
	}
	f, err := s.whatItHas(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spec == nil {
		s.facts, s.spec = f, newSpec(&f)
	}
	return s.spec, nil
}

// whatItHas asks the TV, or else remembers. What it does not tell stays as it was.
func (s *session) whatItHas(ctx context.Context) (facts, error) {
	var old facts
	met := s.d.recall(s.did, &old)
	f, err := s.learn(ctx)
	switch {
	case err == nil:
		if len(f.Apps) == 0 {
			f.Apps = old.Apps
		}
		s.d.remember(s.did, f)
		return f, nil
	case met && ctx.Err() == nil:
		return old, nil
	}
	return f, err
}

// learn asks the TV for its facts.
func (s *session) learn(ctx context.Context) (f facts, err error) {
	if _, f, err = inspect(ctx, s.ask); err != nil {
		return f, err
	}
	f.MaxVolume = defaultVolume
	if _, most, err := s.volume(ctx); err == nil {
		f.MaxVolume = most
	} else if !refused(err) {
		return f, err
	}
	data, err := s.ask(ctx, callApps)
	if err == nil {
		f.Apps, err = parseApps(data)
	}
	if err != nil && !refused(err) {
		return f, err
	}
	return f, nil
}

// refused reports whether the TV is there and does not do what it was asked.
func refused(err error) bool { return errors.Is(err, mi.ErrInvalid) || errors.Is(err, mi.ErrProtocol) }

// Describe implements mi.Describer.
func (s *session) Describe(ctx context.Context) (mi.Info, error) {
	info, known, err := inspect(ctx, s.ask)
	info.MAC = s.d.shared(info.MAC, known)
	return info, err
}

// Get implements mi.Getter. A TV that does not answer is off; one that takes the
// call and does not answer hangs, and nobody knows what it shows.
func (s *session) Get(ctx context.Context, props []int, into []mi.Change) ([]mi.Change, error) {
	err := s.order(ctx, callAlive)
	alive := err == nil || refused(err)
	if !alive && !s.off(ctx, err) {
		return into, err
	}
	values, err := s.values(ctx, alive, props)
	if err != nil {
		return into, err
	}
	for _, p := range props {
		if v, ok := values[p]; ok {
			into = append(into, mi.Change{Prop: p, Value: v})
		}
	}
	return into, nil
}

// off reports whether an error says that the TV is off.
func (s *session) off(ctx context.Context, err error) bool {
	return errors.Is(err, mi.ErrOffline) && ctx.Err() == nil && s.ctx.Err() == nil
}

// values returns what is known of the asked properties now. Of a TV that is off
// nothing else is known.
func (s *session) values(ctx context.Context, alive bool, props []int) (map[int]mi.Value, error) {
	on := s.expected(alive)
	s.mu.Lock()
	s.dark = !on
	s.mu.Unlock()
	out := map[int]mi.Value{propOn: mi.Bool(on), propVolume: {}, propMute: {}, propApp: {}, propCurrent: {}}
	if !alive || !on {
		return out, nil
	}
	if slices.Contains(props, propVolume) || slices.Contains(props, propMute) {
		level, _, err := s.volume(ctx)
		switch {
		case err == nil:
			out[propVolume], out[propMute] = mi.Int(int64(level)), mi.Bool(level == 0)
		case !refused(err):
			return nil, err
		}
	}
	if slices.Contains(props, propApp) || slices.Contains(props, propCurrent) {
		pkg, err := s.front(ctx)
		if err != nil && !refused(err) {
			return nil, err
		}
		if pkg != "" {
			s.mu.Lock()
			out[propApp], out[propCurrent] = mi.Text(pkg), mi.Text(s.facts.named(pkg))
			s.mu.Unlock()
		}
	}
	return out, nil
}

// expected returns the state to show: what was ordered until the TV had its time.
func (s *session) expected(alive bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &s.expect
	if e.until.IsZero() || e.on == alive || time.Now().After(e.until) {
		e.until = time.Time{}
		return alive
	}
	return e.on
}

func (s *session) expectSoon(on bool, within time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expect = expectation{on, time.Now().Add(within)}
	s.app, s.appAt = "", time.Time{}
}

// volume reads the volume and its highest value, by the new call or the old one.
func (s *session) volume(ctx context.Context) (level, most int, err error) {
	for _, call := range []string{callVolume, callOldVolume} {
		var data json.RawMessage
		if data, err = s.ask(ctx, call); err == nil {
			level, most, err = parseVolume(data)
		}
		if err == nil || !refused(err) {
			break
		}
	}
	return level, most, err
}

// front returns the app in front, which is asked for rarely.
func (s *session) front(ctx context.Context) (string, error) {
	s.mu.Lock()
	pkg, fresh := s.app, !s.appAt.IsZero() && time.Since(s.appAt) < appTime
	s.mu.Unlock()
	if fresh {
		return pkg, nil
	}
	data, err := s.ask(ctx, callScreen(s.now()))
	if err == nil {
		pkg, err = parseScreen(data)
	}
	if err != nil && !refused(err) {
		return "", err
	}
	if err != nil {
		pkg = ""
	}
	s.shown(pkg)
	return pkg, nil
}

// shown notes the app in front.
func (s *session) shown(pkg string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app, s.appAt = pkg, time.Now()
}

// now is the time that signed calls carry, in milliseconds.
func (s *session) now() int64 { return s.d.w.Now().UnixMilli() }

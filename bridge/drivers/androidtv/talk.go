package androidtv

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const maxApps = 100 // that are remembered of one TV

// converse talks with the TV until the connection ends; heard reports whether it
// said anything.
func (s *session) converse() (heard bool, err error) {
	key, err := s.d.identity()
	if err != nil {
		return false, err
	}
	w, err := dial(s.ctx, s.d.w.Net, s.address(), key)
	if err != nil {
		return false, err
	}
	defer w.close()
	if _, mac := whoIs(w.certificate()); mac != "" && didOf(mac, "") != s.did && len(s.did) == len(didOf(mac, "")) {
		return false, fmt.Errorf("another TV answers at %s: %w", s.address(), mi.ErrOffline)
	}
	s.change(func() { s.wire, s.state.known = w, false })
	for {
		b, err := w.read(s.ctx, quietTime)
		if err != nil {
			return heard, err
		}
		heard = true
		s.sink.Seen()
		if err := s.hear(w, b); err != nil {
			return heard, err
		}
	}
}

// hear takes in a message, and answers it.
func (s *session) hear(w *wire, b []byte) error {
	parts, err := split(b)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := s.part(w, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) part(w *wire, p field) error {
	switch p.num {
	case partConfigure:
		a, err := parseConfigure(p.b)
		if err != nil {
			return err
		}
		s.learn(a)
		w.features = a.features & allWeCan
		return w.write(configuration(w.features))
	case partSetActive:
		return w.write(activation(w.features))
	case partPingRequest:
		n, err := first(p.b)
		if err != nil {
			return err
		}
		return w.write(pong(n))
	case partError:
		s.d.o.Log.Debug().Str("device", s.did).Msg("the TV did not take a message")
	case partStart, partVolume, partIMEKeyInject:
		return s.told(p)
	}
	return nil
}

// told takes in a part of the state.
func (s *session) told(p field) (err error) {
	switch p.num {
	case partStart:
		var on uint64
		if on, err = first(p.b); err == nil {
			s.change(func() { s.state.met, s.state.known, s.state.on, s.refused, s.err = true, true, on != 0, false, nil })
		}
	case partVolume:
		var v loudness
		if v, err = parseVolume(p.b); err == nil {
			s.change(func() { s.state.sound, s.state.whole = v, true })
		}
	case partIMEKeyInject:
		var app string
		if app, err = parseApp(p.b); err == nil {
			s.change(func() { s.state.app = app })
			s.met(app)
		}
	}
	return err
}

// learn keeps what the TV says of itself.
func (s *session) learn(a about) {
	s.mu.Lock()
	f := &s.facts
	news := f.Model != a.model || f.Vendor != a.vendor || f.Version != a.version
	f.Model, f.Vendor, f.Version = a.model, a.vendor, a.version
	s.mu.Unlock()
	if news {
		s.remember()
	}
}

// met remembers an app that came to the front, which is how the list of apps grows:
// a TV does not tell it.
func (s *session) met(app string) {
	if app == "" || named(app) != "" {
		return
	}
	s.mu.Lock()
	fresh := !slices.Contains(s.facts.Apps, app) && len(s.facts.Apps) < maxApps
	if fresh {
		s.facts.Apps = append(slices.Clone(s.facts.Apps), app)
	}
	s.mu.Unlock()
	if fresh {
		s.remember()
	}
}

// facts are what is worth remembering of a TV.
type facts struct {
	Paired  bool
	Model   string
	Vendor  string
	Version string   // of its remote control service
	Apps    []string // packages that came to the front and are not known by name
}

// model names the TV's sort as vendor.androidtv.model.
func (f *facts) model() string {
	return cmp.Or(word(f.Vendor), "google") + ".androidtv." + cmp.Or(word(f.Model), "tv")
}

// word leaves of a name what a model may hold.
func word(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, strings.ToLower(name)), "_")
}

package miio

import (
	"context"
	"errors"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

// usualLegacy is how many names one get_prop asks for; above, several devices
// answer wrongly.
const usualLegacy = 15

// getLegacy reads properties of a device that does not speak MIoT.
func (s *session) getLegacy(ctx context.Context, what *meaning, props []int, into []mi.Change) ([]mi.Change, error) {
	r := legacyReader{s: s, what: what, into: into}
	for _, read := range what.profile.Reads(props) {
		size := read.Chunk
		if read.Names != nil {
			size = min(size, what.limit.get())
		}
		for _, part := range what.profile.Split(read, size) {
			if err := r.read(ctx, part); err != nil {
				return into, fmt.Errorf("miio: get %d properties: %w", len(props), err)
			}
		}
	}
	if len(r.into) == len(into) && r.refused != nil {
		return into, fmt.Errorf("miio: get %d properties: %w", len(props), r.refused)
	}
	s.compare(what.profile, r.into[len(into):])
	return r.into, nil
}

// legacyReader is one reading by several calls.
type legacyReader struct {
	s    *session
	what *meaning
	into []mi.Change
	patience
}

// read makes one call. Names that are too many at once, or that are answered by
// another number of values, are asked in halves.
func (r *legacyReader) read(ctx context.Context, part profile.Read) error {
	into, err := r.ask(ctx, part)
	if refusal, ok := errors.AsType[*refusal](err); ok && refusal.verdict().repeat {
		into, err = r.ask(ctx, part)
	}
	n := len(part.Names)
	switch {
	case err == nil:
		r.into = into
		r.quiet = 0
		if n > 1 {
			r.what.limit.worked(n)
		}
		return nil
	case n > 1 && (tooMuch(err) || errors.Is(err, mi.ErrProtocol)):
		return r.halves(ctx, part)
	case part.Optional && errors.Is(err, mi.ErrUnsupported):
		return nil
	}
	return r.leaveOut(err)
}

func (r *legacyReader) ask(ctx context.Context, part profile.Read) ([]mi.Change, error) {
	body, err := r.s.exchange(ctx, tail(part.Method, part.Params()), reading)
	if err != nil {
		return nil, err
	}
	return r.what.profile.Parse(part, body, r.into)
}

func (r *legacyReader) halves(ctx context.Context, part profile.Read) error {
	n, before := len(part.Names), len(r.into)
	for _, half := range r.what.profile.Split(part, max(1, n/2)) {
		if err := r.read(ctx, half); err != nil {
			return err
		}
	}
	if len(r.into) > before {
		r.what.limit.failed(n)
	}
	return nil
}

// compare tells the events that take place when a property changes.
func (s *session) compare(p *profile.Profile, changes []mi.Change) {
	for _, c := range changes {
		if !p.Watched(c.Prop) {
			continue
		}
		s.mu.Lock()
		before := s.watched[c.Prop]
		if s.watched == nil {
			s.watched = map[int]mi.Value{}
		}
		s.watched[c.Prop] = c.Value
		s.mu.Unlock()
		for _, h := range p.Events(c.Prop, before, c.Value) {
			h.At = s.d.w.Now()
			s.sink.Happened(h)
		}
	}
}

// setLegacy writes properties one by one.
func (s *session) setLegacy(ctx context.Context, what *meaning, changes []mi.Change) error {
	for _, c := range changes {
		requests, err := what.profile.Write(c)
		if err == nil {
			_, err = s.order(ctx, requests, writing)
		}
		if err != nil {
			return fmt.Errorf("miio: set %s: %w", names(what.spec, []mi.Change{c}), err)
		}
	}
	return nil
}

func (s *session) callLegacy(ctx context.Context, what *meaning, index int, args []mi.Value) ([]mi.Value, error) {
	requests, err := what.profile.Call(index, args)
	var body []byte
	if err == nil {
		body, err = s.order(ctx, requests, acting)
	}
	if err != nil {
		a := &what.spec.Actions[index]
		return nil, fmt.Errorf("miio: action %d.%d: %w", a.SIID, a.AIID, err)
	}
	return what.profile.Returned(index, body), nil
}

// order sends calls until one fails, and returns the last result.
func (s *session) order(ctx context.Context, requests []profile.Request, m manner) (body []byte, err error) {
	for _, r := range requests {
		if body, err = s.exchange(ctx, tail(r.Method, r.Params), m); err != nil {
			return nil, err
		}
		if err := failed(body); err != nil {
			return nil, err
		}
		if code, ok := oneCode(body); ok && code != nil {
			return nil, code
		}
	}
	return body, nil
}

package miio

import (
	"context"
	"errors"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// reader is one reading of several chunks.
type reader struct {
	s    *session
	what *meaning
	into []mi.Change
	patience
}

// read reads one chunk. What is too much at once is read in halves; a single
// property that the device chokes on is left out.
func (r *reader) read(ctx context.Context, c chunk) error {
	into, spoken, err := r.ask(ctx, c)
	if refusal, ok := errors.AsType[*refusal](err); ok && refusal.verdict().repeat {
		into, spoken, err = r.ask(ctx, c)
	}
	n := len(c)
	switch {
	case err == nil && (spoken >= n || n == 1):
		r.into, r.quiet = into, 0
		if n > 1 {
			r.what.limit.worked(n)
		}
		return nil
	case n > 1 && (err == nil || tooMuch(err)):
		return r.halves(ctx, c)
	}
	return r.leaveOut(err)
}

// patience decides what a single property that cannot be read costs the others.
type patience struct {
	refused error // why something was left out
	quiet   int   // single properties in a row that were not answered, or by busy
}

// leaveOut accepts a refusal, and one unanswered property: many devices are silent
// about names that they do not know. Two in a row are a device that is gone, or
// that has no time for any of the others either.
func (p *patience) leaveOut(err error) error {
	refusal, said := errors.AsType[*refusal](err)
	busy := said && refusal.verdict().repeat
	switch {
	case errors.Is(err, mi.ErrDenied), !said && !tooMuch(err) && !errors.Is(err, mi.ErrProtocol):
		return err
	case busy, !said && tooMuch(err):
		if p.quiet++; p.quiet > 1 {
			return err
		}
	}
	p.refused = err
	return nil
}

func (r *reader) ask(ctx context.Context, c chunk) ([]mi.Change, int, error) {
	body, err := r.s.exchange(ctx, c.appendRead(nil, r.what.spec, r.s.name), reading)
	if err == nil {
		err = failed(body)
	}
	if err != nil {
		return nil, 0, err
	}
	return c.collect(r.what.spec, body, r.into)
}

func (r *reader) halves(ctx context.Context, c chunk) error {
	n, before := len(c), len(r.into)
	for _, half := range []chunk{c[:n/2], c[n/2:]} {
		if err := r.read(ctx, half); err != nil {
			return err
		}
	}
	if len(r.into) > before && r.tooLarge(ctx, c) {
		r.what.limit.failed(n)
	}
	return nil
}

// tooLarge asks for a whole chunk once more after its halves were read: what fails
// again is too much, and was not just lost while the network was busy.
func (r *reader) tooLarge(ctx context.Context, c chunk) bool {
	_, spoken, err := (&reader{s: r.s, what: r.what}).ask(ctx, c)
	return tooMuch(err) || err == nil && spoken < len(c)
}

package spec

import (
	"context"
	"fmt"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Options set up a Library.
type Options struct {
	Sources []Source       // asked in order: specs that came with the program, the user's folder
	Offline bool           // never ask miot-spec.org
	Host    string         // "" is https://miot-spec.org
	Log     zerolog.Logger // what is fetched, and what is wrong with files
	// Arrived, when set, is told the models whose spec came later than it was
	// asked for.
	Arrived func(model string)
}

// Source finds the instance of a model; fs.ErrNotExist says that it has none.
type Source interface {
	Instance(model string) ([]byte, error)
}

// Library finds the spec of a model. It never waits for a network: what is not
// at hand is fetched in the background and kept for ever in the data folder.
type Library struct {
	opt     Options
	kept    diskSource
	fetcher *fetcher

	mu    sync.Mutex // guards specs
	specs map[string]*mi.Spec
}

var _ mi.Specs = (*Library)(nil)

// New returns a Library over the sources, the data folder and miot-spec.org.
func New(w mi.World, o Options) *Library {
	l := &Library{opt: o, kept: diskSource{w.Disk}, specs: map[string]*mi.Spec{}}
	if !o.Offline {
		l.fetcher = newFetcher(w, o, l.kept)
		l.fetcher.got = l.arrived
	}
	return l
}

// Run fetches what is missing until ctx ends.
func (l *Library) Run(ctx context.Context) {
	if l.fetcher != nil {
		l.fetcher.run(ctx)
	}
}

// Spec implements mi.Specs. The error wraps mi.ErrUnsupported and says in words
// why there is no spec and what to do.
func (l *Library) Spec(_ context.Context, model string) (*mi.Spec, error) {
	if !ValidModel(model) {
		return nil, fmt.Errorf("spec: %.80q is no model name, such as zhimi.airp.mb4a: %w", model, mi.ErrUnsupported)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.specs[model]; s != nil {
		return s, nil
	}
	s := l.find(model)
	if s == nil {
		return nil, l.missing(model)
	}
	l.specs[model] = s
	return s, nil
}

// find asks every source; a file that cannot be read is said and passed over.
func (l *Library) find(model string) *mi.Spec {
	for _, source := range append(l.opt.Sources[:len(l.opt.Sources):len(l.opt.Sources)], l.kept) {
		raw, err := source.Instance(model)
		if err != nil {
			if !notThere(err) {
				l.opt.Log.Warn().Err(err).Str("model", model).Msg("a spec file cannot be read")
			}
			continue
		}
		s, err := Parse(raw)
		if err != nil {
			l.opt.Log.Warn().Err(err).Str("model", model).Msg("a spec file cannot be used")
			continue
		}
		s.Model = model
		return s
	}
	return nil
}

// missing says why there is no spec, and has it fetched where that may help.
func (l *Library) missing(model string) error {
	if l.fetcher == nil {
		return fmt.Errorf("spec: there is no spec for %s and looking at miot-spec.org is off: put its instance file into the specs folder: %w", model, mi.ErrUnsupported)
	}
	if why := l.fetcher.ask(model); why != nil {
		return fmt.Errorf("spec: there is no spec for %s: %w: %w", model, why, mi.ErrUnsupported)
	}
	return fmt.Errorf("spec: the spec of %s is being fetched from miot-spec.org; without internet put its instance file into the specs folder: %w", model, mi.ErrUnsupported)
}

func (l *Library) arrived(model string) {
	if l.opt.Arrived != nil {
		l.opt.Arrived(model)
	}
}

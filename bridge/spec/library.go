package spec

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// together collects the models of devices that are found at the same time, so
// that the sets of a folder are read through once for all of them.
const together = 300 * time.Millisecond

// Options set up a Library.
type Options struct {
	Sources []Source       // asked in order: specs that came with the program, the user's folder
	Offline bool           // never ask miot-spec.org
	Host    string         // "" is https://miot-spec.org
	Log     zerolog.Logger // what is fetched, and what is wrong with files
	// Arrived, when set, is told the models of which there is news: a spec that came
	// later than it was asked for, or that could not be had. It is called by Run.
	Arrived func(model string)
}

// Source finds the instance of a model; fs.ErrNotExist says that it has none.
type Source interface {
	Instance(model string) ([]byte, error)
}

// Searcher is a Source that can look deeper, which takes a while.
type Searcher interface {
	// Search returns the instances of those models that it has.
	Search(models []string) (map[string][]byte, error)
}

// Library finds the spec of a model. It never waits for a network: what is not
// at hand is fetched in the background and kept for ever in the data folder.
// While Run runs, it does not wait for large sets of specs either.
type Library struct {
	opt     Options
	kept    diskSource
	fetcher *fetcher
	look    chan struct{} // something was asked for

	mu       sync.Mutex // guards what follows
	specs    map[string]*mi.Spec
	asked    map[string]bool // to be looked for in sets
	searched map[string]bool // looked for in sets, in vain
	running  bool
}

var _ mi.Specs = (*Library)(nil)

// New returns a Library over the sources, the data folder and miot-spec.org.
func New(w mi.World, o Options) *Library {
	l := &Library{
		opt: o, kept: diskSource{w.Disk}, look: make(chan struct{}, 1),
		specs: map[string]*mi.Spec{}, asked: map[string]bool{}, searched: map[string]bool{},
	}
	if !o.Offline {
		l.fetcher = newFetcher(w, o, l.kept)
		l.fetcher.got = l.arrived
	}
	return l
}

// Run looks for what is missing until ctx ends.
func (l *Library) Run(ctx context.Context) {
	l.mu.Lock()
	l.running = true
	l.mu.Unlock()
	var parts sync.WaitGroup
	if l.fetcher != nil {
		parts.Go(func() { l.fetcher.run(ctx) })
	}
	parts.Go(func() { l.searching(ctx) })
	parts.Wait()
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
	if s := l.find(model); s != nil {
		l.specs[model] = s
		return s, nil
	}
	if !l.searched[model] && len(l.searchers()) > 0 {
		if l.running {
			return nil, l.later(model)
		}
		l.keep([]string{model}, l.search([]string{model}))
		if s := l.specs[model]; s != nil {
			return s, nil
		}
	}
	return nil, l.missing(model)
}

// find asks every source; a file that cannot be read is said and passed over.
func (l *Library) find(model string) *mi.Spec {
	for _, source := range append(slices.Clip(l.opt.Sources), l.kept) {
		raw, err := source.Instance(model)
		if err != nil {
			if !notThere(err) {
				l.opt.Log.Warn().Err(err).Str("model", model).Msg("a spec file cannot be read")
			}
			continue
		}
		if s := l.parse(model, raw); s != nil {
			return s
		}
	}
	return nil
}

func (l *Library) parse(model string, raw []byte) *mi.Spec {
	s, err := Parse(raw)
	if err != nil {
		l.opt.Log.Warn().Err(err).Str("model", model).Msg("a spec file cannot be used")
		return nil
	}
	s.Model = model
	return s
}

func (l *Library) searchers() (out []Searcher) {
	for _, source := range l.opt.Sources {
		if s, ok := source.(Searcher); ok {
			out = append(out, s)
		}
	}
	return out
}

// later has a model looked for by Run.
func (l *Library) later(model string) error {
	l.asked[model] = true
	select {
	case l.look <- struct{}{}:
	default:
	}
	return fmt.Errorf("spec: the spec of %s is being looked for in the specs folder: %w", model, mi.ErrUnsupported)
}

// searching looks through the sets of specs for all models that are asked for
// at about the same time.
func (l *Library) searching(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.look:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(together):
		}
		l.lookNow()
	}
}

func (l *Library) lookNow() {
	l.mu.Lock()
	models := slices.Sorted(maps.Keys(l.asked))
	clear(l.asked)
	l.mu.Unlock()
	found := l.search(models)
	l.mu.Lock()
	l.keep(models, found)
	l.mu.Unlock()
	for _, model := range models {
		if found[model] != nil || l.fetcher == nil {
			l.tell(model)
		} else {
			_ = l.fetcher.ask(model) // how it went is told to whoever asks for the spec
		}
	}
}

// search returns what the sets have; it reads files.
func (l *Library) search(models []string) map[string]*mi.Spec {
	out := map[string]*mi.Spec{}
	for _, source := range l.searchers() {
		found, err := source.Search(models)
		if err != nil {
			l.opt.Log.Warn().Err(err).Msg("the specs folder cannot be read through")
		}
		for model, raw := range found {
			if s := l.parse(model, raw); s != nil && out[model] == nil {
				out[model] = s
			}
		}
	}
	return out
}

// keep notes the result of a search. The caller holds mu.
func (l *Library) keep(models []string, found map[string]*mi.Spec) {
	for _, model := range models {
		l.searched[model] = true
	}
	maps.Copy(l.specs, found)
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

// Missing says how it goes with a model that has no spec.
type Missing struct {
	Offline  bool          // nobody may ask miot-spec.org
	Unlisted bool          // miot-spec.org has none
	Err      error         // why the last try failed; nil while none has ended
	Again    time.Duration // until the next try
}

// Missing tells how it goes with a model for which Spec found nothing.
func (l *Library) Missing(model string) Missing {
	if l.fetcher == nil {
		return Missing{Offline: true}
	}
	return l.fetcher.missing(model)
}

// arrived takes a spec that was fetched, or nil for one that was not.
func (l *Library) arrived(model string, s *mi.Spec) {
	if s != nil {
		l.mu.Lock()
		l.specs[model] = s
		l.mu.Unlock()
	}
	l.tell(model)
}

func (l *Library) tell(model string) {
	if l.opt.Arrived != nil {
		l.opt.Arrived(model)
	}
}

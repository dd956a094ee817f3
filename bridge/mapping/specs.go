package mapping

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
)

// Specs are published specs with the corrections of the mapping files, one shared Spec
// for each model, and the profiles of models that do not speak MIoT.
type Specs struct {
	published mi.Specs

	mu    sync.Mutex // guards the fields below
	files Files
	specs map[string]*mi.Spec
}

var _ mi.Specs = (*Specs)(nil)

// NewSpecs lays files over published specs.
func NewSpecs(published mi.Specs, files Files) *Specs {
	return &Specs{published: published, files: files, specs: map[string]*mi.Spec{}}
}

// Spec implements mi.Specs.
func (s *Specs) Spec(ctx context.Context, model string) (*mi.Spec, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.specs[model]; known != nil {
		return known, nil
	}
	found, err := s.find(ctx, model)
	if err != nil {
		return nil, err
	}
	found = s.files.Rules.Correct(found)
	s.specs[model] = found
	return found, nil
}

// find looks for the model's own spec, then for that of the model that the
// mapping files say it is like.
func (s *Specs) find(ctx context.Context, model string) (*mi.Spec, error) {
	found, err := s.published.Spec(ctx, model)
	like := s.files.Rules.Like(model)
	if err == nil || like == "" {
		return found, err
	}
	found, err = s.published.Spec(ctx, like)
	if err != nil {
		return nil, err
	}
	borrowed := *found
	borrowed.Model = model
	return &borrowed, nil
}

// Match returns the profile of a model; nil when it has none.
func (s *Specs) Match(model string) *profile.Profile {
	files := s.read()
	return files.match(model)
}

// Legacy reports whether a model does not speak MIoT.
func (s *Specs) Legacy(model string) bool {
	files := s.read()
	return files.legacy(model)
}

func (s *Specs) read() Files {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files
}

// Replace takes new files and forgets the specs that the old ones corrected. It
// returns their models, sorted.
func (s *Specs) Replace(files Files) (models []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = files
	models = slices.Sorted(maps.Keys(s.specs))
	clear(s.specs)
	return models
}

package bridge

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// load reads the mapping files: the user's over the built-in ones.
func load(user fs.FS) (*entity.Rules, profiles, error) {
	trees := []fs.FS{mappings.FS}
	if user != nil {
		trees = append(trees, user)
	}
	rules, err := entity.Load(trees...)
	var all profiles
	for _, tree := range trees {
		set, perr := loadProfiles(tree)
		err = errors.Join(err, perr)
		all = append(profiles{set}, all...)
	}
	return rules, all, err
}

func loadProfiles(tree fs.FS) (*profile.Set, error) {
	sub, err := fs.Sub(tree, "profiles")
	if err != nil {
		return nil, err
	}
	set, err := profile.Load(sub)
	if errors.Is(err, fs.ErrNotExist) { // a folder of the user's need not have profiles
		return &profile.Set{}, nil
	}
	return set, err
}

// profiles are sets in the order in which they are asked.
type profiles []*profile.Set

func (p profiles) match(model string) *profile.Profile {
	for _, set := range p {
		if found := set.Match(model); found != nil {
			return found
		}
	}
	return nil
}

func (p profiles) legacy(model string) bool {
	return slices.ContainsFunc(p, func(set *profile.Set) bool { return set.Legacy(model) })
}

// corrected is the spec source of the drivers: published specs with the
// corrections of the mapping files, one shared Spec for each model.
type corrected struct {
	library *spec.Library

	mu       sync.Mutex // guards what follows
	rules    *entity.Rules
	profiles profiles
	specs    map[string]*mi.Spec
}

var (
	_ mi.Specs      = (*corrected)(nil)
	_ miio.Profiles = (*corrected)(nil)
)

func newCorrected(l *spec.Library, r *entity.Rules, p profiles) *corrected {
	return &corrected{library: l, rules: r, profiles: p, specs: map[string]*mi.Spec{}}
}

// Spec implements mi.Specs.
func (c *corrected) Spec(ctx context.Context, model string) (*mi.Spec, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.specs[model]; s != nil {
		return s, nil
	}
	s, err := c.find(ctx, model)
	if err != nil {
		return nil, err
	}
	s = c.rules.Correct(s)
	c.specs[model] = s
	return s, nil
}

// find looks for the model's own spec, then for that of the model that the
// mapping files say it is like.
func (c *corrected) find(ctx context.Context, model string) (*mi.Spec, error) {
	s, err := c.library.Spec(ctx, model)
	like := c.rules.Like(model)
	if err == nil || like == "" {
		return s, err
	}
	s, err = c.library.Spec(ctx, like)
	if err != nil {
		return nil, err
	}
	borrowed := *s
	borrowed.Model = model
	return &borrowed, nil
}

// Match implements miio.Profiles.
func (c *corrected) Match(model string) *profile.Profile { return c.sets().match(model) }

// Legacy implements miio.Profiles.
func (c *corrected) Legacy(model string) bool { return c.sets().legacy(model) }

func (c *corrected) sets() profiles {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.profiles
}

// replace takes new rules and forgets the specs that the old ones corrected.
func (c *corrected) replace(r *entity.Rules, p profiles) (models []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules, c.profiles = r, p
	for model := range c.specs {
		models = append(models, model)
	}
	clear(c.specs)
	return models
}

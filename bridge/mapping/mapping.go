// Package mapping reads the mapping files, the user's over the built-in ones, and lays
// them over what is published: one corrected spec for each model.
package mapping

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/profile"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// Files are mapping files, read and checked.
type Files struct {
	Rules    *entity.Rules
	profiles []*profile.Set // in the order in which they are asked
}

// Load reads the mapping files: those of user over the built-in ones. Without user
// there are only the latter.
func Load(user fs.FS) (Files, error) {
	trees := []fs.FS{mappings.FS}
	if user != nil {
		trees = append(trees, user)
	}
	var out Files
	var err error
	out.Rules, err = entity.Load(trees...)
	for _, tree := range trees {
		set, perr := loadProfiles(tree)
		err = errors.Join(err, perr)
		out.profiles = append([]*profile.Set{set}, out.profiles...)
	}
	return out, err
}

// Profiles returns the files of the built-in profiles.
func Profiles() ([]profile.File, error) {
	set, err := loadProfiles(mappings.FS)
	if err != nil {
		return nil, err
	}
	return set.Files(), nil
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

// match returns the profile of a model; nil when it has none.
func (f *Files) match(model string) *profile.Profile {
	for _, set := range f.profiles {
		if found := set.Match(model); found != nil {
			return found
		}
	}
	return nil
}

// legacy reports whether a model does not speak MIoT.
func (f *Files) legacy(model string) bool {
	return slices.ContainsFunc(f.profiles, func(set *profile.Set) bool { return set.Legacy(model) })
}

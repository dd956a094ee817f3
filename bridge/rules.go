package bridge

import (
	"context"
	"slices"
)

// watch takes in the user's mapping files anew whenever they change. Wrong files
// change nothing: the log says what is wrong and where.
func (b *Bridge) watch(ctx context.Context) {
	if b.opt.Files.Watch == nil {
		return
	}
	changed, err := b.opt.Files.Watch(ctx)
	if err != nil {
		b.opt.Log.Warn().Err(err).Msg("changes of the mapping files are only seen at the next start")
		return
	}
	for range changed {
		b.reload()
	}
}

func (b *Bridge) reload() {
	b.mending.Lock()
	defer b.mending.Unlock()
	rules, profiles, err := load(b.opt.Files.Mappings)
	if err != nil {
		b.opt.Log.Error().Err(err).Msg("the mapping files are not taken over; the rules of before stay")
		return
	}
	models := b.specs.replace(rules, profiles)
	b.topics.SetRules(rules)
	slices.Sort(models)
	for _, model := range models {
		b.home.SpecArrived(model)
	}
	b.opt.Log.Info().Msg("the mapping files changed and are in use")
}

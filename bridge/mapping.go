package bridge

import (
	"context"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mapping"
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

// firstFiles reads the mapping files for the start. A mistake of the user's leaves
// the built-in ones.
func (b *Bridge) firstFiles() (mapping.Files, error) {
	user := b.opt.Files.Mappings
	files, err := mapping.Load(user)
	if err == nil || user == nil {
		return files, err
	}
	b.mistake.set(err)
	b.mistake.first = true
	b.opt.Log.Error().Err(err).Msg("the mapping files of your own cannot be used; the built-in ones are")
	return mapping.Load(nil)
}

// mistake is what is wrong with the user's mapping files.
type mistake struct {
	mu    sync.Mutex // guards the fields below
	err   error      // nil when all is well
	first bool       // since the start: only the built-in mapping was ever used
}

func (m *mistake) set(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err, m.first = err, m.first && err != nil
}

// get returns what is wrong, nil for nothing, and whether only the built-in mapping
// is used.
func (m *mistake) get() (builtin bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first, m.err
}

func (b *Bridge) reload() {
	b.mending.Lock()
	defer b.mending.Unlock()
	files, err := mapping.Load(b.opt.Files.Mappings)
	b.mistake.set(err)
	if err != nil {
		b.opt.Log.Error().Err(err).Msg("the mapping files are not taken over; the rules of before stay")
		return
	}
	models := b.specs.Replace(files)
	b.topics.SetRules(files.Rules)
	for _, model := range models {
		b.home.SpecArrived(model)
	}
	b.opt.Log.Info().Msg("the mapping files changed and are in use")
}

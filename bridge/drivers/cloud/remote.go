package cloud

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// hasState reports whether a remote is more than keys: that of an air conditioner
// takes mode and temperature, and its spec says so.
func (s *session) hasState(ctx context.Context, model string) bool {
	if s.d.o.Specs == nil || !strings.HasPrefix(model, "miir.aircondition.") {
		return false
	}
	spec, err := s.d.o.Specs.Spec(ctx, model)
	return err == nil && slices.ContainsFunc(spec.Props, func(p mi.Property) bool { return p.Access&mi.Write != 0 })
}

// keptKeys is where the keys of a remote are kept, so that a start needs no cloud.
func keptKeys(did string) string { return "cloud-keys-" + did }

// keypad is what is known of a remote.
type keypad struct {
	keys  []RemoteKey
	sheet *sheet
	asked time.Time
}

// keysFor is how long the keys of a remote are believed. People teach it new ones.
const keysFor = time.Hour

// keys returns the sheet of an infrared remote. The same keys are the same sheet.
func (s *session) keys(ctx context.Context) (*sheet, error) {
	s.d.mu.Lock()
	before := s.d.keypads[s.did]
	s.d.mu.Unlock()
	if before != nil && time.Since(before.asked) < keysFor {
		return before.sheet, nil
	}
	keys, err := s.askKeys(ctx)
	switch {
	case err != nil && before != nil:
		return before.sheet, nil
	case err != nil:
		return nil, err
	}
	now := &keypad{keys: keys, asked: time.Now()}
	if before != nil && slices.Equal(before.keys, keys) {
		now.sheet = before.sheet
	} else {
		now.sheet = s.keySheet(keys)
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.d.keypads[s.did] = now
	return now.sheet, nil
}

func (s *session) keySheet(keys []RemoteKey) *sheet {
	did, ids := s.did, make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	all := make([]button, len(keys))
	for i, n := range s.d.numbers.of(did, ids) {
		id := keys[i].ID
		all[i] = button{n, keys[i].Name, func(ctx context.Context) error { return s.d.o.Account.PressRemote(ctx, did, id) }}
	}
	return newSheet(s.model(), "remote-control", "ir-keys", "press-key", "Keys", all)
}

// askKeys asks the cloud, and else remembers.
func (s *session) askKeys(ctx context.Context) (keys []RemoteKey, err error) {
	err = s.within(ctx, gathering, func(ctx context.Context, _ *pool) (err error) {
		keys, err = s.d.o.Account.RemoteKeys(ctx, s.did)
		return err
	})
	memory := s.d.o.Memory
	switch {
	case memory == nil:
	case err == nil:
		memory.Save(keptKeys(s.did), keys)
	case memory.Load(keptKeys(s.did), &keys):
		return keys, nil
	}
	return keys, err
}

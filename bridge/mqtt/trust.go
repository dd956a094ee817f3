package mqtt

import (
	"maps"
	"slices"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// trustName is what the proven devices are kept as.
const trustName = "proven"

// trust remembers which devices without a key have proven to be the user's, so that
// one that is silent after a restart, a button or a vehicle that is out, stays
// announced.
type trust struct {
	memory mi.Memory // nil remembers for this run

	mu  sync.Mutex // guards ids
	ids map[string]bool
}

func newTrust(memory mi.Memory) *trust {
	t := &trust{memory: memory, ids: map[string]bool{}}
	var ids []string
	if memory != nil && memory.Load(trustName, &ids) {
		for _, id := range ids {
			t.ids[id] = true
		}
	}
	return t
}

func (t *trust) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[id]
}

// set notes that a device is proven, or that it is to prove itself anew.
func (t *trust) set(id string, proven bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids[id] == proven {
		return
	}
	if delete(t.ids, id); proven {
		t.ids[id] = true
	}
	if t.memory != nil {
		t.memory.Save(trustName, slices.Sorted(maps.Keys(t.ids)))
	}
}

package bridge

import (
	"maps"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// names are those that the user gave to devices, or to their rooms, by did. They
// outlive restarts.
type names struct {
	memory mi.Memory
	under  string // what they are kept as

	mu    sync.Mutex // guards given
	given map[string]string
}

func loadNames(memory mi.Memory, under string) *names {
	n := &names{memory: memory, under: under, given: map[string]string{}}
	memory.Load(under, &n.given)
	return n
}

func (n *names) all() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.given)
}

// give keeps the name of a device; "" forgets it.
func (n *names) give(did, name string) {
	n.mu.Lock()
	if name == "" {
		delete(n.given, did)
	} else {
		n.given[did] = name
	}
	given := maps.Clone(n.given)
	n.mu.Unlock()
	n.memory.Save(n.under, given)
}

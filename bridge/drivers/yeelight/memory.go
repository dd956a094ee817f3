package yeelight

import (
	"maps"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// memoryName is where the driver keeps what lamps can do.
const memoryName = "yeelight"

// remembered is what one lamp was when it was last connected: its spec is known
// again at the next start, also while it has no power.
type remembered struct {
	Model  string // its Xiaomi name
	Traits traits
}

// recall returns what is remembered of a lamp.
func (d *Driver) recall(did string) (remembered, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.memory[did]
	return r, ok
}

// remember keeps what a lamp is.
func (d *Driver) remember(did string, r remembered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.o.Memory == nil || d.memory[did] == r || len(d.memory) >= maxLamps {
		return
	}
	d.memory[did] = r
	d.o.Memory.Save(memoryName, maps.Clone(d.memory))
}

func loadMemory(m mi.Memory) map[string]remembered {
	all := map[string]remembered{}
	if m != nil && !m.Load(memoryName, &all) {
		return map[string]remembered{}
	}
	return all
}

package bridge

import (
	"maps"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/device"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// choices are what the user chose for devices, by did. They outlive restarts.
type choices struct {
	memory mi.Memory

	mu   sync.Mutex // guards made
	made map[string]device.Choice
}

const keptChoices = "choices"

func loadChoices(memory mi.Memory) *choices {
	c := &choices{memory: memory, made: map[string]device.Choice{}}
	memory.Load(keptChoices, &c.made)
	return c
}

func (c *choices) all() map[string]device.Choice {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.made)
}

// keep keeps what was chosen for a device; nothing at all is forgotten.
func (c *choices) keep(did string, chosen device.Choice) {
	c.mu.Lock()
	if chosen == (device.Choice{}) {
		delete(c.made, did)
	} else {
		c.made[did] = chosen
	}
	made := maps.Clone(c.made)
	c.mu.Unlock()
	c.memory.Save(keptChoices, made)
}

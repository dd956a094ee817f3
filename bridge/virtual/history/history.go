// Package history is what happened in a run, as devices, bridge and user tell it, and
// the judge of it.
package history

import (
	"sync"
	"time"
)

// Actor is who did something in a home.
type Actor string

// The actors of a home.
const (
	User   Actor = "user"
	Bridge Actor = "bridge"
	Thing  Actor = "device"
	Broker Actor = "broker"
)

// What is what somebody did.
type What string

// What happens in a home. The comment says who does it and what Key, Value and
// ID of the Entry hold.
const (
	Order     What = "order"     // user wants Value for Key; ID is the order's name
	Done      What = "done"      // bridge ended order ID; Value is "" or the error
	Executed  What = "executed"  // device did an order: Key is a property or action, Value the JSON; ID the message
	Truth     What = "truth"     // device: property Key is now Value
	State     What = "state"     // bridge published Value for property Key
	Emitted   What = "emitted"   // device: event Key happened; ID is its number
	Event     What = "event"     // bridge published event ID; Value "retained" is forbidden
	Reachable What = "reachable" // device can be reached from now on: Value "true", "false" or Unclear
	Available What = "available" // bridge published availability: Value "online" or "offline"
	Restart   What = "restart"   // bridge or device started anew, or the connection to the broker began or ended
	Queue     What = "queue"     // bridge: queue Key holds Value "n/capacity"
	Slept     What = "slept"     // bridge: its machine slept while Value went by for everybody else
)

// Unclear is the Value of Reachable while a device can be reached now and then.
const Unclear = "unclear"

// Entry is one line of the history. Value is compact JSON where it is a value of
// a property.
type Entry struct {
	At    time.Time
	Actor Actor
	What  What
	DID   string
	Key   string // "2.1", a legacy name, "a5.3" for an action
	Value string
	ID    string
}

// Recorder takes down what happens. Record is called from any goroutine and
// must not block.
type Recorder interface{ Record(Entry) }

// History is everything that happened, in order.
type History struct {
	mu      sync.Mutex
	entries []Entry
}

var _ Recorder = (*History)(nil)

// Record implements Recorder.
func (h *History) Record(e Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, e)
}

// Entries returns a copy of what was taken down.
func (h *History) Entries() []Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Entry(nil), h.entries...)
}

// Package entity turns what a device has (mi.Spec) into what a home platform
// sees (Entity), by rules that are data. It knows nothing of the network.
package entity

// Role is Home Assistant's own word for one facet of an entity, and the last
// level of its topic: "state", "brightness", "preset_mode", "press".
type Role string

// Entity is one thing that a home platform shows. It is immutable and shared by
// all devices of a model.
type Entity struct {
	ID          string // unique and stable within the device: "p2_1", "a3_1", "light_2"
	Component   string // Home Assistant platform; "command" for what has only a command topic
	Name        string // shown after the device's name; "" on the main entity (shown by the device's name alone)
	Main        bool   // the entity that stands for the device itself
	ClassNamed  bool   // the platform's own translated name of DeviceClass says it all: send no name
	DeviceClass string
	StateClass  string
	Category    string // "", "config" or "diagnostic"
	Unit        string // Home Assistant's spelling
	Icon        string // "mdi:…" or ""
	Enabled     bool   // shown without the user asking for it
	Assumed     bool   // the device cannot tell its state
	Fades       bool   // the light takes the time of a change, and flashes
	Danger      string // class of what its command can do, one of Dangers; "" for harmless
	Rule        string // the rule that made it, for people
	Binds       []Bind
}

// Bind joins a role with the property, action or events behind it.
type Bind struct {
	Role    Role
	State   bool     // has a state topic: Entity.Render fills it
	Command bool     // has a command topic: Entity.Order takes it
	Options []string // the words that the role takes, when they are a list
	Min     float64  // limits of a numeric role; Min == Max means none
	Max     float64
	Step    float64
	Props   []int // properties that the role reads or writes, indexes into Spec.Props
	Actions []int
	Events  []int
	conv    converter
}

// Payload is one rendered role.
type Payload struct {
	Role Role
	Text string
	// Momentary marks what happened once: never retained.
	Momentary bool
	// OutOfList marks a value that the role has no word for; Text is None.
	OutOfList bool
}

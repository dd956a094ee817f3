package web

import (
	"context"
	"errors"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Bridge is what the pages show. Its methods may be called from anywhere, return
// data of their own and do not block on devices.
type Bridge interface {
	// Overview returns how things stand as a whole.
	Overview() Overview
	// Devices returns every device, sorted by did.
	Devices() []Device
	// Brief returns one line of the list, by id or did.
	Brief(id string) (Device, bool)
	// Main returns the value that says most about a device, ready to be shown.
	Main(id string) string
	// Device returns all about one device, by id or did; nil when there is none.
	Device(id string) *Detail
	// Readings returns the state roles of some entities of a device.
	Readings(id string, entities []string) []Reading
	// Recent returns the last changes, newest first.
	Recent() []Recent
	// Routes returns the ways in which devices are reached.
	Routes() []Branch
	// Problems returns what is not as it should be, the worst first.
	Problems() []Problem
	// Solved returns what is as it should be again since lately, newest first; Since is
	// when it was solved.
	Solved() []Problem
	// Examine looks at everything anew and tells what it sees, until ctx ends: how many
	// steps are done, of how many, and a check, or one without a name.
	Examine(ctx context.Context, tell func(done, total int, c Check))
	// Settings returns every setting as it holds.
	Settings() []Setting
	// Samples returns the numbers for the metrics, besides those of the devices.
	Samples() []Sample
}

// Orders is what the pages do to devices. The errors wrap a kind of package mi or
// one of this package's and say in words what would be right.
type Orders interface {
	// Set writes one role or property and waits for the device.
	Set(ctx context.Context, id string, w Write) (Done, error)
	// Call runs an action and waits for the device.
	Call(ctx context.Context, id string, c Call) (Done, error)
	// Refresh reads a device again soon, and its spec and address too; "" is all.
	Refresh(id string) error
	// Choose changes what the user chose for a device.
	Choose(id string, w Wish) error
	Remove(id string) error
	// Import takes in a list of devices with their keys, as token extractors write it.
	Import(list mi.Secret) (Imported, error)
}

// Process is what the pages do to the bridge itself.
type Process interface {
	// LogLevel changes how much is logged.
	LogLevel(level string) error
	// Restart starts the bridge again; it returns at once.
	Restart() error
	// Clean masks every secret in a text.
	Clean(text string) string
	// Report returns what helps to find a mistake, without secrets; id "" is all.
	// Names, rooms and addresses stay when names is set.
	Report(id string, names bool) string
}

// Kinds of failure besides those of package mi.
var (
	ErrNoDevice  = errors.New("there is no such device")
	ErrNoRole    = errors.New("the device has no such thing")
	ErrForbidden = errors.New("forbidden by the settings")
	ErrConfirm   = errors.New("has to be confirmed")
)

// Write asks for a new value of a role ("fan_2/preset_mode"), or of a property by
// iid ("2.4"), id ("p2_4") or key ("fan/mode").
type Write struct {
	Key   string
	Value mi.Value
	// Confirmed tells that a person knows what the order can do.
	Confirmed bool
}

// Call asks for an action, by iid, id or key.
type Call struct {
	Action    string
	Args      []mi.Value
	Confirmed bool
}

// Wish is what somebody chooses for a device; what is nil stays as it is.
type Wish struct {
	Name   *string `json:"name,omitempty"` // "" is the one that it came with
	Room   *string `json:"room,omitempty"`
	Hidden *bool   `json:"hidden,omitempty"` // from home platforms, and in the list
	Reach  *string `json:"reach,omitempty"`  // automatic, local or cloud
	Detail *string `json:"detail,omitempty"` // default, minimal, normal or all
	Asleep *bool   `json:"asleep,omitempty"` // its silence is normal
}

// Imported tells what came of a list of devices.
type Imported struct {
	Added   int       `json:"added"`
	Changed int       `json:"changed"`
	Skipped []Skipped `json:"skipped"`
}

// Skipped is an entry of a list that was not taken.
type Skipped struct {
	Entry int    `json:"entry"` // from 1
	Why   string `json:"why"`
}

// Done tells how an order was carried out.
type Done struct {
	Route string     `json:"route"`
	MS    int64      `json:"ms"` // milliseconds that it took
	Out   []mi.Value `json:"out,omitempty"`
}

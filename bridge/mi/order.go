package mi

import (
	"context"
	"time"
)

// Order is what somebody wants of a device, in the device's own vocabulary: the
// properties to write in this order, then the actions to run.
type Order struct {
	Set    []Change
	Calls  []Call
	Manner Manner
}

// Manner is how somebody wants an order carried out. A device that has no choice
// does it in its own way. The zero Manner is the device's own.
type Manner struct {
	Fade  time.Duration // that a light takes to change, when Fades
	Fades bool
	Flash time.Duration // for which a light blinks, to be as before afterwards
}

// Mannered is a Setter that has the choice.
type Mannered interface {
	// SetSo is Set in a certain manner.
	SetSo(ctx context.Context, c []Change, how Manner) error
}

// Call is one action with its arguments; Action indexes Spec.Actions.
type Call struct {
	Action int
	Args   []Value
}

// Memory keeps small facts across restarts, such as the batch size that a model
// takes. Save never blocks on the disk and never fails towards its caller.
type Memory interface {
	// Load fills v from the JSON stored as name; it reports whether there was any.
	Load(name string, v any) bool
	// Save stores v as JSON under name soon.
	Save(name string, v any)
}

// Private is what a value is that a Memory must not show: it holds keys. Memory
// encrypts it when the user has given a key.
type Private interface{ Private() }

package mi

// Order is what somebody wants of a device, in the device's own vocabulary: the
// properties to write in this order, then the actions to run.
type Order struct {
	Set   []Change
	Calls []Call
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

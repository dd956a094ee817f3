package mi

import "context"

// Driver knows one protocol: it finds devices and opens conversations.
type Driver interface {
	// Find reports every device it comes to know of, again and again, until ctx
	// ends. An Info is a sighting: it may repeat, and its fields are what the
	// protocol itself shows.
	Find(ctx context.Context, found func(Info)) error
	// Open starts a conversation with d. It does not wait for the device to
	// answer. What the device says unasked goes to sink until Close.
	Open(ctx context.Context, d Info, sink Sink) (Link, error)
}

// Sink receives what a device says unasked. Calls come from the driver's reader
// and must not block; slices are valid only during the call.
type Sink interface {
	Changed(c []Change)
	Happened(h Happening)
	// Seen tells that an authenticated packet of the device arrived.
	Seen()
}

// Link is an open conversation with one device. What else it can do is told by
// the interfaces that it implements: Getter, Setter, Caller, Describer, Mover.
type Link interface {
	// Spec returns what the device has. It may ask the device and a spec source;
	// ErrUnsupported means that no spec is to be had now.
	Spec(ctx context.Context) (*Spec, error)
	Close() error
}

// Getter reads properties. It appends what it could read to into, which lacks
// what the device refused one by one; an error means that nothing was read.
type Getter interface {
	Get(ctx context.Context, props []int, into []Change) ([]Change, error)
}

// Starter is a Getter that can also read without anybody waiting, which is what
// most polls are: thousands of devices then need no goroutine each.
type Starter interface {
	// Start begins to read props. It reports false when that takes more than asking
	// and hearing the answer; Get does it then. Otherwise done is called once, from
	// any goroutine, and must not block: with what Get would have returned, or with
	// ok false when nothing came of it and Get is to try.
	Start(props []int, into []Change, done func(got []Change, ok bool)) bool
	// Stop ends what Start began; done is called soon.
	Stop()
}

// Setter writes properties in the given order.
type Setter interface {
	Set(ctx context.Context, c []Change) error
}

// Caller runs an action.
type Caller interface {
	Call(ctx context.Context, action int, args []Value) ([]Value, error)
}

// Describer asks the device who it is (model, firmware, MAC).
type Describer interface {
	Describe(ctx context.Context) (Info, error)
}

// Mover learns a new sighting of its device, such as another address, while the
// conversation goes on.
type Mover interface {
	Move(d Info)
}

// Pusher tells whether the device reports changes by itself at the moment, so
// that it need not be polled often.
type Pusher interface {
	Pushing() bool
}

// Concerned is a link whose device may well answer and yet lacks something, such as
// a way to be woken.
type Concerned interface {
	// Concern returns what is not as it should be, with its Problem; nil when all is.
	// It never waits.
	Concern() error
}

// Specs finds the spec of a model. Implementations never block on a network:
// what is not at hand is fetched in the background and ErrUnsupported returned.
type Specs interface {
	Spec(ctx context.Context, model string) (*Spec, error)
}

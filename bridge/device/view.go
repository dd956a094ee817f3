// Package device holds the state of every device: one actor each, which polls,
// carries out orders, judges availability and chooses the route.
package device

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// View is told what happens at the devices. Calls for one device come from one
// goroutine, in order, and must not block.
type View interface {
	// Opened tells that the spec is known, or changed, or that what is shown of
	// the device itself changed (name, room, model, firmware); it returns what
	// to read.
	Opened(d *Device, spec *mi.Spec) Plan
	// Changed tells new values, all of them at once in d.Values; it reports
	// whether something at the device is in motion and worth following closely.
	// A change that repeats the value told last asks to publish it again: an
	// order was carried out or failed, and a slider somewhere must jump back.
	Changed(d *Device, changes []mi.Change) (moving bool)
	Happened(d *Device, h mi.Happening)
	// Status tells a change of availability, route or error. The first call
	// comes when the first contact was made or failed.
	Status(d *Device, s Status)
	// Removed tells that the device is gone for good.
	Removed(d *Device)
}

// Plan says which properties are read how often.
type Plan struct {
	Fast []int // at every poll
	Slow []int // counters, filters, long texts
}

// Status is what people may know of a device's connection.
type Status struct {
	Online     bool
	Connection string // name of the route that served the last exchange: "lan", "cloud", …; "" when none yet
	LastSeen   time.Time
	LastError  string // in words, with what to do; "" when all is well
	Problem    string // id of what is behind LastError, if a driver found out: "net.foreign_subnet"
	Reason     string // why there is no spec yet, in words; "" when there is one
}

// Request is an order with the moment it was given. It runs before its deadline
// or not at all.
type Request struct {
	mi.Order
	// Merge names what the order is about (entity and role). A newer request
	// with the same name replaces one that still waits; "" never merges.
	Merge string
	// Cause says who gave the order: "mqtt <topic>", "cli". It is required.
	Cause string
	// Done, when set, is called exactly once, from any goroutine, with the
	// actions' results. It must not block. The error is ErrReplaced when a newer
	// request took this one's place, and wraps ErrUnknownOutcome when the reply
	// was lost and nobody can say whether the device obeyed.
	Done func(out []mi.Value, err error)
}

func (r Request) done(out []mi.Value, err error) {
	if r.Done != nil {
		r.Done(out, err)
	}
}

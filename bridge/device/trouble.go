package device

import (
	"errors"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	refusedID = "device.refused" // of package problem, as the next
	busyID    = "device.busy"

	watched = 16 // exchanges from which it is judged whether the device is overloaded
	tooMany = 6  // of them, without an answer though it says hello
)

// Trouble is something that is not as it should be, whether the device answers or not.
type Trouble struct {
	Problem string    // id; package problem has the list
	What    string    // that was ordered: "brightness"; "" where nothing was
	Err     error     // what exactly was the matter; a mi.Refusal has a code
	At      time.Time // when it was noticed; zero for what lasts
}

// notes are what is worth telling besides the Status. Device.mu guards them.
type notes struct {
	order   *Trouble // of the last order; nil when it went well
	unheard uint16   // one bit for each of the last exchanges: the device said hello and no more
	moved   move
}

// move is another address.
type move struct {
	from string
	at   time.Duration
}

// Troubles returns what is not as it should be besides what Status says: the last
// order that the device refused, and what its links are concerned about.
func (d *Device) Troubles() (all []Trouble) {
	d.mu.Lock()
	order := d.notes.order
	var links []mi.Concerned
	for _, r := range d.routes {
		if c, ok := r.link.(mi.Concerned); ok {
			links = append(links, c)
		}
	}
	d.mu.Unlock()
	for _, c := range links {
		if err := c.Concern(); err != nil {
			all = append(all, Trouble{Problem: mi.Problem(err), Err: err})
		}
	}
	if order != nil && !slices.ContainsFunc(all, func(t Trouble) bool { return t.Problem == order.Problem }) {
		all = append(all, *order)
	}
	return all
}

// Busy reports whether the device says hello and leaves many questions without an
// answer; every is how many it takes for one, 0 when none was answered.
func (d *Device) Busy() (every int, busy bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.notes.busy()
}

func (n *notes) busy() (every int, busy bool) {
	lost := bits.OnesCount16(n.unheard)
	switch {
	case lost < tooMany:
		return 0, false
	case lost == watched:
		return 0, true
	}
	heard := watched - lost
	return max(2, (watched+heard/2)/heard), true
}

// Moved returns where the device was before it turned up at another address, and how
// long ago that was; false when it did not.
func (d *Device) Moved() (from string, ago time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.notes.moved
	return m.from, d.home.now() - m.at, m.from != ""
}

// move notes another address in the local network. It needs Device.mu.
func (n *notes) move(from, to string, now time.Duration) {
	if from, to = mi.Host(from), mi.Host(to); from != "" && to != "" && from != to {
		n.moved = move{from, now}
	}
}

// exchanged notes how an exchange ended: whether the device was heard to be there and
// did not answer.
func (d *Device) exchanged(err error) {
	mute := mi.Problem(err) == busyID || errors.Is(err, mi.ErrBusy)
	if err != nil && !mute {
		return // that tells nothing about how busy it is
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes.unheard <<= 1
	if mute {
		d.notes.unheard |= 1
	}
}

// overloaded is Busy for the loop.
func (d *Device) overloaded() bool {
	_, busy := d.Busy()
	return busy
}

// refusal notes that the device said no to an order, or did not do it. What never got
// to it is no refusal.
func (d *Device) refusal(what string, err error) {
	id := mi.Problem(err)
	if id == "" && refused(err) {
		id = refusedID
	}
	if id == "" {
		return
	}
	t := &Trouble{Problem: id, What: what, Err: err, At: d.home.opt.World.Now()}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes.order = t
}

// accepted forgets the refusal of an order before.
func (d *Device) accepted() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes.order = nil
}

// subject says what an order is about, as people say it.
func (d *Device) subject(o mi.Order) string {
	var parts []string
	for _, c := range o.Set {
		parts = append(parts, plain(d.spec.Props[c.Prop].Name))
	}
	for _, c := range o.Calls {
		parts = append(parts, plain(d.spec.Actions[c.Action].Name))
	}
	return strings.Join(parts, ", ")
}

// plain is the name of a property or action in words.
func plain(name string) string {
	if name == "on" {
		return "power"
	}
	return strings.ReplaceAll(name, "-", " ")
}

// errIgnored says that the device took an order and did nothing.
type errIgnored struct{ want, still string }

// Error implements error.
func (e *errIgnored) Error() string {
	return "it accepted " + e.want + " and still says " + e.still
}

// Unwrap returns the kind of the failure.
func (*errIgnored) Unwrap() error { return mi.ErrInvalid }

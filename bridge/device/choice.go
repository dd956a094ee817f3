package device

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Choice is what the user chose for a device. Its zero value is a device about
// which nobody said anything.
type Choice struct {
	Name   string `json:"name,omitempty"`   // shown; "" is the one that the device came with
	Room   string `json:"room,omitempty"`   // shown; "" likewise
	Hidden bool   `json:"hidden,omitempty"` // home platforms do not see it
	Reach  string `json:"reach,omitempty"`  // one of Reaches; "" is the first
	Detail string `json:"detail,omitempty"` // one of Details; "" is the first
	Asleep bool   `json:"asleep,omitempty"` // its silence is normal: it never counts as gone
}

// The ways by which a device may be reached.
const (
	ReachAny   = "automatic" // by whatever works, the nearest first
	ReachLocal = "local"     // never by the cloud
	ReachCloud = "cloud"     // by nothing else
)

// Reaches are the words of Choice.Reach.
func Reaches() []string { return []string{ReachAny, ReachLocal, ReachCloud} }

// Details are the words of Choice.Detail: the first is what the settings say for all
// devices.
func Details() []string { return []string{"default", "minimal", "normal", "all"} }

// checked returns c with the usual words left out; the error says what would be right.
func (c Choice) checked() (Choice, error) {
	for _, w := range []struct {
		what string
		word *string
		of   []string
	}{{"reach", &c.Reach, Reaches()}, {"detail", &c.Detail, Details()}} {
		if *w.word == "" || *w.word == w.of[0] {
			*w.word = ""
		} else if !slices.Contains(w.of, *w.word) {
			return c, fmt.Errorf("%s can be %s, not %.40q: %w", w.what, strings.Join(w.of, ", "), *w.word, mi.ErrInvalid)
		}
	}
	return c, nil
}

// Choice returns what the user chose.
func (d *Device) Choice() Choice {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.choice()
}

// choice needs d.mu.
func (d *Device) choice() Choice {
	if d.chosen == nil {
		return Choice{}
	}
	return *d.chosen
}

// Choose changes what the user chose; the error wraps mi.ErrInvalid and says what
// would be right. change must not ask the device anything.
func (d *Device) Choose(change func(*Choice)) error {
	d.mu.Lock()
	now := d.choice()
	was := now
	change(&now)
	now, err := now.checked()
	if err == nil {
		d.chosen = &now
	}
	d.mu.Unlock()
	if err != nil || now == was {
		return err
	}
	d.post(func(in *inbox) {
		in.chosen, in.rerouted = true, in.rerouted || now.Reach != was.Reach
	})
	d.home.listChanged()
	if told := d.home.opt.Chosen; told != nil {
		told(d.did, now)
	}
	return nil
}

// Sleepy reports whether the device's silence is normal, as its model or the user says.
func (d *Device) Sleepy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.choice().Asleep || d.spec != nil && d.spec.Tuning.Sleepy
}

// Name returns what people call the device: the name that the user gave it or that
// it came with, else what it is.
func (d *Device) Name() string {
	info, spec := d.Info(), d.Spec()
	kind := ""
	if spec != nil {
		kind = spec.Text
	}
	return cmp.Or(strings.TrimSpace(info.Name), kind, info.Model, info.DID)
}

// reaches reports whether the user lets the device be reached by that route. It needs
// d.mu.
func (d *Device) reaches(route string) bool {
	if d.chosen == nil {
		return true
	}
	switch d.chosen.Reach {
	case ReachLocal:
		return route != "cloud"
	case ReachCloud:
		return route == "cloud"
	}
	return true
}

// reroute has the device read by the routes that the user wants now.
func (d *Device) reroute(now time.Duration) {
	l := &d.loop
	l.rerouted, l.failures = true, 0
	l.nextPoll, l.nextSpec = min(l.nextPoll, now), sooner(l.nextSpec, now)
}

// letGo closes the links of routes that the user does not want any more, between two
// exchanges.
func (d *Device) letGo() {
	if !d.loop.rerouted {
		return
	}
	d.loop.rerouted = false
	d.mu.Lock()
	var off []*route
	for _, r := range d.routes {
		if r.link != nil && !d.reaches(r.Name) {
			off = append(off, r)
		}
	}
	d.mu.Unlock()
	for _, r := range off {
		link := r.link // only exchanges and the loop between them write it
		d.use(r, nil)
		_ = link.Close() // nothing more is wanted of it
	}
}

// noWay says that no route is left to try, and why.
func (d *Device) noWay() error {
	if reach := d.Choice().Reach; reach != "" {
		return fmt.Errorf("device: no way to reach it; %q is all that its options allow: %w", reach, mi.ErrOffline)
	}
	return fmt.Errorf("device: no way to reach it: %w", mi.ErrUnsupported)
}

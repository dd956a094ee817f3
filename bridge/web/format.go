package web

import (
	"fmt"
	"time"
)

// Age says in words how long ago something was.
func (p *page) Age(at time.Time) string {
	if at.IsZero() {
		return p.T("never")
	}
	age := p.now.Sub(at)
	switch {
	case age < 2*time.Second:
		return p.T("just now")
	case age < time.Minute:
		return p.T("%d s ago", int(age/time.Second))
	case age < time.Hour:
		return p.T("%d min ago", int(age/time.Minute))
	case age < 48*time.Hour:
		return p.T("%d h ago", int(age/time.Hour))
	}
	return p.T("%d days ago", int(age/(24*time.Hour)))
}

// For says in words how long something has gone on.
func (p *page) For(since time.Time) string {
	age := p.now.Sub(since)
	switch {
	case age < time.Minute:
		return p.T("%d s", max(0, int(age/time.Second)))
	case age < time.Hour:
		return p.T("%d min", int(age/time.Minute))
	case age < 48*time.Hour:
		return p.T("%d h", int(age/time.Hour))
	}
	return p.T("%d days", int(age/(24*time.Hour)))
}

// Minutes writes seconds that are left as a clock does.
func (p *page) Minutes(seconds int) string { return fmt.Sprintf("%d:%02d", seconds/60, seconds%60) }

// Time returns a time for machines.
func (p *page) Time(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// Clock returns a time for people, with the zone of the bridge.
func (p *page) Clock(at time.Time) string { return at.Format("15:04:05") }

// State returns the word for the state of a device.
func (p *page) State(state string) string { return p.T(stateWords[state]) }

var stateWords = map[string]string{
	Online: "Online", NoAnswer: "No answer", Asleep: "Asleep", Starting: "Not asked yet", Unproven: "Needs its key",
}

// Route returns the word for a way to a device.
func (p *page) Route(route string) string {
	word, ok := routeWords[route]
	if !ok {
		return route
	}
	return p.T(word)
}

var routeWords = map[string]string{"": "None", LAN: "LAN", Gateway: "Gateway", Bluetooth: "Bluetooth", Cloud: "Cloud"}

// shape is how a state is drawn: a colour, and a symbol that says the same.
type shape struct{ Class, Icon string }

// look returns how the state of a device is drawn.
func look(state string) shape {
	switch state {
	case Online:
		return shape{"is-ok", "check"}
	case Asleep, Starting:
		return shape{"is-off", "off"}
	case Unproven:
		return shape{"is-warn", "key"}
	}
	return shape{"is-bad", "stop"}
}

// routeLook returns how a way to a device is drawn.
func routeLook(route string) shape {
	switch route {
	case LAN, Gateway, Bluetooth, Cloud:
		return shape{"t-" + route, route}
	}
	return shape{"t-off", "off"}
}

// connectionLook returns how the state of a connection is drawn.
func connectionLook(state string) shape {
	switch state {
	case "ok":
		return shape{"is-ok", "check"}
	case "warn":
		return shape{"is-warn", "warn"}
	case "bad":
		return shape{"is-bad", "stop"}
	}
	return shape{"is-off", "off"}
}

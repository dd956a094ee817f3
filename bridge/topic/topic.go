// Package topic knows the layout of every topic below the base topic; it is the
// one place that does. Standard library only.
//
//	<base>/<device>/<entity>/<role>             state, retained
//	<base>/<device>/<entity>/<role>/set         order, never retained
//	<base>/<device>/<entity>/event              happening, never retained; {} rests there: nothing happened
//	<base>/<device>/command/<service>/<name>    order to an action without an entity
//	<base>/<device>/{availability,connection,last_error,last_seen}
//	<base>/bridge/<name>                        the bridge itself
//	<base>/bridge/{request,response}/<verb>
package topic

import "strings"

const (
	bridge  = "bridge"
	command = "command"
	set     = "set"
)

// Layout makes and reads the topics below Base. Devices are named by Segment of
// their did, entities by Entity.ID, roles by entity.Role.
type Layout struct{ Base string }

// State is the retained topic of one role; events use it too, not retained.
func (l Layout) State(device, entity, role string) string {
	return l.Base + "/" + device + "/" + entity + "/" + role
}

// Set is the topic on which orders for one role arrive.
func (l Layout) Set(device, entity, role string) string {
	return l.Base + "/" + device + "/" + entity + "/" + role + "/" + set
}

// Command is the topic of an action without an entity. key is the action's
// "service/name".
func (l Layout) Command(device, key string) string {
	service, name, _ := strings.Cut(key, "/")
	return l.Base + "/" + device + "/" + command + "/" + Segment(service) + "/" + Segment(name)
}

// Availability says online or offline for one device.
func (l Layout) Availability(device string) string { return l.Base + "/" + device + "/availability" }

// Connection names the route that served the device's last exchange.
func (l Layout) Connection(device string) string { return l.Base + "/" + device + "/connection" }

// LastError says in words why the device's last order or poll failed.
func (l Layout) LastError(device string) string { return l.Base + "/" + device + "/last_error" }

// LastSeen is the time of the device's last valid packet.
func (l Layout) LastSeen(device string) string { return l.Base + "/" + device + "/last_seen" }

// Bridge is a topic of the bridge itself: state, info, devices, health, event,
// logging, version, device_count, problem_count, problems, log_level.
func (l Layout) Bridge(name string) string { return l.Base + "/" + bridge + "/" + name }

// BridgeAvailability says online or offline for the bridge; it carries the will.
func (l Layout) BridgeAvailability() string { return l.Bridge("availability") }

// Request is the topic on which the bridge is asked for verb.
func (l Layout) Request(verb string) string { return l.Bridge("request/" + verb) }

// Response is the topic of the answer to a request.
func (l Layout) Response(verb string) string { return l.Bridge("response/" + verb) }

// Filters are the subscriptions that bring in everything that Parse knows.
func (l Layout) Filters() []string {
	return []string{l.Base + "/+/+/+/" + set, l.Base + "/+/" + command + "/+/+", l.Request("#")}
}

// Incoming is what an incoming topic addresses: a role of a device's entity, an
// action of a device, or the bridge.
type Incoming struct {
	Device       string
	Entity, Role string // both empty for an action
	Action       string // "service/name" as in the topic; "" for a role
	Request      string // verb; every other field is empty then
}

// Parse reads a topic that arrived on one of Filters; ok is false for every
// other topic.
func (l Layout) Parse(topic string) (in Incoming, ok bool) {
	rest, ok := strings.CutPrefix(topic, l.Base+"/")
	if !ok {
		return Incoming{}, false
	}
	device, rest, _ := strings.Cut(rest, "/")
	first, rest, _ := strings.Cut(rest, "/")
	if device == bridge {
		return Incoming{Request: rest}, first == "request" && rest != ""
	}
	second, third, deep := strings.Cut(rest, "/")
	switch {
	case device == "" || first == "" || second == "" || !deep || third == "" || strings.Contains(third, "/"):
		return Incoming{}, false
	case first == command:
		return Incoming{Device: device, Action: rest}, true
	case third != set:
		return Incoming{}, false
	}
	return Incoming{Device: device, Entity: first, Role: second}, true
}

// Segment writes text, such as a did, as one level of a topic and as an id in
// discovery: everything outside [A-Za-z0-9_-] becomes "_".
func Segment(text string) string {
	if strings.IndexFunc(text, foreign) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		if foreign(r) {
			return '_'
		}
		return r
	}, text)
}

func foreign(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

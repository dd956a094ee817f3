package mqtt

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// danger is a kind of command that a user can keep MQTT from. It is told by
// Xiaomi's own names, so that no mapping file can make it look harmless.
type danger struct {
	kind     string
	devices  []string // types of devices; none is any. Globs, as all of these
	services []string // none is any
	names    []string // of properties and actions
	safe     []string // values that do no harm: a label, or true, false, a number
}

// dangers are the kinds that concern devices; the first that fits counts.
var dangers = []danger{
	{kind: "unlock", names: []string{"*unlock*", "*open-door*", "*door-open*"}, safe: []string{"false"}},
	{kind: "unlock", services: []string{"lock", "door-lock", "smart-lock"}, names: []string{"lock*", "open*"}, safe: []string{"true", "lock", "locked", "lock-*"}},
	{kind: "disarm", services: []string{"arming", "*guard*", "*alarm-system*"}, names: []string{"arming*", "*disarm*", "*guard*"}, safe: []string{"*arming", "arm*", "*-arm", "*guard-on"}},
	{kind: "disarm", names: []string{"arming-mode", "guard-mode", "*disarm*"}, safe: []string{"arm*", "away*", "home*", "sleep*", "night*", "true"}},
	{kind: "open", devices: []string{"*garage*", "gate", "*-gate", "door", "*-door"}, names: []string{"motor-*", "target-position", "open*", "on", "toggle"}, safe: []string{"close*", "stop*", "pause*", "false", "0"}},
	{kind: "gas", devices: []string{"*gas*", "*valve*", "*stove*"}, names: []string{"on", "open*", "valve*", "*gas*", "status"}, safe: []string{"false", "off", "close*"}},
	{
		kind: "heat", devices: []string{"*cook*", "*oven*", "*stove*", "*fryer*", "*-pot", "*kettle*", "*grill*", "*toaster*", "hood"},
		names: []string{"start*", "*-start", "resume*", "continue*", "proceed*", "on"}, safe: []string{"false", "off"},
	},
}

// forbid returns an error when order is of a kind that is not taken from MQTT.
func forbid(kinds []string, spec *mi.Spec, order mi.Order) error {
	for _, d := range dangers {
		if slices.Contains(kinds, d.kind) && d.in(spec, order) {
			return forbidden(d.kind)
		}
	}
	return nil
}

func forbidden(kind string) error {
	return fmt.Errorf("commands that %s are not taken from MQTT; without %q in MIHOME2MQTT_FORBID they are: %w", kind, kind, mi.ErrDenied)
}

// in reports whether any part of order is of this kind.
func (d *danger) in(spec *mi.Spec, order mi.Order) bool {
	if !fitsOrAny(d.devices, spec.Type) {
		return false
	}
	for _, c := range order.Set {
		p := &spec.Props[c.Prop]
		if d.means(p.Key) && !fits(d.safe, label(p, c.Value)) {
			return true
		}
	}
	for _, c := range order.Calls {
		if a := &spec.Actions[c.Action]; d.means(a.Key) {
			return true
		}
	}
	return false
}

func (d *danger) means(key mi.Key) bool {
	service, name, _ := strings.Cut(strings.ToLower(string(key)), "/")
	return fitsOrAny(d.services, first(service)) && fits(d.names, first(name))
}

// first takes the count off a name that repeats: "lock-2" is "lock".
func first(name string) string {
	start := strings.TrimRight(name, "0123456789")
	if len(start) == len(name) {
		return name
	}
	return strings.TrimSuffix(start, "-")
}

// label is how the spec calls a value: "lock-closed" for 2, if so it is.
func label(p *mi.Property, v mi.Value) string {
	i := slices.IndexFunc(p.List, func(c mi.Choice) bool { return c.Value == v })
	if i < 0 || p.List[i].Label == "" {
		return v.String()
	}
	return strings.Join(strings.Fields(strings.ToLower(p.List[i].Label)), "-")
}

// fitsOrAny is fits, where no pattern at all stands for any name.
func fitsOrAny(patterns []string, name string) bool {
	return len(patterns) == 0 || fits(patterns, name)
}

// fits reports whether one of the patterns fits name.
func fits(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		hit, err := path.Match(pattern, name)
		return err == nil && hit
	})
}

package entity

import (
	"path"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// harm says when an order is of a class of danger, by Xiaomi's own names: patterns
// for the type of the device, its service and what is written or run there.
type harm struct {
	class    string
	devices  []string // none is any
	services []string // none is any
	names    []string
}

// harms are what the name of a thing alone does not tell.
var harms = []harm{
	{class: DangerUnlock, services: []string{"lock", "door-lock", "smart-lock"}, names: []string{"lock*", "open*"}},
	{class: DangerAlarm, services: []string{"arming", "*guard*", "*alarm-system*"}, names: []string{"arming*", "*guard*"}},
	{class: DangerAlarm, names: []string{"guard-mode"}},
	{class: DangerGate, devices: []string{"*garage*", "gate", "*-gate", "door", "*-door"}, names: []string{"motor-*", "target-position", "open*", "on", "toggle"}},
	{class: DangerGas, devices: []string{"*gas*", "*valve*", "*stove*"}, names: []string{"on", "open*", "valve*", "*gas*", "status"}},
	{
		class: DangerCook, devices: []string{"*cook*", "*oven*", "*stove*", "*fryer*", "*-pot", "*kettle*", "*grill*", "*toaster*"},
		names: []string{"start*", "*-start", "resume*", "continue*", "proceed*", "on"},
	},
}

// harmless are, for each class, the values that turn the danger away: a label in
// small letters, true, false or a number.
var harmless = map[string][]string{
	DangerUnlock: {"true", "lock", "locked", "lock-*"},
	DangerAlarm:  {"*arming", "arm*", "*-arm", "away*", "home*", "sleep*", "night*", "true"},
	DangerGate:   {"close*", "stop*", "pause*", "false", "0"},
	DangerGas:    {"false", "off", "close*"},
	DangerCook:   {"false", "off"},
}

// Harm returns the classes of danger of an order, those of Dangers. To lock, close or
// switch off is no danger. No mapping file has a say in it.
func Harm(spec *mi.Spec, order mi.Order) []string { return perils{}.harm(spec, order) }

// Harm is what the function Harm says of an order to a device with this model.
func (m *Model) Harm(order mi.Order) []string { return m.perils.harm(m.Spec, order) }

// perils are the classes of what can be written and run, prepared: an order waits for
// them. Without any they are looked up each time.
type perils struct{ props, actions [][]string }

func newPerils(spec *mi.Spec) perils {
	p := perils{props: make([][]string, len(spec.Props)), actions: make([][]string, len(spec.Actions))}
	for i := range spec.Props {
		p.props[i] = classesOf(spec.Type, spec.Props[i].Key)
	}
	for i := range spec.Actions {
		p.actions[i] = classesOf(spec.Type, spec.Actions[i].Key)
	}
	return p
}

func (p perils) harm(spec *mi.Spec, order mi.Order) (classes []string) {
	known := func(prepared [][]string, i int, key mi.Key) []string {
		if prepared != nil {
			return prepared[i]
		}
		return classesOf(spec.Type, key)
	}
	for _, c := range order.Set {
		prop := &spec.Props[c.Prop]
		for _, class := range known(p.props, c.Prop, prop.Key) {
			if !fits(harmless[class], label(prop, c.Value)) {
				classes = append(classes, class)
			}
		}
	}
	for _, c := range order.Calls {
		classes = append(classes, known(p.actions, c.Action, spec.Actions[c.Action].Key)...)
	}
	return classes
}

// classesOf returns the classes of what is written or run by key.
func classesOf(device string, key mi.Key) (classes []string) {
	service, name, _ := strings.Cut(strings.ToLower(string(key)), "/")
	service, name = uncounted(service), uncounted(name)
	if class := danger(service, name); class != "" {
		classes = append(classes, class)
	}
	for _, h := range harms {
		if (h.devices == nil || fits(h.devices, device)) && (h.services == nil || fits(h.services, service)) && fits(h.names, name) {
			classes = append(classes, h.class)
		}
	}
	return classes
}

// uncounted takes the count off a name that repeats: "lock-2" is "lock".
func uncounted(name string) string {
	start := strings.TrimRight(name, "0123456789")
	if len(start) == len(name) {
		return name
	}
	return strings.TrimSuffix(start, "-")
}

// label is how the spec calls a value: "away-arming" for 2, if so it is.
func label(p *mi.Property, v mi.Value) string {
	i := slices.IndexFunc(p.List, func(c mi.Choice) bool { return c.Value == v })
	if i < 0 || p.List[i].Label == "" {
		return v.String()
	}
	return strings.Join(strings.Fields(strings.ToLower(p.List[i].Label)), "-")
}

// fits reports whether one of the patterns is that of name.
func fits(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		hit, err := path.Match(pattern, name)
		return err == nil && hit
	})
}

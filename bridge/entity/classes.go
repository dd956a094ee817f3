package entity

import (
	"fmt"
	"slices"
	"strings"
)

// stateClasses are those that Home Assistant has for sensors.
var stateClasses = []string{"measurement", "measurement_angle", "total", "total_increasing"}

// classify judges the classes in a file below rules/. It runs when all files are
// there: classes may be added by any of them.
func (l *loader) classify(d *document, f *file) []error {
	k := &checker{document: d}
	for i := range f.Services {
		l.class(k, fmt.Sprintf("$.services[%d].class", i), "", f.Services[i].Component, f.Services[i].Class)
	}
	for i := range f.Properties {
		r, where := &f.Properties[i], fmt.Sprintf("$.properties[%d]", i)
		l.class(k, where+".class", "", r.Component, r.Class)
		k.oneOf(where+".state_class", r.StateClass, stateClasses)
	}
	for i := range f.Actions {
		l.class(k, fmt.Sprintf("$.actions[%d].class", i), "", f.Actions[i].Component, f.Actions[i].Class)
	}
	for i := range f.Events {
		l.class(k, fmt.Sprintf("$.events[%d].class", i), "", "event", f.Events[i].Class)
	}
	for i := range f.Latches {
		l.class(k, fmt.Sprintf("$.latches[%d].class", i), "", "binary_sensor", f.Latches[i].Class)
	}
	return k.problems
}

// classifyModels does the same for a file below models/.
func (l *loader) classifyModels(d *document, list []correction) []error {
	k := &checker{document: d}
	for i := range list {
		where := fmt.Sprintf("$[%d].properties", i)
		for _, key := range sorted(list[i].Properties) {
			a := list[i].Properties[key]
			if a.Class != nil {
				l.class(k, where, key+": ", a.Component, *a.Class)
			}
			if a.StateClass != nil && *a.StateClass != "" && !slices.Contains(stateClasses, *a.StateClass) {
				k.fault(where, "%s: state_class %q is not one of: %s", key, *a.StateClass, strings.Join(stateClasses, ", "))
			}
		}
	}
	return k.problems
}

// class wants device classes that the component has; of any component when it is
// not said which. Several are parted by |.
func (l *loader) class(k *checker, where, about, component, text string) {
	if len(l.file.Classes) == 0 || text == "" {
		return
	}
	for name := range strings.SplitSeq(text, "|") {
		if !l.hasClass(component, name) {
			k.fault(where, "%s%q is no device class of Home Assistant for %s", about, name, orAny(component))
		}
	}
}

func orAny(component string) string {
	if component == "" {
		return "anything"
	}
	return component
}

func (l *loader) hasClass(component, name string) bool {
	if component != "" {
		_, has := l.file.Classes[component][name]
		return has
	}
	for _, classes := range l.file.Classes {
		if _, has := classes[name]; has {
			return true
		}
	}
	return false
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// thing is a property or an action, as far as its name goes.
type thing struct {
	index         int
	id, iid       string
	key, nick     string
	name, text    string
	power, hidden bool // what switches the device; what cannot be asked for
}

func (t *thing) exactly(word string) bool {
	return slices.ContainsFunc([]string{t.id, t.iid, t.key}, func(s string) bool { return strings.EqualFold(s, word) })
}

// loosely are the ways to name a thing less exactly, the strictest first.
var loosely = []func(t *thing, word string) bool{
	func(t *thing, word string) bool {
		return squeeze(t.name) == word || squeeze(afterSlash(t.key)) == word || t.power && word == power
	},
	func(t *thing, word string) bool { return squeeze(t.text) == word },
	func(t *thing, word string) bool {
		return strings.HasPrefix(squeeze(t.name), word) || t.power && strings.HasPrefix(power, word)
	},
	func(t *thing, word string) bool { return strings.Contains(squeeze(t.key)+" "+squeeze(t.text), word) },
}

// squeeze leaves the letters and digits of a name, in lower case.
func squeeze(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// power is what people call the property that switches the device itself.
const power = "power"

// properties lists those with one of some rights, with what to call them.
func properties(spec *mi.Spec, rights mi.Access) []thing {
	var out []thing
	switched := false
	for i := range spec.Props {
		p := &spec.Props[i]
		t := thing{
			index: i, id: p.ID(), iid: fmt.Sprintf("%d.%d", p.SIID, p.PIID), key: string(p.Key), name: p.Name, text: p.Text,
			power: p.Name == "on" && !switched && p.Access&mi.Write != 0, hidden: p.Access&rights == 0,
		}
		switched = switched || t.power
		out = append(out, t)
	}
	nickname(out)
	return slices.DeleteFunc(out, func(t thing) bool { return t.hidden })
}

// nickname finds the shortest name that only one has.
func nickname(all []thing) {
	counts := map[string]int{}
	for _, t := range all {
		if t.nick = t.name; !t.hidden {
			counts[t.name]++
		}
	}
	for i := range all {
		t := &all[i]
		switch {
		case t.power && counts[power] == 0:
			t.nick = power
		case counts[t.name] == 1:
			t.nick = t.name
		default:
			t.nick = t.key
		}
	}
}

func actions(spec *mi.Spec) []thing {
	out := make([]thing, len(spec.Actions))
	for i := range spec.Actions {
		a := &spec.Actions[i]
		out[i] = thing{index: i, id: a.ID(), iid: fmt.Sprintf("%d.%d", a.SIID, a.AIID), key: string(a.Key), name: a.Name, text: a.Text}
	}
	nickname(out)
	return out
}

// property finds a property with one of some rights by its id (p2_1), iid (2.1) or
// key (environment/temperature), or by what of its name only one has.
func property(spec *mi.Spec, name string, rights mi.Access) (int, error) {
	return only("property", name, properties(spec, rights))
}

// action finds an action by its id, iid or key, or by what of its name only one has.
func action(spec *mi.Spec, name string) (int, error) {
	return only("action", name, actions(spec))
}

func only(kind, name string, all []thing) (int, error) {
	for _, t := range all {
		if t.exactly(name) {
			return t.index, nil
		}
	}
	for _, fits := range loosely {
		word := squeeze(name)
		var found []thing
		for _, t := range all {
			if word != "" && fits(&t, word) {
				found = append(found, t)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0].index, nil
		default:
			return 0, wrongUse(fmt.Errorf("“%s” fits several: %s", name, nicks(found)))
		}
	}
	if len(all) == 0 {
		return 0, notFound(fmt.Errorf("the device has no such %s at all", kind))
	}
	return 0, notFound(fmt.Errorf("the device has no %s “%s”. It has: %s", kind, name, nicks(all)))
}

func nicks(all []thing) string {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.nick
	}
	return strings.Join(names, ", ")
}

// nick returns what people call a property.
func nick(spec *mi.Spec, prop int) string {
	for _, t := range properties(spec, mi.Read|mi.Notify|mi.Write) {
		if t.index == prop {
			return t.nick
		}
	}
	return string(spec.Props[prop].Key)
}

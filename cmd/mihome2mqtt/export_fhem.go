package main

import (
	"fmt"
	"slices"
	"strings"
)

// fhem writes an MQTT2_DEVICE: https://fhem.de/commandref.html#MQTT2_DEVICE
func fhem(d *exported) string {
	name := "mihome_" + identifier(d.id)
	readings := []string{d.availability + ":.* availability"}
	var sets []string
	for i := range d.parts {
		t := &d.parts[i]
		if t.state {
			readings = append(readings, t.topic+":.* "+t.id)
		}
		if t.command {
			sets = append(sets, t.id+fhemSet(t))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# \"mqtt\" is the client: define mqtt MQTT2_CLIENT %s:%s\n", d.host, d.port)
	fmt.Fprintf(&b, "define %s MQTT2_DEVICE\nattr %s alias %s\nattr %s IODev mqtt\n", name, name, inFHEM(d.name), name)
	fmt.Fprintf(&b, "attr %s readingList %s\n", name, strings.Join(readings, "\\\n  "))
	if len(sets) > 0 {
		fmt.Fprintf(&b, "attr %s setList %s\n", name, strings.Join(sets, "\\\n  "))
	}
	return b.String()
}

// fhemSet is what follows the name of a command: how it is entered, and where it
// goes. FHEM parts words at spaces, so words that have one are typed in.
func fhemSet(t *part) string {
	spaced := slices.ContainsFunc(t.options, func(o string) bool { return strings.ContainsAny(o, " ,") })
	switch {
	case t.kind == press:
		return ":noArg " + t.set() + " PRESS"
	case t.kind == onOff:
		return ":ON,OFF " + t.set() + " $EVTPART1"
	case t.kind == choice && !spaced:
		return ":" + inFHEM(strings.Join(t.options, ",")) + " " + t.set() + " $EVTPART1"
	case t.kind == number && t.max > t.min:
		return fmt.Sprintf(":slider,%s,%s,%s,1 %s $EVTPART1", short(t.min), short(t.step), short(t.max), t.set())
	}
	return fmt.Sprintf(`:textField { "%s " . ($EVENT =~ s/^\S+ //r) }`, t.set())
}

// inFHEM writes a text so that nothing in it begins a command of its own: FHEM runs
// what follows a semicolon.
func inFHEM(text string) string { return strings.ReplaceAll(inOneLine(text), ";", ";;") }

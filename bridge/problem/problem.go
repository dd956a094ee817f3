// Package problem is the table of what can go wrong: one sentence for each cause
// that can be measured, and what to do about it. Pages, topics, the command line and
// the documentation say the same words.
package problem

import (
	"slices"
	"strings"
)

// Severity says how much a problem matters.
type Severity string

// The severities, the worst first.
const (
	Broken Severity = "broken" // something does not work
	Warn   Severity = "warn"   // something will not work soon
	Note   Severity = "note"   // worth knowing, nothing to do
)

// Kind is one cause.
type Kind struct {
	ID       string // "net.foreign_subnet"; it never changes
	Severity Severity
	Sentence string // with {places} for what was measured
	ToDo     string // "" when there is nothing to do; with {places} too
	Whole    bool   // concerns the bridge, not one device
	// Else are the sentences where something else was measured, by one of the names
	// below.
	Else map[string]string
}

// What may have been measured instead, as Kind.Else names it.
const (
	Heard    = "heard"    // the cloud hears the device
	Near     = "near"     // nobody asked a cloud
	Air      = "air"      // the device speaks Bluetooth
	Hub      = "hub"      // the device speaks with a gateway
	Far      = "far"      // only the cloud can reach the device
	Waiting  = "waiting"  // no address is known
	Second   = "second"   // one of two questions was answered
	Third    = "third"    // one of three questions was answered
	Mute     = "mute"     // no question was answered at all
	Codeless = "codeless" // no code came with the refusal
	Unlisted = "unlisted" // what was asked for does not exist
	Offline  = "offline"  // nobody may ask
	Kept     = "kept"     // what held before still holds
	Service  = "service"  // another port than that of miIO
	Out      = "out"      // the device moves about
)

// Text returns the sentence for what was measured; "" is what Sentence says.
func (k Kind) Text(measured string) string {
	if text := k.Else[measured]; text != "" {
		return text
	}
	return k.Sentence
}

// Find returns the kind called id.
func Find(id string) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.ID == id })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// All lists every kind, in the order of the documentation.
func All() []Kind { return slices.Clone(kinds) }

// Say fills the places of a text of a Kind: pairs are names and values in turn.
// A place that nobody measured becomes "unknown".
func Say(text string, pairs ...string) string {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{")
		b.WriteString(before)
		if !open {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("{" + rest)
			return b.String()
		}
		b.WriteString(value(name, pairs))
		text = after
	}
}

func value(name string, pairs []string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name && pairs[i+1] != "" {
			return pairs[i+1]
		}
	}
	return "unknown"
}

// Places lists the names of the places of a text, each once.
func Places(text string) (names []string) {
	for {
		_, rest, open := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !open || !closed {
			return names
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		text = after
	}
}

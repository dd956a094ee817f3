package web

import (
	"encoding/json"
	"fmt"
	"time"
)

// liveValue is a new value of a role.
type liveValue struct {
	DID string `json:"did"`
	Reading
	At time.Time `json:"at"`
}

// liveDevice is a new state of a device.
type liveDevice struct {
	Device
	Main string `json:"main"`
}

// make renders values and states.
func (h *hub) make(dirty map[string]map[string]bool, states map[string]bool) (made []event) {
	now := h.now()
	for _, did := range sortedKeys(dirty) {
		for _, r := range h.bridge.Readings(did, sortedKeys(dirty[did])) {
			made = append(made, event{topic: topicDevices, did: did, name: "value", data: encode(liveValue{did, r, now.UTC()})})
		}
		states[did] = true
	}
	for _, did := range sortedKeys(states) {
		if d, ok := h.bridge.Brief(did); ok {
			made = append(made, event{topic: topicDevices, did: did, name: "device", data: encode(liveDevice{d, h.bridge.Main(did)})})
		}
	}
	return made
}

// liveProblem is a problem that came or went.
type liveProblem struct {
	ID   string `json:"id"`
	DID  string `json:"did,omitempty"`
	Open bool   `json:"open"`
	Text string `json:"text"`
	All  int    `json:"all"` // that need somebody now
}

// compare finds the problems that came or went. Only run calls it.
func (h *hub) compare(all []Problem) (made []event) {
	fresh, n := map[string]Problem{}, open(all)
	for _, p := range all {
		if p.Severity != Note {
			fresh[p.ID+" "+p.Device] = p
		}
	}
	if h.problems != nil {
		for _, key := range sortedKeys(fresh) {
			if _, known := h.problems[key]; !known {
				p := fresh[key]
				made = append(made, event{topic: topicProblems, name: "problem", data: encode(liveProblem{p.ID, p.Device, true, p.Text, n})})
			}
		}
		for _, key := range sortedKeys(h.problems) {
			if _, still := fresh[key]; !still {
				p := h.problems[key]
				made = append(made, event{topic: topicProblems, name: "problem", data: encode(liveProblem{p.ID, p.Device, false, p.Text, n})})
			}
		}
	}
	h.problems = fresh
	return made
}

func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // our own types always encode
		panic(fmt.Sprintf("web: encode %T: %v", v, err))
	}
	return b
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return sorted(keys)
}

package redact

import (
	"encoding/binary"
	"slices"
	"strings"
)

// window is how many bytes of a form the index holds.
const window = 8

// index finds forms of secrets in text. Ten thousand device tokens have a
// quarter of a million forms, so it keeps only how each begins, and makes the
// forms again where a beginning fits.
type index struct {
	secrets []string
	starts  map[uint64][]int32 // beginning of a form to its secrets
	short   []string           // forms shorter than a window
}

func (x *index) add(secret string) {
	if x.starts == nil {
		x.starts = map[uint64][]int32{}
	}
	number := int32(len(x.secrets))
	x.secrets = append(x.secrets, secret)
	for _, form := range forms(secret) {
		if len(form) < window {
			x.short = append(x.short, form)
			continue
		}
		start := beginning(form)
		if !slices.Contains(x.starts[start], number) {
			x.starts[start] = append(x.starts[start], number)
		}
	}
}

func beginning(form string) uint64 { return binary.LittleEndian.Uint64([]byte(form[:window])) }

// match returns the length of the longest form that text begins with, or 0.
func (x *index) match(text string) int {
	longest := 0
	for _, form := range x.short {
		if strings.HasPrefix(text, form) {
			longest = max(longest, len(form))
		}
	}
	if len(text) < window {
		return longest
	}
	for _, number := range x.starts[beginning(text)] {
		for _, form := range forms(x.secrets[number]) {
			if strings.HasPrefix(text, form) {
				longest = max(longest, len(form))
			}
		}
	}
	return longest
}

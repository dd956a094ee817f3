package redact

import (
	"encoding/binary"
	"slices"
	"strings"
)

// window is how many bytes of a form the index looks at.
const window = 8

// index finds forms of secrets in text. Ten thousand device tokens have a
// quarter of a million forms, so it keeps only a hash of how each begins, and
// makes the forms again where a beginning fits.
type index struct {
	secrets []string
	starts  map[uint32]int32   // hash of a form's beginning to the first secret that has it
	others  map[uint32][]int32 // and to further ones
	short   []string           // forms shorter than a window
}

func (x *index) add(secret string) {
	if x.starts == nil {
		x.starts, x.others = map[uint32]int32{}, map[uint32][]int32{}
	}
	number := int32(len(x.secrets))
	x.secrets = append(x.secrets, secret)
	for _, form := range forms(secret) {
		if len(form) < window {
			x.short = append(x.short, form)
			continue
		}
		x.note(beginning(form), number)
	}
}

func (x *index) note(start uint32, number int32) {
	first, taken := x.starts[start]
	switch {
	case !taken:
		x.starts[start] = number
	case first != number && !slices.Contains(x.others[start], number):
		x.others[start] = append(x.others[start], number)
	}
}

// beginning hashes the first bytes of text. A collision costs a closer look, no
// more.
func beginning(text string) uint32 {
	return uint32(binary.LittleEndian.Uint64([]byte(text[:window])) * 0x9e3779b97f4a7c15 >> 32)
}

// match returns the length of the longest form that text begins with, or 0.
func (x *index) match(text string) int {
	longest := longestOf(x.short, text)
	if len(text) < window {
		return longest
	}
	start := beginning(text)
	first, found := x.starts[start]
	if !found {
		return longest
	}
	longest = max(longest, longestOf(forms(x.secrets[first]), text))
	for _, number := range x.others[start] {
		longest = max(longest, longestOf(forms(x.secrets[number]), text))
	}
	return longest
}

func longestOf(forms []string, text string) (longest int) {
	for _, form := range forms {
		if strings.HasPrefix(text, form) {
			longest = max(longest, len(form))
		}
	}
	return longest
}

package mqtt

import (
	"path"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// choice says which devices are shown at all.
type choice struct{ include, exclude []string }

func (c choice) takes(info mi.Info) bool {
	if len(c.include) > 0 && !Names(c.include, info) {
		return false
	}
	return !Names(c.exclude, info)
}

// Names reports whether one of the words stands for the device: its did, its model
// with * for anything, or its room without regard to case.
func Names(words []string, info mi.Info) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		if word == info.DID || info.Room != "" && strings.EqualFold(word, info.Room) {
			return true
		}
		hit, err := path.Match(word, info.Model)
		return err == nil && hit && info.Model != ""
	})
}

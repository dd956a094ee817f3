package mqtt

import (
	"path"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// choice says which devices are shown at all.
type choice struct{ include, exclude []string }

// takes decides about a device, which may have been met under another did than it has
// now.
func (c choice) takes(info mi.Info, met string) bool {
	named := func(words []string) bool { return slices.Contains(words, met) || Names(words, info) }
	if len(c.include) > 0 && !named(c.include) {
		return false
	}
	return !named(c.exclude)
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

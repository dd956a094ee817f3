package main

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// topicOf reports whether name is a topic of the device with that did, or its first
// levels.
func topicOf(name, did string) bool {
	levels := strings.Split(name, "/")
	return did != "" && slices.Contains(levels[1:], topic.Segment(did))
}

// numbered is how show writes a part of a spec.
var numbered = regexp.MustCompile(`^(p|a)(?:rop|roperty|ction)\.([0-9]+)\.([0-9]+)$`)

// behind names what stands behind a name that was copied from a page, from show or
// from a topic: prop.2.2, switch_2/state, mihome2mqtt/123456789/switch_2/state/set.
// Roles are the roles of a device, entity/role, with the ids of what each uses. What
// is none of these stays as it is.
func behind(name, did string, roles iter.Seq2[string, []string]) string {
	if numbers := numbered.FindStringSubmatch(name); numbers != nil {
		return numbers[1] + numbers[2] + "_" + numbers[3]
	}
	if _, rest, is := strings.Cut(name, "/"+topic.Segment(did)+"/"); is && did != "" {
		name = strings.TrimPrefix(rest, "command/")
	}
	name = strings.TrimSuffix(name, "/set")
	for role, uses := range roles {
		if len(uses) == 1 && (role == name || strings.HasPrefix(role, name+"/")) {
			return uses[0]
		}
	}
	return name
}

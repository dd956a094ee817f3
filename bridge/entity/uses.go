package entity

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// Uses returns the ids of the properties and actions behind a role: p2_1, a3_1.
func (b *Bind) Uses(s *mi.Spec) []string {
	var ids []string
	for _, i := range b.Props {
		ids = append(ids, s.Props[i].ID())
	}
	for _, i := range b.Actions {
		ids = append(ids, s.Actions[i].ID())
	}
	return ids
}

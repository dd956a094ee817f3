package mqtt

import (
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Look is a device as the broker shows it.
type Look struct {
	Model *entity.Model

	layout *layout
	page   *page
}

// Look returns how a device is shown; false while that is not known, or when the
// user does not want to see it.
func (h *Home) Look(id string) (Look, bool) {
	v := h.view(id)
	if v == nil {
		return Look{}, false
	}
	l := v.shape()
	if l == nil {
		return Look{}, false
	}
	return Look{l.model, l, v.page}, true
}

// Proven reports whether the device is known to be the user's.
func (h *Home) Proven(id string, info mi.Info) bool {
	v := h.view(id)
	return v != nil && v.proven(info)
}

// Text returns what stands on the topic of a role; false when nothing does.
func (k Look) Text(i int, role entity.Role) (string, bool) {
	slot := k.layout.slot(i, role)
	if slot < 0 {
		return "", false
	}
	return k.page.text(slot)
}

// text returns what a slot holds.
func (p *page) text(slot int) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slot >= len(p.cells) {
		return "", false
	}
	return p.cells[slot].text, p.cells[slot].known
}

// CleanName leaves out of a name what would harm where it is shown.
func CleanName(name string) string { return cleanName(name) }

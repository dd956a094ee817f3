package device

import (
	"context"
	"time"
)

// wakeLook is the time between two looks whether the machine slept.
const wakeLook = 3 * time.Second

// wake reads everything again after the machine slept: what devices told meanwhile is
// gone, and all that is known of them is old.
func (h *Home) wake(ctx context.Context) {
	w := h.opt.World
	if w.Now == nil {
		return
	}
	t := time.NewTicker(wakeLook)
	defer t.Stop()
	for last := w.Moment(); ; last = w.Moment() {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if w.Overslept(last) {
			h.opt.Log.Info().Msg("this machine slept, or its clock was set forward: everything is read again")
			h.Refresh()
		}
	}
}

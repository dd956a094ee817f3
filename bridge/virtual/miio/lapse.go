package miio

import "time"

// lapseSteps is in how many steps the devices live through a lapse.
const lapseSteps = 48

// Lapse lets time go by for the devices at one instant, as whoever slept sees it: stamps
// and values are further on, and who did not answer all the while is told no more.
func (h *Home) Lapse(by time.Duration) {
	for _, d := range h.devices {
		d.lapse(by)
	}
}

func (d *Device) lapse(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.born = d.born.Add(-by)
	for _, s := range d.subs {
		s.stop()
	}
	clear(d.subs)
	if d.model.step == nil || d.home.still {
		return
	}
	for range lapseSteps {
		d.model.step(d, by/lapseSteps)
	}
	d.changed, d.events = nil, nil // nobody listened
}

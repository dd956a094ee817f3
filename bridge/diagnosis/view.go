package diagnosis

import "github.com/mihome2mqtt/mihome2mqtt/bridge/device"

// View passes on to next what happens at the devices, and hears which fall silent.
func (w *Watch) View(next device.View) device.View { return view{next, w} }

type view struct {
	device.View
	watch *Watch
}

// Status implements device.View.
func (v view) Status(d *device.Device, s device.Status) {
	v.View.Status(d, s)
	if s.Online {
		return
	}
	select {
	case v.watch.kick <- struct{}{}:
	default:
	}
}

// Removed implements device.View.
func (v view) Removed(d *device.Device) {
	v.View.Removed(d)
	v.watch.mu.Lock()
	defer v.watch.mu.Unlock()
	delete(v.watch.knocks, d.ID())
}

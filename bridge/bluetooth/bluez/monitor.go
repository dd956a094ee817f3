package bluez

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	monitorRoot      = dbus.ObjectPath("/com/github/mihome2mqtt")
	monitorPath      = monitorRoot + "/monitor"
	monitorInterface = "org.bluez.AdvertisementMonitor1"
	activateTime     = 5 * time.Second // for bluetoothd to say that it took the monitor
)

// pattern is a part of an advert by which a passive monitor picks it: octets at a
// place in AD structures of a type.
type pattern struct {
	Start   uint8
	Type    uint8
	Content []byte
}

// patterns pick what our devices send: service data of Xiaomi, Qingping, MIoT,
// scales, environmental sensing and BTHome, and Segway-Ninebot's manufacturer data.
func patterns() []pattern {
	var out []pattern
	for _, uuid := range []uint16{0xFE95, 0xFDCD, 0xFD50, 0x181B, 0x181D, 0x181A, 0xFCD2} {
		out = append(out, pattern{0, bluetooth.TypeServiceData, []byte{byte(uuid), byte(uuid >> 8)}})
	}
	return append(out, pattern{0, bluetooth.TypeManufacturer, []byte{0x4E, 0x42}})
}

// watcher is the object that bluetoothd calls.
type watcher struct {
	activated, released func()
}

// Activate is called when bluetoothd has taken the monitor.
func (w *watcher) Activate() *dbus.Error {
	w.activated()
	return nil
}

// Release is called when bluetoothd has dropped the monitor.
func (w *watcher) Release() *dbus.Error {
	w.released()
	return nil
}

// DeviceFound is called for a device that came near.
func (w *watcher) DeviceFound(dbus.ObjectPath) *dbus.Error { return nil }

// DeviceLost is called for a device that went away.
func (w *watcher) DeviceLost(dbus.ObjectPath) *dbus.Error { return nil }

// GetAll returns the properties of the monitor.
func (w *watcher) GetAll(string) (map[string]dbus.Variant, *dbus.Error) {
	return map[string]dbus.Variant{
		"Type":               dbus.MakeVariant("or_patterns"),
		"Patterns":           dbus.MakeVariant(patterns()),
		"RSSISamplingPeriod": dbus.MakeVariant(uint16(0)), // every packet
	}, nil
}

// Get returns one property of the monitor.
func (w *watcher) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	all, _ := w.GetAll(iface)
	v, ok := all[name]
	if !ok {
		return v, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", nil)
	}
	return v, nil
}

// application lists the monitor.
type application struct{ w *watcher }

// GetManagedObjects returns the objects below the root.
func (a application) GetManagedObjects() (objects, *dbus.Error) {
	props, _ := a.w.GetAll(monitorInterface)
	return objects{monitorPath: {monitorInterface: props}}, nil
}

// monitor registers a passive monitor and waits until bluetoothd has taken it.
func monitor(ctx context.Context, c *dbus.Conn, at dbus.ObjectPath, released func()) (stop func(), err error) {
	taken, dropped := make(chan struct{}), make(chan struct{})
	w := &watcher{
		activated: sync.OnceFunc(func() { close(taken) }),
		released:  sync.OnceFunc(func() { close(dropped) }),
	}
	if err := export(c, w); err != nil {
		return nil, err
	}
	if err := call(ctx, c, at, monitorManager+".RegisterMonitor", monitorRoot); err != nil {
		return nil, explain(err)
	}
	stop = func() { _ = call(context.WithoutCancel(ctx), c, at, monitorManager+".UnregisterMonitor", monitorRoot) } // the bus ends it too when we leave
	late := time.NewTimer(activateTime)
	defer late.Stop()
	select {
	case <-taken:
		go func() {
			select {
			case <-dropped:
				released()
			case <-c.Context().Done():
			}
		}()
		return stop, nil
	case <-late.C:
		err = fmt.Errorf("bluetoothd did not start the monitor in %v: %w", activateTime, mi.ErrTimeout)
	case <-dropped:
		err = fmt.Errorf("bluetoothd refused the monitor: %w", mi.ErrUnsupported)
	case <-ctx.Done():
		err = ctx.Err()
	}
	stop()
	return nil, err
}

func export(c *dbus.Conn, w *watcher) error {
	for _, e := range []struct {
		object any
		at     dbus.ObjectPath
		iface  string
	}{
		{w, monitorPath, monitorInterface},
		{w, monitorPath, properties},
		{application{w}, monitorRoot, manager},
	} {
		if err := c.Export(e.object, e.at, e.iface); err != nil {
			return err
		}
	}
	return nil
}

// Package bluez hears advertisements and makes connections with the Bluetooth
// adapter of this host, by way of BlueZ's bluetoothd on the D-Bus. The interfaces
// are those that BlueZ documents in its folder doc: org.bluez.Adapter, Device,
// GattCharacteristic and AdvertisementMonitorManager.
package bluez

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	service          = "org.bluez"
	adapterInterface = "org.bluez.Adapter1"
	deviceInterface  = "org.bluez.Device1"
	gattInterface    = "org.bluez.GattCharacteristic1"
	monitorManager   = "org.bluez.AdvertisementMonitorManager1"
)

// quietTime is long for a home. Adapters have been seen to fall silent for good
// without a word, until the scan was begun anew.
const quietTime = 10 * time.Minute

// Options set up an Adapter.
type Options struct {
	Bus     string // address of the D-Bus; "" is DefaultBus
	Adapter string // such as hci1 or its address; "" is the first that is switched on
	Active  bool   // ask devices for more than they say by themselves; costs their batteries
	// Optional keeps it out of the log that this host has no D-Bus, no bluetoothd or
	// no adapter: Hearing is bluetooth.ErrAbsent then.
	Optional bool
	Log      zerolog.Logger
}

// Adapter is a Bluetooth adapter of this host.
type Adapter struct {
	net   mi.Network
	o     Options
	quiet time.Duration // without an advert before the scan is begun anew
	state bluetooth.Condition
	slot  chan struct{} // holds one entry while a connection is open
}

var (
	_ mi.Receiver = (*Adapter)(nil)
	_ mi.Central  = (*Adapter)(nil)
)

// New returns an adapter. Nothing is asked of it yet.
func New(n mi.Network, o Options) *Adapter {
	o.Bus = cmp.Or(o.Bus, DefaultBus)
	return &Adapter{net: n, o: o, quiet: quietTime, slot: make(chan struct{}, 1)}
}

// Name implements mi.Receiver and mi.Central. Adverts name their receiver so.
func (a *Adapter) Name() string { return strings.TrimSpace("BlueZ " + a.o.Adapter) }

// Hearing implements mi.Receiver.
func (a *Adapter) Hearing() error { return a.state.Hearing() }

// Listen implements mi.Receiver.
func (a *Adapter) Listen(ctx context.Context, heard func(mi.Advert)) error {
	bluetooth.Keep(ctx, &a.state, a.o.Log, func(ctx context.Context) error {
		err := errQuiet
		for errors.Is(err, errQuiet) {
			err = a.scan(ctx, heard)
		}
		switch {
		case err == nil:
			return nil
		case a.o.Optional && errors.Is(err, errAbsent):
			err = fmt.Errorf("%w: %w", bluetooth.ErrAbsent, err)
		}
		return fmt.Errorf("bluetooth: %s: %w", a.Name(), err)
	})
	return nil
}

// objects is what GetManagedObjects returns: the properties of each interface of
// each object.
type objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant

// ask returns all objects of bluetoothd.
func ask(ctx context.Context, c *dbus.Conn) (all objects, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err = c.Object(service, "/").CallWithContext(ctx, manager+".GetManagedObjects", 0).Store(&all)
	if err != nil {
		return nil, explain(err)
	}
	return all, nil
}

// call calls a method of bluetoothd that returns nothing.
func call(ctx context.Context, c *dbus.Conn, at dbus.ObjectPath, method string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return c.Object(service, at).CallWithContext(ctx, method, 0, args...).Err
}

// choose returns the adapter called wanted, or the first that is switched on.
func choose(all objects, wanted string) (dbus.ObjectPath, error) {
	var names []string
	for _, at := range slices.Sorted(maps.Keys(all)) {
		p, ok := all[at][adapterInterface]
		if !ok {
			continue
		}
		name, address := path.Base(string(at)), text(p["Address"])
		names = append(names, name)
		on, _ := p["Powered"].Value().(bool)
		switch {
		case wanted == "" && !on, wanted != "" && !strings.EqualFold(wanted, name) && !strings.EqualFold(wanted, address):
			continue
		case !on:
			return "", explain(dbus.Error{Name: failNotReady})
		}
		return at, nil
	}
	switch {
	case len(names) == 0:
		return "", fmt.Errorf("this host has no Bluetooth adapter that bluetoothd knows: %w", errAbsent)
	case wanted == "":
		return "", explain(dbus.Error{Name: failNotReady})
	}
	return "", fmt.Errorf("there is no adapter %s; there are %s: %w", wanted, strings.Join(names, ", "), mi.ErrOffline)
}

// text returns a string, "" for anything else.
func text(v dbus.Variant) string {
	s, _ := v.Value().(string)
	return s
}

package bluez

import (
	"maps"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// changed returns the interface and the properties that a signal of the interface
// Properties tells.
func changed(s *dbus.Signal) (iface string, props map[string]dbus.Variant) {
	if s.Name != properties+".PropertiesChanged" || len(s.Body) < 2 {
		return "", nil
	}
	iface, _ = s.Body[0].(string)
	props, _ = s.Body[1].(map[string]dbus.Variant)
	return iface, props
}

// appeared returns the object and the interfaces that InterfacesAdded tells.
func appeared(s *dbus.Signal) (at dbus.ObjectPath, ifaces map[string]map[string]dbus.Variant) {
	if s.Name != manager+".InterfacesAdded" || len(s.Body) < 2 {
		return "", nil
	}
	at, _ = s.Body[0].(dbus.ObjectPath)
	ifaces, _ = s.Body[1].(map[string]map[string]dbus.Variant)
	return at, ifaces
}

// vanished returns the object that lost the interface.
func vanished(s *dbus.Signal, iface string) dbus.ObjectPath {
	if s.Name != manager+".InterfacesRemoved" || len(s.Body) < 2 {
		return ""
	}
	at, _ := s.Body[0].(dbus.ObjectPath)
	gone, _ := s.Body[1].([]string)
	if !slices.Contains(gone, iface) {
		return ""
	}
	return at
}

// left reports that bluetoothd has left the bus, or that another one has come.
func left(s *dbus.Signal) bool {
	return s.Name == "org.freedesktop.DBus.NameOwnerChanged" && len(s.Body) > 0 && s.Body[0] == service
}

// addressOf returns the address of a device object: …/dev_AA_BB_CC_DD_EE_FF.
func addressOf(at dbus.ObjectPath) (mi.Address, bool) {
	_, name, ok := strings.Cut(string(at), "/dev_")
	if !ok {
		return mi.Address{}, false
	}
	return bluetooth.ParseAddress(name)
}

// ears make adverts of what signals tell of devices.
type ears struct {
	adapter  dbus.ObjectPath
	receiver string
	rssi     map[mi.Address]int16 // a signal tells it only when it has changed
}

const maxRemembered = 4096

// advert returns what s says, if it says anything that a device has just sent. An
// object that BlueZ remembers from earlier has no signal strength.
func (e *ears) advert(s *dbus.Signal) (mi.Advert, bool) {
	iface, props := changed(s)
	at, fresh := s.Path, true
	if iface != deviceInterface {
		var ifaces map[string]map[string]dbus.Variant
		at, ifaces = appeared(s)
		props = ifaces[deviceInterface]
		_, fresh = props["RSSI"]
	}
	if !fresh || !strings.HasPrefix(string(at), string(e.adapter)+"/") {
		return mi.Advert{}, false
	}
	addr, ok := addressOf(at)
	if !ok {
		return mi.Advert{}, false
	}
	a := mi.Advert{Addr: addr, Receiver: e.receiver, Name: text(props["Name"]), RSSI: int(e.strength(addr, props["RSSI"]))}
	a.Service = services(props["ServiceData"])
	a.Manufacturer = makers(props["ManufacturerData"])
	_, seen := props["RSSI"].Value().(int16)
	return a, seen || len(a.Service)+len(a.Manufacturer) > 0
}

// strength returns the newest signal strength of a device, and notes it.
func (e *ears) strength(addr mi.Address, told dbus.Variant) int16 {
	if dBm, ok := told.Value().(int16); ok && dBm >= -127 && dBm <= 20 {
		if len(e.rssi) >= maxRemembered {
			clear(e.rssi)
		}
		e.rssi[addr] = dBm
	}
	return e.rssi[addr]
}

// services reads ServiceData: octets by UUID.
func services(v dbus.Variant) (out []mi.ServiceData) {
	all, _ := v.Value().(map[string]dbus.Variant)
	for _, uuid := range slices.Sorted(maps.Keys(all)) {
		short, ok := bluetooth.ShortUUID(uuid)
		if data, octets := all[uuid].Value().([]byte); ok && octets {
			out = append(out, mi.ServiceData{UUID: short, Data: data})
		}
	}
	return out
}

// makers reads ManufacturerData: octets by company.
func makers(v dbus.Variant) (out []mi.ManufacturerData) {
	all, _ := v.Value().(map[uint16]dbus.Variant)
	for _, company := range slices.Sorted(maps.Keys(all)) {
		if data, octets := all[company].Value().([]byte); octets {
			out = append(out, mi.ManufacturerData{Company: company, Data: data})
		}
	}
	return out
}

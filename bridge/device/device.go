package device

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// Device is one device: its state and its routes.
type Device struct{}

// Info returns who the device is.
func (d *Device) Info() mi.Info { return mi.Info{} }

// ID returns the device's part of every topic and id: the did with everything
// outside [A-Za-z0-9_-] written as _.
func (d *Device) ID() string { return "" }

// Spec returns what the device has; nil while that is not known.
func (d *Device) Spec() *mi.Spec { return nil }

// Values copies the newest value of every property into into, growing it as needed.
func (d *Device) Values(into []mi.Value) []mi.Value { return into }

// Status returns the connection's state.
func (d *Device) Status() Status { return Status{} }

// Do hands over a request. It never blocks.
func (d *Device) Do(r Request) {}

// Refresh reads everything again soon.
func (d *Device) Refresh() {}

// Rename sets the shown name.
func (d *Device) Rename(name string) {}

// Package profile gives a Spec to devices that do not speak MIoT: a profile is
// a YAML file that says what a device has, and how each value is read from and
// written to the wire. The language is described in mappings/profiles/README.md.
// Everything here is a pure function: drivers do the talking.
package profile

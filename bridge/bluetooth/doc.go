// Package bluetooth hears Bluetooth LE advertisements and says what is common to
// all ways of hearing them. Its own way is Gateways, which publish on the broker;
// the folders below are the others.
package bluetooth

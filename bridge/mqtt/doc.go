// Package mqtt is the last step of a value's way: it holds the connection to a
// broker (or runs one itself), publishes what devices have as one plain topic per
// role, and turns what people send into orders. Only this package imports an MQTT
// client.
package mqtt

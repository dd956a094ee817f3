// Package spec reads MIoT instance files and finds the one of a model: in the
// data folder, in a folder of the user's, or at miot-spec.org.
package spec

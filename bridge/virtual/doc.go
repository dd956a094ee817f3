// Package virtual is a home that is not there: devices that speak the real miIO
// protocol on any mi.Network, with a life of their own, a network and a disk in
// memory whose faults are drawn from one seed, and the history by which a run is
// judged. The demo, the drivers' tests, the end-to-end tests and the load runs
// all use it. It has its own packet code: a mistake in a driver's must not be
// answered by the same mistake here.
package virtual

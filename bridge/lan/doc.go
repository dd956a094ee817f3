// Package lan has what several drivers do on the local network: they ask by
// multicast DNS who offers a service, wake what sleeps, and knock to see whether anybody
// is there.
package lan

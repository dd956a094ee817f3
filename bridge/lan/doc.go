// Package lan has what several drivers do on the local network: they ask by
// multicast DNS who offers a service, and wake what sleeps.
package lan

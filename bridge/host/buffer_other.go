//go:build !linux

package host

import "net"

// enlarge asks for a receive buffer of n bytes; a smaller one works too.
func enlarge(conn *net.UDPConn, n int) { _ = conn.SetReadBuffer(n) }

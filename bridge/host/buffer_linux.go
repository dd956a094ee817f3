package host

import (
	"net"

	"golang.org/x/sys/unix"
)

// enlarge asks for a receive buffer of n bytes. Beyond the system's limit that
// takes a privilege; without it the limit is what there is.
func enlarge(conn *net.UDPConn, n int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	forced := false
	_ = raw.Control(func(fd uintptr) {
		forced = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) == nil
	})
	if !forced {
		_ = conn.SetReadBuffer(n) // a smaller one works too
	}
}

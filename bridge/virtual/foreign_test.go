package virtual_test

import (
	"net"
	"os"
)

// at returns where a device is put up for a foreign client: at the port that it has
// in a home where FOREIGN_NET names the beginning of a network of the test's own,
// such as 192.0.2, else at a free one of this machine.
func at(last, port string) string {
	if network := os.Getenv("FOREIGN_NET"); network != "" {
		return net.JoinHostPort(network+"."+last, port)
	}
	return "127.0.0.1:0"
}

package lan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// knockWithin is how long whoever is at an address has to answer a knock.
const knockWithin = 2 * time.Second

// doors are the TCP ports that are knocked at. It matters little whether anybody
// listens there: to refuse is an answer too.
var doors = [...]uint16{80, 443, 54321}

// Knock finds out whether anybody is at an address, as a ping does, and how that
// was seen. Nothing is sent over a connection that is taken.
func Knock(ctx context.Context, n mi.Network, addr netip.Addr) (proof string, there bool) {
	ctx, cancel := context.WithTimeout(ctx, knockWithin)
	defer cancel()
	answers := make(chan string, len(doors))
	for _, port := range doors {
		go func() { answers <- knock(ctx, n, addr, port) }()
	}
	for range doors {
		if answer := <-answers; answer != "" && proof == "" {
			proof = answer
			cancel() // the others need not wait
		}
	}
	if proof == "" {
		return fmt.Sprintf("nothing at %s answered within %s", addr, knockWithin), false
	}
	return proof, true
}

// knock returns how one port answered; "" when it did not.
func knock(ctx context.Context, n mi.Network, addr netip.Addr, port uint16) string {
	conn, err := n.DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(int(port))))
	switch {
	case err == nil:
		_ = conn.Close() // it was only tried
		return fmt.Sprintf("TCP port %d of %s is open", port, addr)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("%s refuses TCP port %d, so somebody is there", addr, port)
	}
	return ""
}

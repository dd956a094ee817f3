package mqtt

import (
	"context"
	"fmt"
	"net"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Guest connects to a broker of others, such as the one inside a gateway, and
// stays until ctx ends, through every reconnect. to is host:port; nobody is asked
// for a name or a password there. It publishes nothing by itself and leaves
// nothing behind.
func Guest(ctx context.Context, w mi.World, to string, log zerolog.Logger) (mi.Bus, error) {
	host, _, err := net.SplitHostPort(to)
	if err != nil {
		return nil, fmt.Errorf("mqtt: guest: %q is not of the form host:1883: %w", to, mi.ErrInvalid)
	}
	random := w.Rand("mqtt guest of " + to)
	d := dialer{to: address{host: to, name: host}, stream: w.Net.DialContext}
	c := &Client{
		who: identity{clientID: fmt.Sprintf("%s%08x", clientIDPrefix, random.Uint32())},
		log: log, random: random, out: newOutbox(newScale(hostLimit, log)), changed: make(chan struct{}),
		broker: "mqtt://" + to, dial: d.dial,
		greet: func(context.Context, *session) error { return nil },
		leave: func(context.Context, *session) {},
	}
	b := newBus(c, nil)
	c.arrived = func(a arrival) { b.arrived(a) }
	go func() { _ = c.run(ctx) }() // it only ends with ctx: greet never gives up
	return b, nil
}

// Package bridgetest is what the tests of a whole bridge put around it: a street to live
// in, a broker of the user's, a wall clock that can be put wrong, somebody who looks
// at the pages.
package bridgetest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// Address is where the device i of a home in memory is.
func Address(i int) string { return fmt.Sprintf("10.1.%d.%d:54321", i/200, 10+i%200) }

// Here is where the bridge is in a home in memory.
const Here = "10.1.255.2"

// Street makes a network in memory: the part of it where devices are, and the machine
// of the bridge.
func Street(seed uint64) (net *world.Net, there, here mi.World) {
	net = world.NewNet(seed)
	there = mi.World{Net: net.Segment(world.Topology{Prefix: Prefix("10.1.0.1")}), Now: time.Now, Seed: seed}
	here = mi.World{Net: net.Machine(world.Topology{Prefix: Prefix(Here)}), Disk: world.NewDisk(seed), Now: time.Now, Seed: seed}
	return net, there, here
}

// Prefix is the network of a home in memory, as the machine at an address sees it.
func Prefix(address string) netip.Prefix { return netip.MustParsePrefix(address + "/16") }

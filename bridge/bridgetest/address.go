// Package bridgetest is what the tests of a whole bridge put around it: addresses of a
// home, a broker of the user's, a wall clock that can be put wrong, somebody who looks
// at the pages.
package bridgetest

import (
	"fmt"
	"net/netip"
)

// Address is where the device i of a home in memory is.
func Address(i int) string { return fmt.Sprintf("10.1.%d.%d:54321", i/200, 10+i%200) }

// Prefix is the network of a home in memory, as the machine at an address sees it.
func Prefix(address string) netip.Prefix { return netip.MustParsePrefix(address + "/16") }

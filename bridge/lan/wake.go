package lan

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// WakePort is where magic packets go by custom: discard.
const WakePort = 9

// MAC is an Ethernet address.
type MAC [6]byte

// ParseMAC reads an address with or without separators; ok is false for anything
// else and for all zeros.
func ParseMAC(s string) (mac MAC, ok bool) {
	raw, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "", ".", "").Replace(s))
	if err != nil || len(raw) != len(mac) {
		return mac, false
	}
	copy(mac[:], raw)
	return mac, mac != MAC{}
}

// String writes an address as mi.Info has it.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// appendMagic appends the Wake-on-LAN packet for mac: six bytes 0xff, then the
// address sixteen times.
func appendMagic(b []byte, mac MAC) []byte {
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	for range 16 {
		b = append(b, mac[:]...)
	}
	return b
}

// Wake sends the magic packet for each MAC address to everybody on the cards'
// networks, and to where the sleeper was last; that names the port, and its
// address may be invalid.
func Wake(ctx context.Context, n mi.Network, cards []mi.Interface, last netip.AddrPort, macs []MAC) error {
	conn, err := n.ListenUDP(ctx, "0.0.0.0:0")
	if err != nil {
		return fmt.Errorf("lan: wake: %w: %w", mi.ErrOffline, err)
	}
	defer conn.Close()
	to := []netip.AddrPort{last}
	if !last.IsValid() {
		to = nil
	}
	for _, c := range cards {
		if c.Broadcast.IsValid() {
			to = append(to, netip.AddrPortFrom(c.Broadcast, last.Port()))
		}
	}
	var out []mi.Packet
	for _, addr := range to {
		for _, mac := range macs {
			out = append(out, mi.Packet{Data: appendMagic(nil, mac), Addr: addr})
		}
	}
	_ = conn.WriteBatch(out) // one network that takes no broadcast does not keep the others from it
	return nil
}

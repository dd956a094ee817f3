// Package host is the real machine behind mi.World: its sockets and its disk.
package host

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// network opens real sockets.
type network struct{ dialer net.Dialer }

// Network returns the network of this machine.
func Network() mi.Network { return &network{} }

// receiveBuffer is what the kernel is asked to keep of datagrams that wait to be
// read; it grants less where its own limit is lower.
const receiveBuffer = 8 << 20

// ListenUDP implements mi.Network. The socket may broadcast. An address that is
// a multicast group shares its port with other programs that listen the same way.
func (n *network) ListenUDP(ctx context.Context, address string) (mi.PacketConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp4", address)
	if err != nil {
		return nil, fmt.Errorf("host: listen on udp %s: %w", address, err)
	}
	conn := pc.(*net.UDPConn)
	enlarge(conn, receiveBuffer)
	return newPacketConn(conn), nil
}

// Listen implements mi.Network.
func (n *network) Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("host: listen on tcp %s: %w", address, err)
	}
	return l, nil
}

// DialContext implements mi.Network.
func (n *network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return n.dialer.DialContext(ctx, network, address)
}

// Interfaces implements mi.Network: every IPv4 address of an interface that is up,
// sorted by name and address.
func (n *network) Interfaces() ([]mi.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("host: list interfaces: %w", err)
	}
	var out []mi.Interface
	for _, ifi := range all {
		if ifi.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := ifi.Addrs()
		if err != nil {
			continue // it went away in this moment
		}
		for _, a := range addrs {
			if prefix, ok := prefix4(a); ok {
				out = append(out, describe(ifi, prefix))
			}
		}
	}
	slices.SortFunc(out, func(a, b mi.Interface) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.Prefix.Addr().Compare(b.Prefix.Addr()))
	})
	return out, nil
}

func prefix4(a net.Addr) (netip.Prefix, bool) {
	n, ok := a.(*net.IPNet)
	if !ok || n.IP.To4() == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP.To4())
	ones, bits := n.Mask.Size()
	return netip.PrefixFrom(addr, ones-(bits-32)), ok
}

func describe(ifi net.Interface, prefix netip.Prefix) mi.Interface {
	out := mi.Interface{
		Name:      ifi.Name,
		Prefix:    prefix,
		Multicast: ifi.Flags&net.FlagMulticast != 0,
		Loopback:  ifi.Flags&net.FlagLoopback != 0,
	}
	if ifi.Flags&net.FlagBroadcast != 0 && prefix.Bits() <= 30 {
		out.Broadcast = broadcast(prefix)
	}
	return out
}

// broadcast returns the highest address of the prefix.
func broadcast(p netip.Prefix) netip.Addr {
	a := p.Addr().As4()
	v := binary.BigEndian.Uint32(a[:]) | uint32(1<<(32-p.Bits())-1)
	binary.BigEndian.PutUint32(a[:], v)
	return netip.AddrFrom4(a)
}

package world

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/nature"
)

// fate is what happens to one datagram.
type fate struct {
	copies  int
	delay   time.Duration
	damaged bool
}

// lastMile is how long a datagram takes on a healthy network.
const lastMile = 300 * time.Microsecond

func (l link) hash() uint64 { return addrHash(l.from)<<1 ^ addrHash(l.to) }

// addrHash knows no free port from another: who gets which goes by who asks first.
func addrHash(a netip.AddrPort) uint64 {
	b, port := a.Addr().As4(), a.Port()
	if port > firstFree {
		port = 0
	}
	return nature.Mix(uint64(binary.BigEndian.Uint32(b[:]))<<16 | uint64(port))
}

// moment tells the datagrams of one instant apart by their link and content, not
// by who was first: goroutines that run at one instant have no order.
type moment struct {
	at   time.Duration
	seen map[uint64]uint64 // how often each was sent
}

// which returns what tells a datagram from all others of its link.
func (m *moment) which(l link, at time.Duration, data []byte) uint64 {
	if m.at != at || m.seen == nil {
		m.at, m.seen = at, map[uint64]uint64{}
	}
	h := fnv.New64a()
	h.Write(data)
	which := nature.Mix(nature.Mix(uint64(at)) ^ l.hash() ^ h.Sum64())
	m.seen[which]++
	return which + m.seen[which]
}

// fate decides by seed, link and what tells a datagram from others of its link.
// The delay is drawn to the nanosecond, so that no two datagrams arrive at one
// instant.
func (n *Net) fate(l link, which uint64) fate {
	roll := func(about string) uint64 { return nature.Roll(n.seed, about, l.hash(), which) }
	f := fate{copies: 1, delay: lastMile + time.Duration(roll("delay")%uint64(2*time.Millisecond))}
	at := time.Since(n.start)
	for _, end := range []struct {
		addr    netip.Addr
		inwards bool // towards the hurt address
	}{{l.from.Addr(), false}, {l.to.Addr(), true}} {
		for _, fault := range n.faults[end.addr] {
			if fault.Covers(at) {
				f.suffer(fault, end.inwards, roll)
			}
		}
	}
	return f
}

func (f *fate) suffer(x chaos.Fault, inwards bool, roll func(string) uint64) {
	way := "out"
	if inwards {
		way = "in"
	}
	hit := nature.Percent(roll(string(x.Kind)+way), x.Amount)
	switch x.Kind {
	case chaos.Cut:
		f.copies = 0
	case chaos.Mute: // it hears, and is not heard
		if !inwards {
			f.copies = 0
		}
	case chaos.Loss:
		if hit {
			f.copies = 0
		}
	case chaos.Double:
		if hit && f.copies > 0 {
			f.copies = 2
		}
	case chaos.Reorder:
		if hit {
			f.delay += time.Duration(roll("reorder"+way) % uint64(500*time.Millisecond))
		}
	case chaos.Slow:
		f.delay += time.Duration(x.Amount) * time.Second / 10
	case chaos.Corrupt:
		f.damaged = f.damaged || hit
	}
}

// damage flips a bit or cuts the end off.
func damage(data []byte, roll uint64) []byte {
	data = slices.Clone(data)
	if len(data) == 0 {
		return data
	}
	at := int(roll >> 8 % uint64(len(data)))
	if roll%3 == 0 {
		return data[:at]
	}
	data[at] ^= 1 << (roll % 8)
	return data
}

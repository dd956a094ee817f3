package mi

import (
	"context"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// World is everything outside the process. Nothing in the bridge opens a socket
// or a file, reads the wall clock or draws a random number by itself: it is
// handed a World by bridge.go. Durations use package time, which a
// testing/synctest bubble replaces.
type World struct {
	Net  Network
	Disk Disk             // the data folder
	Now  func() time.Time // wall clock: only for what is shown, stored or compared with a server
	Seed uint64           // start of every random sequence
}

// Rand returns a random source of its own for the part called name. It is not
// safe for concurrent use.
func (w World) Rand(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(w.Seed, h.Sum64()))
}

// Moment is an instant by both clocks: the one that people look at, and the one that
// stands still while the machine sleeps.
type Moment struct{ wall, ran time.Time }

// Moment returns the present one.
func (w World) Moment() Moment { return Moment{w.Now().Round(0), time.Now()} }

// Overslept reports whether the machine slept since m, or its clock was set forward:
// the world is further on than the time that the process ran.
func (w World) Overslept(m Moment) bool {
	const settled = 10 * time.Second // less is a clock that is put right
	return w.Now().Round(0).Sub(m.wall)-time.Since(m.ran) > settled
}

// Network opens every socket of the process.
type Network interface {
	// ListenUDP opens a datagram socket on address (host:port).
	ListenUDP(ctx context.Context, address string) (PacketConn, error)
	// Listen accepts streams on address (host:port).
	Listen(ctx context.Context, address string) (net.Listener, error)
	// DialContext has the shape of net.Dialer.DialContext.
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	// Interfaces lists the usable interfaces, loopback included.
	Interfaces() ([]Interface, error)
}

// Interface is one network interface with one IPv4 address.
type Interface struct {
	Name      string
	Prefix    netip.Prefix // own address and mask length
	Broadcast netip.Addr   // directed broadcast; invalid when there is none
	Multicast bool
	Loopback  bool
}

// Outward returns the interfaces on which devices are looked for: those of the
// given names, all when there are none, and never loopback.
func Outward(all []Interface, names []string) []Interface {
	return slices.DeleteFunc(slices.Clone(all), func(i Interface) bool {
		return i.Loopback || len(names) > 0 && !slices.Contains(names, i.Name)
	})
}

// Contained reports whether all that this machine has is the one bridged address
// that Docker and its kin give: eth0 in 172.16/12 or 10.88/16. Many devices do not
// take requests from there.
func Contained(all []Interface) bool {
	docker, podman := netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("10.88.0.0/16")
	found := false
	for _, i := range all {
		if i.Loopback {
			continue
		}
		bridged := strings.HasPrefix(i.Name, "eth") && i.Prefix.Bits() >= 16
		if !bridged || !docker.Contains(i.Prefix.Addr()) && !podman.Contains(i.Prefix.Addr()) {
			return false
		}
		found = true
	}
	return found
}

// Packet is one datagram. On reading, Data is filled up to its length and
// resliced to what came; From on writing is ignored.
type Packet struct {
	Data []byte
	Addr netip.AddrPort // peer
}

// PacketConn sends and receives datagrams in batches.
type PacketConn interface {
	// ReadBatch waits for at least one datagram and returns how many packets
	// were filled. Each packet's Data must have capacity for one datagram.
	ReadBatch(p []Packet) (int, error)
	// WriteBatch sends all packets; one that cannot be sent does not keep the
	// rest from leaving. It returns the first error.
	WriteBatch(p []Packet) error
	// Join makes the socket receive a multicast group on an interface.
	Join(ifi Interface, group netip.Addr) error
	LocalAddr() netip.AddrPort
	Close() error
}

// Disk is the data folder: a flat set of named files.
type Disk interface {
	// ReadFile returns a file's content; fs.ErrNotExist when it is not there.
	ReadFile(name string) ([]byte, error)
	// WriteFile replaces a file atomically: after a crash it holds the old or
	// the new content, whole and synced. The previous content stays as
	// name+".prev".
	WriteFile(name string, data []byte) error
	Remove(name string) error
	// List returns the sorted names of all files below dir ("" for the root).
	List(dir string) ([]string, error)
	// FS reads the folder, for packages that want an fs.FS.
	FS() fs.FS
}

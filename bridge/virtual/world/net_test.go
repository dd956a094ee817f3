package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
)

// thingsNet is the network of the things.
var thingsNet = netip.MustParsePrefix("10.1.0.0/16")

func open(t *testing.T, m *Machine, address string) mi.PacketConn {
	t.Helper()
	c, err := m.ListenUDP(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tell(t *testing.T, c mi.PacketConn, to, text string) {
	t.Helper()
	if err := c.WriteBatch([]mi.Packet{{Data: []byte(text), Addr: netip.MustParseAddrPort(to)}}); err != nil {
		t.Fatal(err)
	}
}

// hear returns everything that arrives within d, one "text from address" each.
func hear(t *testing.T, c mi.PacketConn, d time.Duration) []string {
	t.Helper()
	time.Sleep(d)
	var all []string
	waiting := func() int {
		s := c.(*socket)
		s.receiving.Lock()
		defer s.receiving.Unlock()
		return len(s.in)
	}
	for waiting() > 0 {
		batch := []mi.Packet{{Data: make([]byte, 0, 100)}, {Data: make([]byte, 0, 100)}}
		n, err := c.ReadBatch(batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range batch[:n] {
			all = append(all, string(p.Data)+" from "+p.Addr.String())
		}
	}
	return all
}

func TestNetCarriesWhatTheTopologyAllows(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, tc := range []struct {
		name      string
		bridge    Topology
		broadcast bool
		multicast bool
		seenAs    string
	}{
		{"host network", Topology{Prefix: prefix("10.1.255.1/16")}, true, true, "10.1.255.1"},
		{"container", Topology{Prefix: prefix("172.17.0.2/16"), NAT: netip.MustParseAddr("10.1.255.9")}, false, false, "10.1.255.9"},
		{"another network", Topology{Prefix: prefix("192.168.7.2/24")}, false, false, "192.168.7.2"},
		{"network without multicast", Topology{Prefix: prefix("10.1.255.1/16"), NoMulti: true}, false, false, "10.1.255.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := NewNet(1)
				things := n.Segment(Topology{Prefix: thingsNet})
				one, two := open(t, things, "10.1.0.1:54321"), open(t, things, "10.1.0.2:54321")
				cards, err := things.Interfaces()
				if err != nil || two.Join(cards[1], netip.MustParseAddr("224.0.0.251")) != nil {
					t.Fatal("join")
				}
				c := open(t, n.Machine(tc.bridge), ":4000")
				tell(t, c, "10.1.0.1:54321", "hi")
				if got := hear(t, one, time.Second); len(got) != 1 || got[0] != "hi from "+tc.seenAs+":4000" {
					t.Errorf("unicast: %q", got)
				}
				tell(t, one, tc.seenAs+":4000", "reply")
				if got := hear(t, c, time.Second); len(got) != 1 || got[0] != "reply from 10.1.0.1:54321" {
					t.Errorf("reply: %q", got)
				}
				tell(t, c, "10.1.255.255:54321", "all")
				tell(t, c, "255.255.255.255:54321", "all")
				if got := hear(t, two, time.Second); (len(got) == 2) != tc.broadcast {
					t.Errorf("broadcast: %q", got)
				}
				tell(t, c, "224.0.0.251:54321", "group")
				if got := hear(t, two, time.Second); (len(got) == 1) != tc.multicast {
					t.Errorf("multicast: %q", got)
				}
			})
		})
	}
}

func TestContainerHearsOnlyThoseItSpokeTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(1)
		one := open(t, n.Segment(Topology{Prefix: thingsNet}), "10.1.0.1:54321")
		c := open(t, n.Machine(Topology{Prefix: netip.MustParsePrefix("172.17.0.2/16"), NAT: netip.MustParseAddr("10.1.255.9")}), ":4000")
		tell(t, one, "10.1.255.9:4000", "unasked")
		if got := hear(t, c, time.Second); len(got) != 0 {
			t.Errorf("heard %q", got)
		}
	})
}

// trace sends a hundred datagrams each way and returns what arrived when.
func trace(t *testing.T, seed uint64, faults ...chaos.Fault) string {
	var b strings.Builder
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(seed)
		for _, f := range faults {
			n.Hurt(netip.MustParseAddr(f.Subject), f)
		}
		things := n.Segment(Topology{Prefix: thingsNet})
		a, z := open(t, things, "10.1.0.1:1"), open(t, things, "10.1.0.2:2")
		for i := range 100 {
			tell(t, a, "10.1.0.2:2", fmt.Sprint("out", i))
			tell(t, z, "10.1.0.1:1", fmt.Sprint("in", i))
			for _, s := range append(hear(t, z, 3*time.Millisecond), hear(t, a, 0)...) {
				fmt.Fprintln(&b, i, s)
			}
		}
		fmt.Fprintln(&b, hear(t, z, 10*time.Second), hear(t, a, 0))
	})
	return b.String()
}

func always(k chaos.Kind, amount int) chaos.Fault {
	return chaos.Fault{Kind: k, Subject: "10.1.0.2", To: time.Hour, Amount: amount}
}

func TestFaultsOfTheNet(t *testing.T) {
	for _, tc := range []struct {
		name    string
		fault   chaos.Fault
		out, in [2]int // fewest and most that arrive of a hundred
	}{
		{"healthy", chaos.Fault{}, [2]int{100, 100}, [2]int{100, 100}},
		{"loss", always(chaos.Loss, 20), [2]int{70, 90}, [2]int{70, 90}},
		{"cut", always(chaos.Cut, 0), [2]int{}, [2]int{}},
		{"mute", always(chaos.Mute, 0), [2]int{100, 100}, [2]int{}},
		{"double", always(chaos.Double, 50), [2]int{135, 165}, [2]int{135, 165}},
		{"reorder", always(chaos.Reorder, 50), [2]int{100, 100}, [2]int{100, 100}},
		{"slow", always(chaos.Slow, 20), [2]int{100, 100}, [2]int{100, 100}},
		{"over", chaos.Fault{Kind: chaos.Cut, Subject: "10.1.0.2", To: time.Nanosecond}, [2]int{99, 100}, [2]int{99, 100}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.fault.Subject == "" {
				tc.fault.Subject = "10.1.0.2"
			}
			got := trace(t, 5, tc.fault)
			for way, limits := range map[string][2]int{"out": tc.out, "in": tc.in} {
				if n := strings.Count(got, way); n < limits[0] || n > limits[1] {
					t.Errorf("%d arrived %s, want %v", n, way, limits)
				}
			}
		})
	}
}

func TestSameSeedSameTrace(t *testing.T) {
	loss, double := always(chaos.Loss, 30), always(chaos.Double, 30)
	first := trace(t, 9, loss, double)
	if again := trace(t, 9, loss, double); again != first {
		t.Error("the same seed gives another trace")
	}
	if other := trace(t, 10, loss, double); other == first {
		t.Error("another seed gives the same trace")
	}
}

// A fault that is taken away leaves the fate of the rest as it was: shrinking
// depends on it.
func TestFaultsAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		both, one := NewNet(4), NewNet(4)
		both.Hurt(netip.MustParseAddr("10.1.0.2"), always(chaos.Loss, 30))
		both.Hurt(netip.MustParseAddr("10.1.0.2"), always(chaos.Slow, 10))
		one.Hurt(netip.MustParseAddr("10.1.0.2"), always(chaos.Loss, 30))
		l := link{netip.MustParseAddrPort("10.1.0.1:1"), netip.MustParseAddrPort("10.1.0.2:2")}
		for i := range uint64(500) {
			a, b := both.fate(l, i), one.fate(l, i)
			if a.copies != b.copies || (a.copies > 0 && a.delay-b.delay != time.Second) {
				t.Fatalf("datagram %d: %+v with both, %+v with one", i, a, b)
			}
		}
	})
}

func TestCorruptDatagramsAreDamaged(t *testing.T) {
	got := trace(t, 5, always(chaos.Corrupt, 100))
	if strings.Contains(got, "out50 from") || !strings.Contains(got, "from 10.1.0.1:1") {
		t.Errorf("trace: %.200s", got)
	}
}

func TestStreamsOfTheNet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(1)
		m := n.Machine(Topology{Prefix: netip.MustParsePrefix("10.1.255.1/16")})
		l, err := m.Listen(t.Context(), "127.0.0.1:1883")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Listen(t.Context(), "127.0.0.1:1883"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("a taken port: %v", err)
		}
		if _, err := m.DialContext(t.Context(), "tcp", "127.0.0.1:1884"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a port where nobody listens: %v", err)
		}
		if _, err := n.Machine().DialContext(t.Context(), "tcp", "127.0.0.1:1883"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("another machine's loopback: %v", err)
		}
		ended := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, err = c.Read(make([]byte, 1))
			}
			ended <- err
		}()
		c, err := m.DialContext(t.Context(), "tcp", "localhost:1883")
		if err != nil || c.RemoteAddr().String() != "127.0.0.1:1883" {
			t.Fatal(c, err)
		}
		synctest.Wait()
		n.Break(netip.MustParseAddr("127.0.0.1"))
		if err := <-ended; err == nil {
			t.Error("the stream lives on")
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept after close: %v", err)
		}
	})
}

func TestDialAcrossACutWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(1)
		far := n.Machine(Topology{Prefix: netip.MustParsePrefix("10.1.0.5/16")})
		l, err := far.Listen(t.Context(), ":1883")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		n.Hurt(netip.MustParseAddr("10.1.0.5"), chaos.Fault{Kind: chaos.Cut, To: time.Minute})
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		start := time.Now()
		near := n.Machine(Topology{Prefix: netip.MustParsePrefix("10.1.0.6/16")})
		if _, err := near.DialContext(ctx, "tcp", "10.1.0.5:1883"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		time.Sleep(time.Minute)
		c, err := near.DialContext(t.Context(), "tcp", "10.1.0.5:1883")
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

func TestSocketsOfTheNet(t *testing.T) {
	n := NewNet(1)
	m := n.Machine(Topology{Prefix: netip.MustParsePrefix("10.1.255.1/16")})
	c := open(t, m, ":0")
	if c.LocalAddr().Port() == 0 {
		t.Error("no port was drawn")
	}
	for address, want := range map[string]error{c.LocalAddr().String(): syscall.EADDRINUSE, "10.9.9.9:1": syscall.EADDRNOTAVAIL} {
		if _, err := m.ListenUDP(t.Context(), address); !errors.Is(err, want) {
			t.Errorf("listen on %s: %v, want %v", address, err, want)
		}
	}
	if _, err := m.ListenUDP(t.Context(), "nonsense"); err == nil {
		t.Error("listens on nonsense")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.ReadBatch(make([]mi.Packet, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if err := c.WriteBatch(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

func TestOpenListsWhatIsNotClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(1)
		m := n.Machine(Topology{Prefix: netip.MustParsePrefix("10.1.255.1/16")})
		u, err := m.ListenUDP(t.Context(), "0.0.0.0:5000")
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.Listen(t.Context(), "10.1.255.1:80")
		if err != nil {
			t.Fatal(err)
		}
		c, err := m.DialContext(t.Context(), "tcp", "10.1.255.1:80")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"listener 10.1.255.1:80", "tcp 10.1.255.1:32769 10.1.255.1:80", "tcp 10.1.255.1:80 10.1.255.1:32769", "udp 0.0.0.0:5000"}
		if got := n.Open(m); !slices.Equal(got, want) {
			t.Errorf("open: %q, want %q", got, want)
		}
		for _, o := range []io.Closer{u, l, c} {
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := n.Open(m); len(got) > 0 {
			t.Errorf("still open: %q", got)
		}
	})
}

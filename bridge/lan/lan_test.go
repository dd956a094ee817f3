package lan

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

func TestMagicPacket(t *testing.T) {
	mac, ok := ParseMAC("3C-BD-3E-00-00-01")
	if !ok || mac.String() != "3c:bd:3e:00:00:01" {
		t.Fatalf("%x, %v", mac, ok)
	}
	got := appendMagic(nil, mac)
	want := append(bytes.Repeat([]byte{255}, 6), bytes.Repeat([]byte{0x3c, 0xbd, 0x3e, 0, 0, 1}, 16)...)
	if !bytes.Equal(got, want) || len(got) != 102 {
		t.Errorf("% x", got)
	}
	for _, bad := range []string{"", "00:00:00:00:00:00", "3c:bd", "xx:bd:3e:00:00:01", "3c:bd:3e:00:00:01:02"} {
		if _, ok := ParseMAC(bad); ok {
			t.Errorf("%q passes for a MAC address", bad)
		}
	}
}

// TestWakingReachesTheNetworkAndTheLastAddress lets the sleeper's network hear both
// copies.
func TestWakingReachesTheNetworkAndTheLastAddress(t *testing.T) {
	n := world.NewNet(1)
	segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
	bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
	ear, err := segment.ListenUDP(t.Context(), "192.168.7.20:9")
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	cards, _ := bridge.Interfaces()
	mac, _ := ParseMAC("3cbd3e000001")
	if err := Wake(t.Context(), bridge, cards, netip.MustParseAddrPort("192.168.7.20:9"), []MAC{mac}); err != nil {
		t.Fatal(err)
	}
	in := []mi.Packet{{Data: make([]byte, 0, 2000)}}
	for range 2 {
		if got, err := ear.ReadBatch(in); err != nil || got != 1 || !bytes.Equal(in[0].Data, appendMagic(nil, mac)) {
			t.Fatalf("%d packets, %v", got, err)
		}
	}
}

// TestKnock tells a machine that is there from an address that nobody has, and from a
// machine that is cut off.
func TestKnock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(1)
		at := func(text string) netip.Addr { return netip.MustParseAddr(text) }
		bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
		n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.20/24")})
		door, err := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.21/24")}).Listen(t.Context(), "192.168.7.21:80")
		if err != nil {
			t.Fatal(err)
		}
		defer door.Close()
		for addr, want := range map[string]string{
			"192.168.7.20": "192.168.7.20 refuses TCP port 80, so somebody is there",
			"192.168.7.21": "TCP port 80 of 192.168.7.21 is open",
			"192.168.7.99": "nothing at 192.168.7.99 answered within 2s",
		} {
			proof, there := Knock(t.Context(), bridge, at(addr))
			if there != (addr != "192.168.7.99") || strings.NewReplacer("443", "80", "54321", "80").Replace(proof) != want && addr != "192.168.7.21" {
				t.Errorf("%s: %q, %v", addr, proof, there)
			}
		}
		n.Hurt(at("192.168.7.20"), chaos.Fault{Kind: chaos.Cut, To: time.Hour})
		if proof, there := Knock(t.Context(), bridge, at("192.168.7.20")); there {
			t.Errorf("cut off: %q", proof)
		}
	})
}

func TestTheQuestionAsksForTheService(t *testing.T) {
	b, err := appendQuestion(nil, "_rc._tcp.local.")
	var m dnsmessage.Message
	if err != nil || m.Unpack(b) != nil || len(m.Questions) != 1 || m.Questions[0].Name.String() != "_rc._tcp.local." {
		t.Errorf("question %+v, %v", m.Questions, err)
	}
	if records := slices.Collect(Records(b)); len(records) != 0 {
		t.Errorf("a question holds %d records", len(records))
	}
	if _, err := appendQuestion(nil, string(bytes.Repeat([]byte{'x'}, 300))); err == nil {
		t.Error("a name that is too long is asked for")
	}
}

func FuzzRecords(f *testing.F) {
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("_rc._tcp.local."), Class: dnsmessage.ClassINET},
		Body:   &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName("TV._rc._tcp.local.")},
	}}}
	seed, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		count := 0
		for r := range Records(b) {
			if count++; r.Body == nil {
				t.Error("a record without a body")
			}
		}
		if count > maxRecords {
			t.Errorf("%d records", count)
		}
	})
}

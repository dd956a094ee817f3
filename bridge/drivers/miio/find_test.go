package miio

import (
	"context"
	"encoding/binary"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// findFor runs Find for a while and returns the last report of each did.
func (h *home) findFor(span time.Duration) map[string]mi.Info {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), span)
	defer cancel()
	found := map[string]mi.Info{}
	if err := h.d.Find(ctx, func(i mi.Info) { found[i.DID] = i }); err != nil {
		h.t.Fatal(err)
	}
	return found
}

func TestFindAsksByBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		got := h.findFor(3 * time.Second)
		if want := (mi.Info{DID: "4000000001", Addr: plugAddr}); len(got) != 1 || got[want.DID] != want {
			t.Errorf("found %+v, want %+v", got, want)
		}
	})
}

func TestFindStaysQuietWhereItIsTold(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no broadcast":    func(o *Options) { o.NoBroadcast = true },
		"other interface": func(o *Options) { o.Interfaces = []string{"eth7"} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHome(t, change)
				if got := h.findFor(time.Minute); len(got) != 0 || len(h.net.sent()) != 0 {
					t.Errorf("found %v with %d packets", got, len(h.net.sent()))
				}
			})
		})
	}
}

func TestFindAsksKnownDevicesOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, func(o *Options) {
			o.NoBroadcast = true
			o.Known = func() []mi.Info {
				return []mi.Info{{Addr: "192.168.1.51:4444", Token: plugToken, Name: "Heater"}, {Addr: "not an address"}}
			}
		})
		other := newPlug(t, h.net, "192.168.1.51:4444", 12345)
		defer other.conn.Close()
		got := h.findFor(3 * time.Second)
		if want := (mi.Info{DID: "12345", Addr: "192.168.1.51:4444", Token: plugToken, Name: "Heater"}); got["12345"] != want {
			t.Errorf("found %+v, want %+v", got, want)
		}
	})
}

// TestBroadcastsThatNobodyHears are told apart from a network where nobody is.
func TestBroadcastsThatNobodyHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(1)
		here := netip.MustParseAddr("10.1.0.200")
		w := mi.World{Net: n.Machine(world.Topology{Prefix: netip.PrefixFrom(here, 24)}), Now: time.Now, Seed: 1}
		street := mi.World{Net: n.Segment(world.Topology{Prefix: netip.MustParsePrefix("10.1.0.1/24")}), Now: time.Now, Seed: 1}
		home, err := virtual.New(street, virtual.Options{
			Models: []string{"cuco.plug.cp5pro"}, Still: true, Address: func(int) string { return "10.1.0.10:54321" },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- home.Run(ctx) }()
		specs := spec.New(w, spec.Options{Sources: []spec.Source{spec.NewFolder(virtual.Specs())}, Offline: true, Log: zerolog.Nop()})
		d := New(w, Options{Specs: specs, Log: zerolog.Nop()})
		go func() { ended <- d.Find(ctx, func(mi.Info) {}) }()
		n.Hurt(here, chaos.Fault{Kind: chaos.Isolated, From: time.Minute, To: 20 * time.Minute})
		time.Sleep(10 * time.Minute)
		if d.Unheard() != 0 {
			t.Errorf("%d broadcasts unheard where nobody is known to be there", d.Unheard())
		}
		link, err := d.Open(ctx, home.Infos()[0], &ear{})
		if err != nil {
			t.Fatal(err)
		}
		for minute := range 20 {
			if _, err := link.Spec(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := link.(mi.Getter).Get(ctx, []int{0}, nil); err != nil {
				t.Fatal(err)
			}
			if deaf := d.Unheard() >= 3; deaf != (minute >= 4 && minute < 10) && minute != 3 && minute != 10 {
				t.Errorf("minute %d: %d unheard", minute, d.Unheard())
			}
			time.Sleep(time.Minute)
		}
		_ = link.Close()
		stop()
		<-ended
		<-ended
	})
}

// A hello that shows a token must not hand that token to anybody.
func TestFindTellsNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.plug.set(func() { h.plug.mute = true })
		stop := time.AfterFunc(time.Second, func() {
			b := greetingOf(777, 5)
			copy(b[16:], "sixteen byte key")
			h.net.send(netip.MustParseAddrPort("192.168.1.9:54321"), netip.MustParseAddrPort("192.168.1.2:40001"), b)
		})
		defer stop.Stop()
		got := h.findFor(5 * time.Second)
		if want := (mi.Info{DID: "777", Addr: "192.168.1.9:54321"}); got["777"] != want {
			t.Errorf("found %+v, want %+v", got, want)
		}
	})
}

func TestFindLimitsNewDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		time.AfterFunc(time.Second, func() {
			for i := range 900 {
				h.net.send(netip.MustParseAddrPort("192.168.1.9:54321"), netip.MustParseAddrPort("192.168.1.2:40001"), greetingOf(uint64(5000+i), 5))
			}
		})
		if got := h.findFor(20 * time.Second); len(got) > newLimit || len(got) < newLimit-5 {
			t.Errorf("%d made-up devices got in, want %d", len(got), newLimit)
		}
		if h.d.Refused()["flood"] == 0 {
			t.Errorf("Refused = %v", h.d.Refused())
		}
	})
}

// TestFindBelievesDevicesPortsOnly has somebody answer the broadcast who may not use
// the port of devices.
func TestFindBelievesDevicesPortsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		time.AfterFunc(time.Second, func() {
			for i, from := range []string{"192.168.1.9:40000", "192.168.1.9:54321"} {
				h.net.send(netip.MustParseAddrPort(from), netip.MustParseAddrPort("192.168.1.2:40001"), greetingOf(uint64(5000+i), 5))
			}
		})
		got := h.findFor(20 * time.Second)
		_, forged := got["5000"]
		_, real := got["5001"]
		if forged || !real || h.d.Refused()["spoofed"] != 1 {
			t.Errorf("found %v, refused %v", got, h.d.Refused())
		}
	})
}

func announcementOf(t testing.TB, instance, txt string, ip [4]byte) []byte {
	t.Helper()
	name := dnsmessage.MustNewName(instance + "." + mdnsService)
	service := dnsmessage.MustNewName(mdnsService)
	head := func(n dnsmessage.Name, kind dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: n, Type: kind, Class: dnsmessage.ClassINET, TTL: 120}
	}
	m := dnsmessage.Message{
		Header:  dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{{Header: head(service, dnsmessage.TypePTR), Body: &dnsmessage.PTRResource{PTR: name}}},
		Additionals: []dnsmessage.Resource{
			{Header: head(name, dnsmessage.TypeSRV), Body: &dnsmessage.SRVResource{Port: 54321, Target: service}},
			{Header: head(name, dnsmessage.TypeTXT), Body: &dnsmessage.TXTResource{TXT: []string{txt}}},
			{Header: head(service, dnsmessage.TypeA), Body: &dnsmessage.AResource{A: ip}},
		},
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseAnnouncement(t *testing.T) {
	ip := netip.MustParseAddr("192.168.1.50")
	for _, tc := range []struct {
		name, instance, txt string
		want                announcement
	}{
		{"with did", "roborock-vacuum-s5_miio260426251", "path=/mydevice", announcement{"roborock.vacuum.s5", 260426251, "", ip}},
		{"with mac", "zhimi-airpurifier-mc1_miio7", "mac=34CE00AABBCC", announcement{"zhimi.airpurifier.mc1", 7, "34:ce:00:aa:bb:cc", ip}},
		{"damaged key", "philips-light-bulb_x", "poch=0:mac=34ce00aabbcc", announcement{"philips.light.bulb", 0, "34:ce:00:aa:bb:cc", ip}},
		{"no model", "somebody_miio7", "", announcement{}},
		{"did too large", "a-b-c_miio99999999999999999999999", "", announcement{"a.b.c", 0, "", ip}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := parseAnnouncement(announcementOf(t, tc.instance, tc.txt, [4]byte{192, 168, 1, 50}))
			if ok != (tc.want.model != "") || ok && got != tc.want {
				t.Errorf("parseAnnouncement = %+v, %v, want %+v", got, ok, tc.want)
			}
		})
	}
}

func TestFindJoinsAnnouncementAndHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		conn, err := h.net.ListenUDP(t.Context(), "192.168.1.50:5353")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() {
			in := []mi.Packet{{Data: make([]byte, 0, 512)}}
			for {
				if _, err := conn.ReadBatch(in); err != nil {
					return
				}
				instance := "test-plug-v1_miio" + strconv.FormatUint(plugDID, 10)
				_ = conn.WriteBatch([]mi.Packet{{Data: announcementOf(t, instance, "mac=aabbcc001122", [4]byte{192, 168, 1, 50}), Addr: in[0].Addr}})
			}
		}()
		got := h.findFor(3 * time.Second)
		want := mi.Info{DID: "4000000001", Addr: plugAddr, Model: "test.plug.v1", MAC: "aa:bb:cc:00:11:22"}
		if got[want.DID] != want {
			t.Errorf("found %+v, want %+v", got, want)
		}
	})
}

func FuzzAnnouncement(f *testing.F) {
	f.Add(announcementOf(f, "roborock-vacuum-s5_miio260426251", "mac=34ce00aabbcc", [4]byte{192, 168, 1, 50}))
	f.Add(binary.BigEndian.AppendUint64(nil, 1<<63))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := parseAnnouncement(b); ok && (model(a.model) == "" || a.addr.IsValid() && !a.addr.Is4()) {
			t.Errorf("parseAnnouncement(%x) = %+v", b, a)
		}
	})
}

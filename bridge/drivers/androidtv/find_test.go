package androidtv_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// TestAnAnnouncedTVIsFound answers the question for TVs from the address of one.
func TestAnAnnouncedTVIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := world.NewNet(5)
		segment := n.Segment(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.1/24")})
		bridge := n.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.200/24")})
		for _, c := range []struct {
			txt  string
			want mi.Info
		}{
			{"bt=02:41:54:56:00:01", mi.Info{DID: tvDID, Addr: tvAddr, Name: "Den, of mine"}},
			{"nothing=known", mi.Info{}},
		} {
			hear := announce(t, segment, c.txt)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			var got mi.Info
			err := androidtv.New(mi.World{Net: bridge, Now: time.Now}, androidtv.Options{Log: zerolog.Nop()}).Find(ctx, func(i mi.Info) {
				got = i
				cancel()
			})
			cancel()
			hear()
			if err != nil || got != c.want {
				t.Errorf("%s: found %+v, %v, want %+v", c.txt, got, err, c.want)
			}
		}
	})
}

// TestAConfiguredTVIsAskedOnce who it is, once it is there.
func TestAConfiguredTVIsAskedOnce(t *testing.T) {
	in(t, false, func(h *house) {
		h.tv.Sleep()
		ctx, cancel := context.WithTimeout(h.Context(), 10*time.Minute)
		defer cancel()
		var got []mi.Info
		time.AfterFunc(time.Minute, func() { _ = h.tv.Wake() })
		err := h.driver.Find(ctx, func(i mi.Info) { got = append(got, i) })
		if want := (mi.Info{DID: tvDID, Addr: tvAddr, Name: "Den"}); err != nil || len(got) != 1 || got[0] != want {
			h.Errorf("found %+v, %v, want %+v", got, err, want)
		}
	})
}

// announce answers questions for TVs until the returned function is called.
func announce(t *testing.T, n mi.Network, txt string) func() {
	t.Helper()
	hear, err := n.ListenUDP(t.Context(), "0.0.0.0:5353")
	say, err2 := n.ListenUDP(t.Context(), "192.168.7.30:5353")
	cards, err3 := n.Interfaces()
	if err := errors.Join(err, err2, err3, hear.Join(cards[1], netip.MustParseAddr("224.0.0.251"))); err != nil {
		t.Fatal(err)
	}
	answer := announcement(t, txt)
	go func() {
		in := []mi.Packet{{Data: make([]byte, 0, 2000)}}
		for {
			if _, err := hear.ReadBatch(in); err != nil {
				return
			}
			_ = say.WriteBatch([]mi.Packet{{Data: answer, Addr: in[0].Addr}})
		}
	}()
	return func() { _, _ = hear.Close(), say.Close() }
}

func announcement(t *testing.T, txt string) []byte {
	t.Helper()
	service := dnsmessage.MustNewName("_androidtvremote2._tcp.local.")
	instance := dnsmessage.MustNewName("Den, of mine._androidtvremote2._tcp.local.")
	head := func(name dnsmessage.Name, kind dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Type: kind, Class: dnsmessage.ClassINET, TTL: 120}
	}
	m := dnsmessage.Message{
		Header:  dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{{Header: head(service, dnsmessage.TypePTR), Body: &dnsmessage.PTRResource{PTR: instance}}},
		Additionals: []dnsmessage.Resource{
			{Header: head(instance, dnsmessage.TypeSRV), Body: &dnsmessage.SRVResource{Port: 6466, Target: dnsmessage.MustNewName("Android.local.")}},
			{Header: head(instance, dnsmessage.TypeTXT), Body: &dnsmessage.TXTResource{TXT: []string{txt}}},
		},
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

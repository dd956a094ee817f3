package esphome

import (
	"bytes"
	"encoding/hex"
	"io"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// stream is what a node says; what is said to it is lost.
type stream struct {
	io.Reader
	io.Writer
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 2, 7, 1, 2, 0, 0, 8}, false)
	f.Add([]byte("\x01\x00\x0f\x01porch\x00C0FFEE\x00\x01\x00\x16\x01Handshake MAC failure"), true)
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		fr := newFrames(stream{bytes.NewReader(data), io.Discard})
		if sealed {
			if fr.secure(make([]byte, 32)) == nil {
				t.Fatal("a forged handshake was taken")
			}
			return
		}
		for {
			_, body, err := fr.read()
			if err != nil {
				return
			}
			if len(body) > maxFrame {
				t.Fatalf("a frame of %d octets", len(body))
			}
		}
	})
}

func FuzzMessages(f *testing.F) {
	advert, _ := hex.DecodeString("0a1908acb6a8c0939a2910850118002212" + "0201060e1695fe58585b05ca0e2b381ac1a4")
	f.Add(uint16(rawAdverts), advert)
	f.Add(uint16(servicesResponse), appendBytes(appendNumber(nil, 1, 5), 2, uart()))
	f.Add(uint16(deviceConnection), []byte{8, 5, 16, 1})
	f.Fuzz(func(t *testing.T, kind uint16, body []byte) {
		var all []characteristic
		described := map[string]characteristic{}
		_ = readServices(body, described)
		for _, c := range described {
			all = append(all, c)
		}
		if len(all) > maxDescribed {
			t.Errorf("%d characteristics", len(all))
		}
		n := 0
		_ = eachRaw(body, func(p packet) {
			for _, s := range p.advert.Service {
				n += len(s.Data)
			}
			if p.advert.RSSI < -127 || p.advert.RSSI > 20 {
				t.Errorf("RSSI %d", p.advert.RSSI)
			}
		})
		if n > len(body) {
			t.Errorf("%d octets out of %d", n, len(body))
		}
		_, _ = parseParsed(body)
		_, _ = parseReply(uint64(kind), body)
		_, _ = parseHello(body)
		_, _ = parseInfo(body)
		_ = refusedLogin(body)
	})
}

func TestNumbersAsProtocolBuffersHaveThem(t *testing.T) {
	for _, tc := range []struct {
		hex  string
		want int
	}{{"1085" + "01", -67}, {"1000", 0}, {"1002", 1}, {"10ffffffff0f", -1 << 31}} {
		b, _ := hex.DecodeString(tc.hex)
		f, rest, err := nextField(b)
		if got := f.zigzag(); got != tc.want || f.num != 2 || len(rest) != 0 || err != nil {
			t.Errorf("%s: %d, field %d, %v", tc.hex, got, f.num, err)
		}
	}
	for _, broken := range []string{"08", "0a02ff", "0b", "00", "0d010203", "09", "0affffffffffffffffff01", "08ffffffffffffffffffff01"} {
		b, _ := hex.DecodeString(broken)
		if _, _, err := nextField(b); err == nil {
			t.Errorf("%s was taken", broken)
		}
	}
	minus := appendNumber(nil, 4, ^uint64(0)) // an int32 of -1 has ten octets
	if f, _, err := nextField(minus); f.signed() != -1 || err != nil {
		t.Errorf("%d, %v", f.signed(), err)
	}
}

func TestParsedAdvert(t *testing.T) {
	data := func(uuid, octets string, legacy ...byte) []byte {
		b := appendBytes(nil, 1, uuid)
		for _, o := range legacy {
			b = appendNumber(b, 2, uint64(o))
		}
		return appendBytes(b, 3, octets)
	}
	b := appendNumber(nil, 1, bluetooth.Number(sensor))
	b = appendBytes(b, 2, "Mini")
	b = appendNumber(b, 3, 133)
	b = appendBytes(b, 5, data("0xFE95", "ab"))
	b = appendBytes(b, 5, data("0000fcd2-0000-1000-8000-00805f9b34fb", "", 'x', 'y'))
	b = appendBytes(b, 6, data("0x424E", "nb"))
	p, err := parseParsed(b)
	if err != nil {
		t.Fatal(err)
	}
	var h hearing
	h.take(p.advert)
	if want := ` A4:C1:38:0A:1B:2C -67 "Mini" fe95=6162 fcd2=7879 maker 424e=6e62`; h.got[0] != want {
		t.Errorf("got %s, want %s", h.got[0], want)
	}
}

func BenchmarkRawAdverts(b *testing.B) {
	f := unplugged(nil)
	n, err := New(wires{f: f}, Options{Addr: "porch"})
	if err != nil {
		b.Fatal(err)
	}
	heard := 0
	s := &session{n: n, heard: func(mi.Advert) { heard++ }}
	data, _ := hex.DecodeString(miBeacon)
	one := appendNumber(appendNumber(appendNumber(nil, 1, bluetooth.Number(sensor)), 2, 133), 3, 1)
	body := appendBytes(nil, 1, appendBytes(one, 4, data))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.take(rawAdverts, body); err != nil {
			b.Fatal(err)
		}
	}
}

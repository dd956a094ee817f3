package main

import (
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestPseudonymsHideWhatIsPrivate(t *testing.T) {
	s := newPseudonyms(mi.Info{DID: "123456789", Addr: "192.168.1.20:54321", Name: "Attic", Token: "00112233445566778899aabbccddeeff"})
	text := `{"model":"zhimi.airpurifier.mb3","did":"123456789","mac":"AA:BB:CC:00:11:22","token":"00112233445566778899aabbccddeeff",` +
		`"ap":{"ssid":"My \"home\"","bssid":"AA:BB:CC:00:11:33","rssi":-50},"netif":{"localIp":"192.168.1.20","gw":"192.168.1.1"},"uid":98765,"fw_ver":"1.2.3"}`
	got := s.replace(text)
	for _, private := range []string{"123456789", "AA:BB", "00112233", "home", "192.168", "98765"} {
		if strings.Contains(got, private) {
			t.Errorf("%q shows in %s", private, got)
		}
	}
	for _, public := range []string{`"model":"zhimi.airpurifier.mb3"`, `"rssi":-50`, `"fw_ver":"1.2.3"`} {
		if !strings.Contains(got, public) {
			t.Errorf("%q is missing in %s", public, got)
		}
	}
	if again := s.replace(text); again != got {
		t.Error("equal text got different names")
	}
	if other := newPseudonyms(mi.Info{Token: "ff112233445566778899aabbccddeeff"}).replace(text); other == got {
		t.Error("another key gave the same names")
	}
}

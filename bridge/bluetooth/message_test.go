package bluetooth

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// show writes an advert on one line.
func show(a mi.Advert) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %q", Spell(a.Addr), a.RSSI, a.Name)
	for _, s := range a.Service {
		fmt.Fprintf(&b, " %04x=%x", s.UUID, s.Data)
	}
	for _, m := range a.Manufacturer {
		fmt.Fprintf(&b, " maker %04x=%x", m.Company, m.Data)
	}
	return b.String()
}

func TestMessage(t *testing.T) {
	for _, tc := range []struct{ name, topic, payload, want string }{
		{"Theengs, decoded", "home/TheengsGateway/BTtoMQTT/A4C1380A1B2C",
			`{"name":"LYWSD03MMC","id":"A4:C1:38:0A:1B:2C","rssi":-79,"brand":"Xiaomi","model":"TH Sensor","model_id":"LYWSD03MMC/MJWSD05MMC_ENCR","type":"THB","encr":1,"servicedata":"58585b05ca0e2b381ac1a4","servicedatauuid":"fe95"}`,
			`A4:C1:38:0A:1B:2C -79 "LYWSD03MMC" fe95=58585b05ca0e2b381ac1a4`},
		{"OpenMQTTGateway, undecoded", "home/OMG/BTtoMQTT/undecoded",
			`{"id":"A4:C1:38:0A:1B:2C","mac_type":0,"adv_type":0,"rssi":-60,"servicedata":"70200E4F","servicedatauuid":"0xFE95","manufacturerdata":"4c0010020b00"}`,
			`A4:C1:38:0A:1B:2C -60 "" fe95=70200e4f maker 004c=10020b00`},
		{"long UUID", "home/OMG/BTtoMQTT/x", `{"id":"a4:c1:38:0a:1b:2c","servicedata":"01","servicedatauuid":"0000FCD2-0000-1000-8000-00805F9B34FB"}`, `A4:C1:38:0A:1B:2C 0 "" fcd2=01`},
		{"address in the topic only", "home/OMG/BTtoMQTT/A4C1380A1B2C", `{"servicedata":"01","servicedatauuid":"181b"}`, `A4:C1:38:0A:1B:2C 0 "" 181b=01`},
		{"oddly typed", "t", `{"id":"A4:C1:38:0A:1B:2C","name":7,"rssi":"-60","servicedata":"0102","servicedatauuid":"fe95"}`, `A4:C1:38:0A:1B:2C 0 "" fe95=0102`},
		{"signal of no receiver", "t", `{"id":"A4:C1:38:0A:1B:2C","rssi":-9999}`, `A4:C1:38:0A:1B:2C 0 ""`},
		{"broken hex", "t", `{"id":"A4:C1:38:0A:1B:2C","servicedata":"010","servicedatauuid":"fe95","manufacturerdata":"01"}`, `A4:C1:38:0A:1B:2C 0 ""`},
		{"UUID of somebody's own", "t", `{"id":"A4:C1:38:0A:1B:2C","servicedata":"01","servicedatauuid":"6e400001-b5a3-f393-e0a9-e50e24dcca9e"}`, `A4:C1:38:0A:1B:2C 0 ""`},
		{"address of an iPhone's choosing", "home/OMG/BTtoMQTT/A4C1380A1B2C", `{"id":"5732A8DA-27AF-1C2B"}`, ""},
		{"no object", "home/OMG/BTtoMQTT/A4C1380A1B2C", `online`, ""},
		{"cut off", "home/OMG/BTtoMQTT/A4C1380A1B2C", `{"id":"A4:C1:38:0A:1B:2C","rssi":-6`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, ok := parseMessage(tc.topic, []byte(tc.payload))
			got := show(a)
			if !ok {
				got = ""
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestReadStructures(t *testing.T) {
	for _, tc := range []struct {
		name, hex, want string
		whole           bool
	}{
		// A MiBeacon of an LYWSD03MMC, with flags in front.
		{"MiBeacon", "0201060e1695fe58585b05ca0e2b381ac1a4", `00:00:00:00:00:00 0 "" fe95=58585b05ca0e2b381ac1a4`, true},
		{"maker and name", "07ff4e422103000a" + "05094d696e69", `00:00:00:00:00:00 0 "Mini" maker 424e=2103000a`, true},
		{"padding", "0516d2fc400000000000", `00:00:00:00:00:00 0 "" fcd2=4000`, true},
		{"two services", "0416d2fc4004161b1801", `00:00:00:00:00:00 0 "" fcd2=40 181b=01`, true},
		{"cut off", "0416d2fc400e1695fe58", `00:00:00:00:00:00 0 "" fcd2=40`, false},
		{"too short for a UUID", "0216d2", `00:00:00:00:00:00 0 ""`, true},
		{"empty", "", `00:00:00:00:00:00 0 ""`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := hex.DecodeString(tc.hex)
			if err != nil {
				t.Fatal(err)
			}
			var a mi.Advert
			whole := ReadStructures(data, &a)
			if got := show(a); got != tc.want || whole != tc.whole {
				t.Errorf("got  %s (%v)\nwant %s (%v)", got, whole, tc.want, tc.whole)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	want := mi.Address{0xA4, 0xC1, 0x38, 0x0A, 0x1B, 0x2C}
	for _, text := range []string{"A4:C1:38:0A:1B:2C", "a4c1380a1b2c", "A4_C1_38_0A_1B_2C", "a4-c1-38-0a-1b-2c"} {
		if got, ok := ParseAddress(text); !ok || got != want {
			t.Errorf("ParseAddress(%q) = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "A4:C1:38:0A:1B", "A4:C1:38:0A:1B:2G", "A4.C1.38.0A.1B.2C", "A4:C1:38:0A:1B2C::"} {
		if _, ok := ParseAddress(text); ok {
			t.Errorf("ParseAddress(%q) succeeded", text)
		}
	}
	if n := Number(want); n != 0xA4C1380A1B2C || FromNumber(n) != want {
		t.Errorf("Number = %x", n)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("home/OMG/BTtoMQTT/A4C1380A1B2C", []byte(`{"id":"A4:C1:38:0A:1B:2C","rssi":-60,"servicedata":"70200E4F","servicedatauuid":"0xFE95","manufacturerdata":"4c0010020b00"}`))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		a, ok := parseMessage(topic, payload)
		if !ok && len(a.Service)+len(a.Manufacturer) > 0 {
			t.Error("a refused message says something")
		}
		if a.RSSI < -127 || a.RSSI > 20 {
			t.Errorf("RSSI %d", a.RSSI)
		}
		_ = gatewayOf(DefaultFilter, topic)
	})
}

func FuzzStructures(f *testing.F) {
	f.Add([]byte{2, 1, 6, 5, 0x16, 0x95, 0xfe, 0x58, 0x58, 4, 0xff, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		var a mi.Advert
		ReadStructures(data, &a)
		n := len(a.Name)
		for _, s := range a.Service {
			n += len(s.Data)
		}
		for _, m := range a.Manufacturer {
			n += len(m.Data)
		}
		if n > len(data) {
			t.Errorf("%d octets out of %d", n, len(data))
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	payload := []byte(`{"id":"A4:C1:38:0A:1B:2C","mac_type":0,"adv_type":0,"name":"LYWSD03MMC","rssi":-60,"brand":"Xiaomi","model":"TH Sensor","model_id":"LYWSD03MMC","type":"THB","servicedata":"58585b05ca0e2b381ac1a4081122334455667788990011","servicedatauuid":"0xfe95"}`)
	b.ReportAllocs()
	for b.Loop() {
		parseMessage("home/OMG/BTtoMQTT/A4C1380A1B2C", payload)
	}
}

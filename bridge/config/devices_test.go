package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestParseDevices(t *testing.T) {
	plain := mi.Info{Addr: "192.168.1.20:54321", Token: aToken}
	for _, tc := range []struct {
		name, text string
		want       []mi.Info
	}{
		{"nothing", " \n", nil},
		{"host", "192.168.1.20," + aToken, []mi.Info{plain}},
		{"host and port", "192.168.1.20:4321, " + aToken, []mi.Info{{Addr: "192.168.1.20:4321", Token: aToken}}},
		{"did and model", "123456, " + aToken + ", zhimi.airpurifier.mb3", []mi.Info{{DID: "123456", Model: "zhimi.airpurifier.mb3", Token: aToken}}},
		{"both, comment, two", "# my home\n123456/lamp.lan," + aToken + ";192.168.1.20," + aToken,
			[]mi.Info{{DID: "123456", Addr: "lamp.lan:54321", Token: aToken}, plain}},
		{"host name of three parts", "lamp.home.lan," + aToken, []mi.Info{{Addr: "lamp.home.lan:54321", Token: aToken}}},
		{"capital letters", "192.168.1.20,00112233445566778899AABBCCDDEEFF", []mi.Info{plain}},
		{"CSV", "\ufeffName,ID,MAC,IP,Token,Model\r\n\"Lamp, big\",123456,AA-BB-CC-00-11-22,192.168.1.20," + aToken + ",yeelink.light.lamp4\r\nSensor,blt.3.1abc,,,,miaomiaoce.sensor_ht.t2\r\n",
			[]mi.Info{{DID: "123456", Name: "Lamp, big", MAC: "aa:bb:cc:00:11:22", Addr: "192.168.1.20:54321", Model: "yeelink.light.lamp4", Token: aToken}}},
		{"CSV with semicolons", "ip;token\n192.168.1.20;" + aToken + "\n", []mi.Info{plain}},
		{"JSON of an extractor", `[{"server":"de","homes":[{"home_id":1,"devices":[{"name":"Lamp","id":123456,"ip":"192.168.1.20","token":"` + aToken + `","model":"yeelink.light.lamp4"},{"name":"Sensor","id":"blt.3.1abc"}]}]}]`,
			[]mi.Info{{DID: "123456", Name: "Lamp", Addr: "192.168.1.20:54321", Model: "yeelink.light.lamp4", Token: aToken}}},
		{"JSON by did", `{"123456":{"did":"123456","localip":"192.168.1.20","token":"` + aToken + `"}}`,
			[]mi.Info{{DID: "123456", Addr: "192.168.1.20:54321", Token: aToken}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseDevices(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseDevicesSaysWhatIsWrong(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"one field", "192.168.1.20", "entry 1: it takes a did or host, a token and, if known, a model, separated by commas"},
		{"no host", "," + aToken, "entry 1: neither its did nor its host is given"},
		{"did", "a b/1.2.3.4," + aToken, `entry 1: "a b" is not a did; a did is a number, or a word and a number such as lumi.158d0001a2b3c4`},
		{"model", "1," + aToken + ",lamp", `entry 1: "lamp" is not a model; a model looks like zhimi.airpurifier.mb3`},
		{"host", "my lamp," + aToken, `entry 1: "my lamp" is not a host; a host is an address such as 192.168.1.20, or a name`},
		{"second entry", "1," + aToken + "\n2,x", "entry 2: its token is not right; a token has 32 hexadecimal digits"},
		{"CSV row", "ip,token\n1.2.3.4,x", "line 2: its token is not right; a token has 32 hexadecimal digits"},
		{"JSON", `[{"token":"x","ip":"1.2.3.4"}]`, "entry 1: its token is not right; a token has 32 hexadecimal digits"},
		{"half JSON", `[{`, "JSON: unexpected EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ParseDevices(tc.text); err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestDoubledEntriesAreNamed(t *testing.T) {
	const one, two = ",00112233445566778899aabbccddeeff", ",ff112233445566778899aabbccddeeff"
	for _, tc := range []struct {
		name, list string
		want       []Doubled
	}{
		{"different", "10.0.0.1" + one + ";10.0.0.2" + two, nil},
		{"alike", "10.0.0.1" + one + ";10.0.0.1" + one, nil},
		{"one host", "10.0.0.1" + one + ";# note;7/10.0.0.1" + two, []Doubled{{"MIHOME2MQTT_DEVICES_FILE", "10.0.0.1:54321", "entry 1", "entry 3", false}}},
		{"one did", "7" + one + "\n7/10.0.0.1" + two, []Doubled{{"MIHOME2MQTT_DEVICES_FILE", "7", "entry 1", "entry 2", false}}},
		{"two dids", "7/10.0.0.1" + one + ";8/10.0.0.1" + one, []Doubled{{"MIHOME2MQTT_DEVICES_FILE", "10.0.0.1:54321", "entry 1", "entry 2", true}}},
		{"table", "ip,token\n10.0.0.1" + one + "\n10.0.0.1" + two, []Doubled{{"MIHOME2MQTT_DEVICES_FILE", "10.0.0.1:54321", "line 2", "line 3", false}}},
		{"behind a gateway", `[{"did":"7","ip":"10.0.0.1","token":"00112233445566778899aabbccddeeff"},` +
			`{"did":"lumi.1","ip":"10.0.0.1","parent_id":"7","token":"ff112233445566778899aabbccddeeff"}]`, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &Config{Devices: mi.Secret(tc.list), filed: map[string]bool{Prefix + "DEVICES": true}}
			if diff := cmp.Diff(tc.want, c.Doubled()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseDevices(f *testing.F) {
	f.Add("192.168.1.20," + aToken)
	f.Add("ip,token\n192.168.1.20," + aToken)
	f.Add(`{"a":[{"token":"` + aToken + `","did":1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		infos, err := ParseDevices(text)
		for _, d := range infos {
			if err == nil && (len(d.Token) < 32 || d.DID == "" && d.Addr == "") {
				t.Errorf("accepted %+v", d)
			}
		}
	})
}

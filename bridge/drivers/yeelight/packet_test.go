package yeelight

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const lampReply = "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nDate: \r\nExt: \r\nLocation: yeelight://192.0.2.10:55443\r\n" +
	"Server: POSIX UPnP/1.0 YGLC/1\r\nid: 0x00000000037073d2\r\nmodel: stripe\r\nfw_ver: 76\r\nsupport: get_prop set_power set_rgb\r\n" +
	"power: on\r\nbright: 100\r\ncolor_mode: 1\r\nct: 4000\r\nrgb: 16711680\r\nhue: 359\r\nsat: 100\r\nname: \r\n"

func TestParseAdvert(t *testing.T) {
	want := advert{
		did: 57701330, addr: netip.MustParseAddrPort("192.0.2.10:55443"), model: "stripe", firmware: "76", support: "get_prop set_power set_rgb",
	}
	announced := want
	announced.unasked = true
	named := want
	named.name = "台灯"
	notify := strings.Replace(lampReply, "HTTP/1.1 200 OK\r\n", "NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1982\r\nNTS: ssdp:alive\r\n", 1)
	for _, tc := range []struct {
		name, text string
		want       advert
	}{
		{"answer", lampReply, want},
		{"announcement", notify, announced},
		{"blank before the port", strings.Replace(lampReply, ":55443", ": 55443", 1), want},
		{"name in base64", strings.Replace(lampReply, "name: ", "name: 5Y+w54Gv", 1), named},
		{"lines without CR", strings.ReplaceAll(lampReply, "\r", ""), want},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := parseAdvert([]byte(tc.text)); err != nil || got != tc.want {
				t.Errorf("parseAdvert = %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}

func TestParseAdvertRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"search":      string(search(group())),
		"byebye":      strings.Replace(lampReply, "HTTP/1.1 200 OK\r\n", "NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\n", 1),
		"no id":       strings.Replace(lampReply, "id: ", "di: ", 1),
		"id 0":        strings.Replace(lampReply, "0x00000000037073d2", "0x0", 1),
		"host name":   strings.Replace(lampReply, "192.0.2.10", "lamp.example", 1),
		"other thing": strings.Replace(lampReply, "yeelight://", "http://", 1),
		"cut off":     lampReply[:60],
		"empty":       "",
	} {
		if a, err := parseAdvert([]byte(text)); !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("%s: parseAdvert = %+v, %v, want ErrProtocol", name, a, err)
		}
	}
}

func TestSearchIsWhatLampsKnow(t *testing.T) {
	const want = "4d2d534541524348202a20485454502f312e310d0a484f53543a203233392e3235352e3235352e3235303a313938320d0a" +
		"4d414e3a2022737364703a646973636f766572220d0a53543a20776966695f62756c62"
	if got := hex.EncodeToString(search(group())); got != want {
		t.Errorf("search = %s, want %s", got, want)
	}
}

func TestParseLine(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       message
		kind       error // of the refusal
	}{
		{"ok", `{"id":1,"result":["ok"]}`, message{answer: true, id: 1, result: []string{"ok"}}, nil},
		{"values", `{"id":2, "result":["on","",100]}`, message{answer: true, id: 2, result: []string{"on", "", "100"}}, nil},
		{"report", `{"method":"props","params":{"power":"on","bright":"80","rgb":16711680}}`,
			message{props: map[string]string{"power": "on", "bright": "80", "rgb": "16711680"}}, nil},
		{"quota", `{"id":211,"error":{"code":-1,"message":"client quota exceeded"}}`, message{answer: true, id: 211}, mi.ErrBusy},
		{"method", `{"id":3,"error":{"code":-1,"message":"method not supported"}}`, message{answer: true, id: 3}, mi.ErrUnsupported},
		{"general", `{"id":4,"error":{"code":-5000,"message":"general error"}}`, message{answer: true, id: 4}, mi.ErrInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseLine([]byte(tc.line + "\r\n"))
			same := got.answer == tc.want.answer && got.id == tc.want.id && strings.Join(got.result, "|") == strings.Join(tc.want.result, "|") && maps.Equal(got.props, tc.want.props)
			if err != nil || !same || !errors.Is(got.err, tc.kind) {
				t.Errorf("parseLine = %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
	for _, line := range []string{"", "ok", "[]", "{}", `{"id":1}`, `{"method":"props"}`, `{"method":"other","params":{}}`, `{"id":"x","result":[]}`} {
		if got, err := parseLine([]byte(line)); !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("parseLine(%q) = %+v, %v, want ErrProtocol", line, got, err)
		}
	}
}

// vectors are lines that another implementation wrote.
type vectors struct {
	Commands []struct {
		Name, Wire, Method string
		Params             []json.RawMessage
	}
	SSDP struct {
		Reply  string
		Notify string            `json:"notify_own_text"`
		Parsed map[string]string `json:"parsed_lowercase_keys"`
		Hex    string            `json:"search_as_sent_hex"`
	}
	Notifications []struct{ Wire string }
	DefaultProps  []string `json:"default_props"`
	Ranges        map[string]struct {
		Low    int    `json:"ct_min"`
		High   int    `json:"ct_max"`
		Night  bool   `json:"night_light"`
		Ground bool   `json:"background_light"`
		Bulb   string `json:"bulb_type"`
	} `json:"model_ranges"`
}

func loadVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile("../../../../shared/vectors/yeelight.json")
	if err != nil {
		t.Skip("no shared vectors here:", err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsOfCommands(t *testing.T) {
	for id, c := range loadVectors(t).Commands {
		var params []any
		for _, raw := range c.Params {
			v, err := mi.ParseJSON(raw)
			if err != nil {
				t.Fatal(err)
			}
			params = append(params, v)
		}
		if got := string(appendCommand(nil, id, command{c.Method, params})); got != c.Wire+"\r\n" {
			t.Errorf("%s: %q, want %q", c.Name, got, c.Wire)
		}
	}
}

func TestVectorsOfDiscovery(t *testing.T) {
	v := loadVectors(t)
	if got := hex.EncodeToString(search(group())); got != v.SSDP.Hex {
		t.Errorf("search = %s, want %s", got, v.SSDP.Hex)
	}
	for _, text := range []string{v.SSDP.Reply, v.SSDP.Notify} {
		a, err := parseAdvert([]byte(text))
		want := v.SSDP.Parsed
		if err != nil || a.did != 0x37073d2 || a.model != want["model"] || a.firmware != want["fw_ver"] || a.support != want["support"] {
			t.Errorf("parseAdvert = %+v, %v", a, err)
		}
	}
	for _, n := range v.Notifications {
		if m, err := parseLine([]byte(n.Wire)); err != nil || m.props["bright"] != "80" || m.props["rgb"] != "16711680" {
			t.Errorf("parseLine = %+v, %v", m, err)
		}
	}
	for i, name := range names() {
		if name != v.DefaultProps[i] {
			t.Errorf("property %d is %s, want %s", i, name, v.DefaultProps[i])
		}
	}
}

func TestVectorsOfModels(t *testing.T) {
	for model, want := range loadVectors(t).Ranges {
		got, ok := known(model)
		if !ok || got.Night != want.Night || got.Ground != want.Ground {
			t.Errorf("known(%s) = %+v, %v, want %+v", model, got, ok, want)
		}
		if white := want.Low < want.High; got.White != white || white && (got.Low != want.Low || got.High != want.High) {
			t.Errorf("known(%s) = %+v, want %+v", model, got, want)
		}
	}
}

func FuzzAdvert(f *testing.F) {
	f.Add([]byte(lampReply))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := parseAdvert(data); err == nil && (a.did == 0 || !a.addr.IsValid()) {
			t.Errorf("parseAdvert takes %q", data)
		}
	})
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"method":"props","params":{"power":"on","rgb":16711680}}`))
	f.Add([]byte(`{"id":1,"error":{"code":-1,"message":"client quota exceeded"}}`))
	m := newMeaning(meaningKey{traits: traits{White: true, Color: true, Night: true, Ground: true, Low: 1700, High: 6500}})
	f.Fuzz(func(t *testing.T, data []byte) {
		line, err := parseLine(data)
		if err == nil && !line.answer && line.props == nil {
			t.Errorf("parseLine(%q) is neither answer nor report", data)
		}
		for i := range m.slots {
			m.value(i, line.props, nil)
		}
	})
}

func FuzzFlow(f *testing.F) {
	f.Add("0,1,500,1,255,100")
	f.Fuzz(func(t *testing.T, text string) {
		w := &wish{}
		if err := w.takeFlow(text); err == nil && len(w.flow) != 3 {
			t.Errorf("takeFlow(%q) = %v", text, w.flow)
		}
	})
}

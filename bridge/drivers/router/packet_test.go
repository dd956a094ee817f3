package router

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Hashes made by another implementation.
func TestLoginHash(t *testing.T) {
	for _, tc := range []struct {
		password mi.Secret
		nonce    string
		modern   bool
		want     string
	}{
		{"admin123", "0_00:11:22:33:44:55_1763888400_123", false, "89db92896f4b8eb20c788604cb703f3fa96dc89a"},
		{"admin123", "0_00:11:22:33:44:55_1763888400_123", true, "0ad915c29d22fd65efdee37258004420e39d95a3884e93f166ab5453bd622bda"},
		{"Пароль", "0_aa:bb:cc:dd:ee:ff_1700000000_7", false, "2ca5adf3fe8c2124477a975eb34101f69001df45"},
		{"Пароль", "0_aa:bb:cc:dd:ee:ff_1700000000_7", true, "e2efffd91ff5ac8d1da337f9583c6bf0f7c1af44914b41305185331e6c298179"},
	} {
		if got := loginHash(tc.password, commonKey, tc.nonce, tc.modern); got != tc.want {
			t.Errorf("loginHash(%q, modern %v) = %s, want %s", tc.nonce, tc.modern, got, tc.want)
		}
	}
}

func TestLoginHashOfEveryKnownVector(t *testing.T) {
	raw, err := os.ReadFile("../../../../shared/vectors/miwifi.json")
	if err != nil {
		t.Skip("the collected vectors are not beside the project")
	}
	var file struct {
		Meta  struct{ Key string }
		Login []struct{ Password, Nonce, Alg, Hash string }
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Login) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, v := range file.Login {
		if got := loginHash(mi.Secret(v.Password), file.Meta.Key, v.Nonce, v.Alg == "sha256"); got != v.Hash {
			t.Errorf("loginHash(%s, %s) = %s, want %s", v.Nonce, v.Alg, got, v.Hash)
		}
	}
}

func TestParseJudgesTheCode(t *testing.T) {
	for _, tc := range []struct {
		body string
		want error
	}{
		{`{"code":0}`, nil},
		{`{"code":"0"}`, nil},
		{`{}`, nil},
		{`{"code":401,"msg":"Invalid token"}`, errStale},
		{`{"code":"401"}`, errStale},
		{`{"code":1523,"msg":"参数错误"}`, mi.ErrUnsupported},
		{`<html>login</html>`, mi.ErrProtocol},
		{``, mi.ErrProtocol},
		{`[1]`, mi.ErrProtocol},
	} {
		if err := parse([]byte(tc.body), &struct{}{}); !errors.Is(err, tc.want) {
			t.Errorf("parse(%s) = %v, want %v", tc.body, err, tc.want)
		}
	}
}

func TestParsePage(t *testing.T) {
	for _, tc := range []struct{ page, key, device string }{
		{`var Encrypt = { key: 'a2ffa5c9be07488bbb04a3a47d3c5f6b', iv: '64' }; var deviceId = '9c:9d:7e:00:00:01';`, "a2ffa5c9be07488bbb04a3a47d3c5f6b", "9c:9d:7e:00:00:01"},
		{`deviceId:'x' key:'short'`, commonKey, "x"},
		{`<html>`, commonKey, "0"},
	} {
		if key, device := parsePage([]byte(tc.page)); key != tc.key || device != tc.device {
			t.Errorf("parsePage(%s) = %s, %s, want %s, %s", tc.page, key, device, tc.key, tc.device)
		}
	}
}

// Entries as routers send them: numbers as texts, a type that is an object, an
// address list that is a text, a MAC that is none.
func TestParseClients(t *testing.T) {
	got, err := parseClients([]byte(`{"mac":"00:00:00:00:00:00","list":[
		{"mac":"9C:9D:7E:00:00:02","oname":"android-1","name":"Phone","isap":0,"parent":"","online":1,"type":2,"ip":[{"ip":"192.168.31.3","online":"29101","active":1}]},
		{"mac":"9C:9D:7E:00:00:03","oname":"Node","name":"","isap":"8","parent":"9c:9d:7e:00:00:01","online":"0","type":{"c":1},"ip":"none"},
		{"mac":"9c:9d:7e:00:00:02","name":"Again"}, {"mac":"zz"}, 7, {"mac":"00:00:00:00:00:00"}],"code":0}`))
	if err != nil || len(got) != 2 {
		t.Fatalf("parseClients = %v, %v", got, err)
	}
	phone := client{mac: "9c:9d:7e:00:00:02", name: "Phone", ip: "192.168.31.3", online: true, band: number{2, true}}
	node := client{mac: "9c:9d:7e:00:00:03", name: "Node", parent: "9c:9d:7e:00:00:01", node: true}
	if got[0] != phone || got[1] != node {
		t.Errorf("parseClients = %+v", got)
	}
}

func TestParseRadios(t *testing.T) {
	got, err := parseRadios([]byte(`{"bsd":0,"info":[
		{"ifname":"wl1","channelInfo":{"bandwidth":"20","channel":2},"encryption":"psk2","status":"1","ssid":"Home","password":"p w","channel":"0","txpwr":"max","hidden":"0","ax":"1","txbf":"3"},
		{"ifname":"wl14","ssid":"Guest","encryption":"none","status":0,"enabled":"1"}],"code":0}`))
	if err != nil {
		t.Fatal(err)
	}
	home, guest := got["wl1"], got["wl14"]
	if !home.on || home.ssid != "Home" || !home.channel.is(2) || guest.on || guest.channel.known {
		t.Errorf("parseRadios = %+v", got)
	}
	want := map[string]string{"ssid": "Home", "pwd": "p w", "encryption": "psk2", "channel": "0", "bandwidth": "20", "txpwr": "max", "hidden": "0", "ax": "1", "txbf": "3"}
	settings := home.settings()
	if len(settings) != len(want) {
		t.Errorf("settings = %v, want %v", settings, want)
	}
	for name, value := range want {
		if settings[name] != value {
			t.Errorf("settings[%s] = %q, want %q", name, settings[name], value)
		}
	}
}

func TestParseGraph(t *testing.T) {
	got, err := parseGraph([]byte(`{"show":1,"graph":{"ip":"192.168.31.1","leafs":[{"ip":"192.168.31.62","hardware":"R2100","name":"AP",
		"leafs":[{"ip":"192.168.31.162","hardware":"RA62"},{"ip":""},{"name":"x"}]}]},"code":0}`))
	if err != nil || len(got) != 2 || got["192.168.31.62"].Hardware != "R2100" || got["192.168.31.162"].Hardware != "RA62" {
		t.Errorf("parseGraph = %v, %v", got, err)
	}
}

func TestCleanMAC(t *testing.T) {
	for in, want := range map[string]string{
		"9C:9D:7E:30:95:F0": "9c:9d:7e:30:95:f0", "9c-9d-7e-30-95-f0": "9c:9d:7e:30:95:f0", "9C9D7E3095F0": "9c:9d:7e:30:95:f0",
		"": "", "00:00:00:00:00:00": "", "9c:9d": "", "phone": "", "9c:9d:7e:30:95:f0:01": "",
	} {
		if got := cleanMAC(in); got != want {
			t.Errorf("cleanMAC(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzAnswer feeds whatever a router may say to every parser, and what comes of it
// to the sheets.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"code":0,"list":[{"mac":"9C:9D:7E:00:00:02","name":"Phone","online":1,"type":2,"ip":[{"ip":"192.168.31.3"}]}]}`,
		`{"code":0,"info":[{"ifname":"wl1","status":"1","ssid":"a","channelInfo":{"channel":2}}]}`,
		`{"code":0,"graph":{"leafs":[{"ip":"1.1.1.1","leafs":[]}]},"list":[{"c":"1"}],"mem":{"usage":1e308,"total":"256MB"},"cpu":1,"upTime":"NaN"}`,
		`{"code":401}`, `var deviceId = 'x'; key: 'a2ffa5c9be07488bbb04a3a47d3c5f6a'`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		key, device := parsePage(body)
		if strings.ContainsAny(key+device, "'<>\"") {
			t.Errorf("the page gave %q, %q", key, device)
		}
		s := state{people: map[string]*presence{}}
		list, _ := parseClients(body)
		for _, c := range list {
			if cleanMAC(c.mac) != c.mac || c.mac == "" {
				t.Errorf("a client has the MAC %q", c.mac)
			}
		}
		s.radios, _ = parseRadios(body)
		for _, r := range s.radios {
			r.settings()
		}
		s.graph, _ = parseGraph(body)
		_, _ = parseChannels(body)
		_, _ = parse(body, &s.status), parse(body, &s.uplink)
		_, _ = parse(body, &s.rom), parse(body, &s.hello)
		if m := s.model(); strings.Count(m, ".") != 2 {
			t.Errorf("the model is %q", m)
		}
		routerSheet(s.model(), &s, true).values(&s, nil)
	})
}

// FuzzLoginHash checks that a hash is one whatever the password.
func FuzzLoginHash(f *testing.F) {
	f.Add("admin123", commonKey, "0_00:11:22:33:44:55_1763888400_123")
	f.Fuzz(func(t *testing.T, password, key, nonce string) {
		old, modern := loginHash(mi.Secret(password), key, nonce, false), loginHash(mi.Secret(password), key, nonce, true)
		if len(old) != 40 || len(modern) != 64 || strings.Trim(old+modern, "0123456789abcdef") != "" {
			t.Errorf("hashes %q, %q", old, modern)
		}
	})
}

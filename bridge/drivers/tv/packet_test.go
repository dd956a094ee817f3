package tv

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const stamp = 1763888400123

func TestSignaturesAreThoseOfOtherClients(t *testing.T) {
	for _, c := range []struct{ arg, key, want string }{
		{"25", "3c:bd:3e:00:00:01", "bb0e98a67f58af14c3556905115fb123"},
		{"http://127.0.0.1/a.mp4", apiKey, "fdc4e851bd9938cf7031be3b8bd47485"},
	} {
		if got := sign(c.arg, c.key, stamp); got != c.want {
			t.Errorf("sign(%q) = %s, want %s", c.arg, got, c.want)
		}
	}
	for _, c := range []struct{ query, token, want string }{
		{query("action", "capturescreen", "compressrate", "50"), "", "action=capturescreen&compressrate=50&timestamp=1763888400123&opaque=5d801dbf9f753ee2551acb7c8185c120c0db5955"},
		{query("action", "getResource", "name", "screen"), "tok123", "action=getResource&name=screen&timestamp=1763888400123&opaque=8e3610c17dd8467aaa0e183a3dd12b344978739b"},
	} {
		if got := opaque(c.query, c.token, stamp); got != c.want {
			t.Errorf("opaque(%q) = %s, want %s", c.query, got, c.want)
		}
	}
}

// TestRecordedSignatures goes through the file from which the cases above are.
func TestRecordedSignatures(t *testing.T) {
	raw, err := os.ReadFile("../../../../shared/vectors/mitv.json")
	if err != nil {
		t.Skip("the recorded vectors are not here")
	}
	var all struct {
		Opaque []struct {
			Token string
			Sent  string `json:"query_sent"`
		}
		Sign []struct{ Kind, Arg, Key, TS, MD5 string }
	}
	if err := json.Unmarshal(raw, &all); err != nil || len(all.Sign) == 0 || len(all.Opaque) == 0 {
		t.Fatalf("%v: %d and %d vectors", err, len(all.Sign), len(all.Opaque))
	}
	for _, v := range all.Sign {
		ts, _ := strconv.ParseInt(v.TS, 10, 64)
		call := callPlay(v.Arg, ts)
		if strings.HasPrefix(v.Kind, "setVolum") {
			n, _ := strconv.Atoi(v.Arg)
			call = callSetVolume(n, v.Key, ts)
		}
		if !strings.HasSuffix(call, "&sign="+v.MD5) {
			t.Errorf("%s: %s, want the signature %s", v.Kind, call, v.MD5)
		}
	}
	for _, v := range all.Opaque {
		covered, _, _ := strings.Cut(v.Sent, "&timestamp=")
		if got := opaque(covered, v.Token, stamp); got != v.Sent {
			t.Errorf("opaque = %s, want %s", got, v.Sent)
		}
	}
}

func TestCallsCarryForeignTextsUnharmed(t *testing.T) {
	call := callPlay("https://a.example/x y.mp4?a=1&b=ü#c", stamp)
	u, err := url.Parse(call)
	if err != nil || u.Query().Get("url") != "https://a.example/x y.mp4?a=1&b=ü#c" || u.Query().Get("action") != "play" {
		t.Errorf("play: %s, %v", call, err)
	}
	if u, err = url.Parse(callStart("a b&packagename=c")); err != nil || u.Query().Get("packagename") != "a b&packagename=c" {
		t.Errorf("start: %v, %v", u, err)
	}
}

func TestReplies(t *testing.T) {
	for _, c := range []struct {
		text, data string
		kind       error
	}{
		{`{"status":0,"msg":"success","data":{"a":1}}`, `{"a":1}`, nil},
		{`{"status":0,"msg":"success","data":"{\"volum\":3}"}`, `{"volum":3}`, nil},
		{`{"request_result":200}`, ``, nil},
		{`{"status":0,"msg":"success"}`, ``, nil},
		{`{"status":1,"msg":"illegal\u0007 request"}`, ``, mi.ErrInvalid},
		{`{"request_result":500}`, ``, mi.ErrInvalid},
		{`<html>`, ``, mi.ErrProtocol},
		{``, ``, mi.ErrProtocol},
	} {
		data, err := parseReply([]byte(c.text))
		if string(data) != c.data || !errors.Is(err, c.kind) {
			t.Errorf("parseReply(%s) = %s, %v", c.text, data, err)
		}
	}
}

func TestVolumes(t *testing.T) {
	for _, c := range []struct {
		text        string
		level, most int
		fails       bool
	}{
		{`{"volume":12,"maxVolume":50}`, 12, 50, false},
		{`{"stream":3,"maxVolum":15,"volum":0}`, 0, 15, false},
		{`{"volume":"7","maxVolume":"30"}`, 7, 30, false},
		{`{"volume":7}`, 7, 100, false},
		{`{"volume":120,"maxVolume":0}`, 120, 120, false},
		{`{"volume":-1}`, 0, 0, true},
		{`{"volume":1e300}`, 0, 0, true},
		{`{}`, 0, 0, true},
		{`[]`, 0, 0, true},
		{`null`, 0, 0, true},
	} {
		level, most, err := parseVolume([]byte(c.text))
		if level != c.level || most != c.most || (err != nil) != c.fails {
			t.Errorf("parseVolume(%s) = %d, %d, %v", c.text, level, most, err)
		}
	}
}

func TestApps(t *testing.T) {
	got, err := parseApps([]byte(`{"AppInfo":[{"AppName":"zoo","PackageName":"z"},{"AppName":" ","PackageName":"b.b"},
		{"AppName":"Äpfel\u0000","PackageName":"a"},{"AppName":"twice","PackageName":"z"},{"AppName":"none"}]}`))
	want := []app{{"b.b", "b.b"}, {"zoo", "z"}, {"Äpfel", "a"}}
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("app %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// FuzzReply feeds whatever a TV may answer to every parser: none panics, and what
// they let through stays within its bounds.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		`{"status":0,"msg":"success","data":{"volume":1,"maxVolume":2}}`,
		`{"status":0,"msg":"success","data":"{\"volum\":1,\"maxVolum\":2}"}`,
		`{"msg":"success","data":{"AppInfo":[{"AppName":"a","PackageName":"b"}]}}`,
		`{"msg":"success","data":{"devicename":"a","platform":606,"version":"1","ethmac":"3c:bd:3e:00:00:01","pkg":"x"}}`,
		`{"request_result":200,"data":null}`, `{"msg":"success","data":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		data, err := parseReply(b)
		if err != nil {
			if !errors.Is(err, mi.ErrInvalid) && !errors.Is(err, mi.ErrProtocol) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if level, most, err := parseVolume(data); err == nil && (level < 0 || level > most || most > maxVolume) {
			t.Errorf("volume %d of %d", level, most)
		}
		apps, err := parseApps(data)
		if err == nil && len(apps) > maxApps {
			t.Errorf("%d apps", len(apps))
		}
		for _, a := range apps {
			if a.Package == "" || a.Name == "" || len(a.Name) > maxText || strings.ContainsAny(a.Name, "\n\x00") {
				t.Errorf("app %q", a)
			}
		}
		who, _ := parseIdentity(data)
		sys, _ := parseSystem(data)
		known := facts{Name: who.Name, Platform: who.Platform.String(), EthMAC: sys.EthMAC, WifiMAC: sys.WifiMAC}
		if strings.ContainsAny(known.model(), "\n/#+ ") || len(known.macs("")) > 2 {
			t.Errorf("facts %+v", known)
		}
		_, _ = parseScreen(data)
		if call, err := parsePicture(data, 1); err == nil && !strings.HasPrefix(call, "/") {
			t.Errorf("the picture of %q is at %q", data, call)
		}
		isTV(b)
	})
}

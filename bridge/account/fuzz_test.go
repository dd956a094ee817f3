package account

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{prefix + `{"code":0,"nonce":9007199254740993}`, "<html>", `{"options":[4,"8"],"data":{"wt":3}}`, prefix} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parseAnswer(body)
		if (a == nil) == (err == nil) {
			t.Fatalf("%v, %v", a, err)
		}
		if err == nil {
			_, _, _ = tokenRefused(a), a.says(), a.begun()
		}
	})
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{`{"code":3,"message":"auth error"}`, `{"code":0,"result":[1]}`, "AAAA", "<html>"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := newSeal(ssecurity, [12]byte{})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := parseReply(body, s); err == nil {
			_ = r.refused()
		}
	})
}

func FuzzRow(f *testing.F) {
	for _, seed := range []string{device("1", ""), `{"did":"../../x"}`, `{"did":1,"isOnline":1,"owner":"","extra":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, ok := parseRow(raw)
		if !ok {
			return
		}
		if !didForm.MatchString(d.DID) || strings.ContainsAny(d.Name, "\x00\n\r") || len([]rune(d.Name)) > maxName {
			t.Fatalf("%+v", d)
		}
	})
}

func FuzzLists(f *testing.F) {
	for _, seed := range []string{`{"homelist":[{"id":"7","uid":1,"name":"H","roomlist":[{"id":1,"name":"R","dids":["1"]}]}]}`, `{"list":{}}`, `[{"time":1,"value":"[12.3]"}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, raw []byte) {
		list, fields, err := rows(raw, "homelist", "list")
		if err == nil {
			r := reader{nil, newClient("12345", "", session{}, time.Time{}), "de", &regionList{rooms: map[string]place{}, devices: map[string]Device{}}, false}
			for _, one := range list {
				r.home(one)
			}
			_ = field(fields, "max_id")
		}
		_, _ = samples(raw)
	})
}

func FuzzRedirect(f *testing.F) {
	for _, seed := range []string{"https://sts.api.io.mi.com/sts", "//evil.example/x", "file:///etc/passwd", "http://127.0.0.1/", "https://xiaomi.com@evil.example", "/pass/x", "https://account.xiaomi.com.evil.example/", "https://evilxiaomi.com"} {
		f.Add(seed)
	}
	h, err := newHosts(Hosts{}, AllRegions())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, address string) {
		u, err := h.lead(h.bases[accountHost], address)
		if err != nil {
			return
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Scheme != "https" || !below(again.Hostname(), ours) || again.User != nil {
			t.Fatalf("%q leads to %q", address, u)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add(`{"ssecurity":"AAECAwQFBgcICQoLDA0ODw=="}`, "passToken=V1:x; Domain=.xiaomi.com; Path=/")
	f.Fuzz(func(_ *testing.T, pragma, cookie string) {
		p := page{header: http.Header{"Extension-Pragma": {pragma}, "Set-Cookie": {cookie}}}
		_ = p.session()
		j := &jar{}
		u := &url.URL{Scheme: "https", Host: "account.xiaomi.com"}
		j.learn(u, p.header)
		_ = j.of(u)
	})
}

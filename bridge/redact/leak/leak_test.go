package leak_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/redact/leak"
)

const (
	password = `pa+ss/w=rd&"<canary>`
	token    = "c0ffee00c0ffee11c0ffee22c0ffee33"
)

func TestEveryFormIsSeen(t *testing.T) {
	raw, err := hex.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	var page, script bytes.Buffer
	if err := template.Must(template.New("").Parse(`<a title="{{.}}">{{.}}</a>`)).Execute(&page, password); err != nil {
		t.Fatal(err)
	}
	line, _ := json.Marshal(map[string]string{"url": "/x?p=" + password})
	nested, _ := json.Marshal(string(line))
	if err := json.NewEncoder(&script).Encode(raw); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ secret, text string }{
		"itself": {password, "x " + password + " y"}, "hex": {password, fmt.Sprintf("%x", password)}, "HEX": {password, fmt.Sprintf("%X", password)}, "quoted": {password, fmt.Sprintf("%q", password)},
		"query": {password, "?a=" + url.QueryEscape(password)}, "query twice": {password, url.QueryEscape("b=" + url.QueryEscape(password))}, "path": {password, "/" + url.PathEscape(password)},
		"JSON": {password, string(line)}, "JSON in JSON": {password, string(nested)}, "HTML": {password, page.String()},
		"token": {token, "token " + token}, "bytes": {token, string(raw)}, "spaced bytes": {token, fmt.Sprintf("% x", raw)}, "numbers": {token, fmt.Sprint(raw)}, "bytes in JSON": {token, script.String()},
	} {
		if len(leak.For(tc.secret).In(tc.text)) != 1 {
			t.Errorf("%s: not seen in %q", name, tc.text)
		}
	}
	for before := range 7 {
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			for secret, bytes := range map[string]string{password: password, token: string(raw)} {
				text := e.EncodeToString([]byte(strings.Repeat("<", before) + bytes + "and more"))
				if len(leak.For(secret).In(text)) != 1 || len(leak.For(secret).In(url.QueryEscape(text))) != 1 {
					t.Errorf("base64 %d bytes in: %.4s is not seen in %q", before, secret, text)
				}
			}
		}
	}
}

func TestOrdinaryTextHasNoSecret(t *testing.T) {
	s := leak.For(password, token, "short", token)
	if found := s.In("a page of text, 00ffee00 and " + token[:12]); len(found) > 0 || s.Len() != 2 {
		t.Errorf("%d secrets, found %v", s.Len(), found)
	}
}

func TestFindingsGiveNothingAway(t *testing.T) {
	found := strings.Join(leak.For(password).In(password), "")
	if !strings.Contains(found, "itself") || strings.Contains(found, password[:6]) {
		t.Errorf("found %q", found)
	}
}

package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual"
)

// Canaries: a password that every encoding has to escape, and a device's token.
const (
	canaryPassword = `pa+ss/w=rd&"<kanarie>`
	canaryToken    = "c0ffee00c0ffee11c0ffee22c0ffee33"
)

// TestNoSecretLeavesTheBridge runs a home with everything logged, asks it for
// everything there is, and looks for its secrets in all that comes out.
func TestNoSecretLeavesTheBridge(t *testing.T) {
	t.Parallel()
	address, data, specs := freePort(t), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "specs")
	if err := os.CopyFS(specs, virtual.Specs()); err != nil {
		t.Fatal(err)
	}
	environ := []string{
		"MIHOME2MQTT_BROKER_LISTEN=" + address, "MIHOME2MQTT_BROKER_USER=me", "MIHOME2MQTT_BROKER_PASSWORD=" + canaryPassword,
		"MIHOME2MQTT_DEVICES=4711/127.0.0.1:9," + canaryToken + ",acme.plug.v1", "MIHOME2MQTT_DATA=" + data,
		"MIHOME2MQTT_LOG_LEVEL=trace", "MIHOME2MQTT_LOG_FORMAT=json", "MIHOME2MQTT_RAW_ACCESS=true", "MIHOME2MQTT_DETAIL=all",
		"MIHOME2MQTT_SPECS=" + specs, "MIHOME2MQTT_SPECS_ONLINE=false", "MIHOME2MQTT_INTERFACES=lo",
	}
	c := startChild(t, environ, "demo")
	c.until("the home is there", func() bool {
		h := health(t, environ)
		return h != nil && h["online"].(float64) >= 12
	})
	login := func(o *paho.ClientOptions) { o.SetUsername("me").SetPassword(canaryPassword) }
	e := listenTo(t, address, login)
	askEverything(t, e)
	said := map[string]string{"settings that are wrong": wrongSettings(t)}
	for _, line := range [][]string{
		{"devices", "--json"}, {"get", "460000000", "--json"}, {"capture", "460000000"}, {"set", "460000000", "no-such", canaryToken},
		{"get", "4711"},
	} {
		one := startChild(t, environ, line...)
		one.ends(60 * time.Second)
		said["mihome2mqtt "+line[0]] = one.said.String()
	}
	<-time.After(2 * time.Second) // what was ordered comes back
	said["topics"] = strings.Join(ours(e.heard()), "\n")
	c.signal(os.Interrupt)
	c.ends(10 * time.Second)
	said["log"] = c.said.String()
	secrets := append(tokensIn(t, data), canaryPassword, canaryToken)
	maps.Copy(said, filesBut(t, data, "devices.json", "devices.json.prev"))
	for where, text := range said {
		for _, secret := range secrets {
			if form := leak(text, secret); form != "" {
				t.Errorf("%s holds %s as %s", where, secret, form)
			}
		}
	}
	if len(secrets) < 15 || len(said) < 8 || len(said["topics"]) < 10_000 || len(said["log"]) < 1000 {
		t.Errorf("too little was looked at: %d secrets, %d texts, %d bytes of topics, %d of log", len(secrets), len(said), len(said["topics"]), len(said["log"]))
	}
}

// ours are the messages that the bridge has sent.
func ours(heard []string) []string {
	return slices.DeleteFunc(heard, func(m string) bool {
		topic, _, _ := strings.Cut(m, " ")
		return strings.HasPrefix(topic, "mihome2mqtt/bridge/request/") || strings.HasSuffix(topic, "/set")
	})
}

// askEverything sends every request and some orders, right and wrong ones.
func askEverything(t *testing.T, e *ear) {
	t.Helper()
	for _, verb := range []string{"devices", "health_check", "refresh", "scan", "backup", "get", "set", "action", "log_level", "rename", "nonsense"} {
		for _, payload := range []string{"", `{"id":"460000000"}`, `{"id":"460000000","key":"switch/on","value":true,"name":"` + canaryToken + `"}`, "{"} {
			if verb != "rename" || !strings.Contains(payload, "name") { // a name is shown as it is
				e.say(t, "mihome2mqtt/bridge/request/"+verb, payload)
			}
		}
	}
	e.say(t, "mihome2mqtt/460000000/switch_2/state/set", "ON")
	e.say(t, "mihome2mqtt/460000000/switch_2/state/set", "perhaps")
	e.say(t, "mihome2mqtt/4711/switch_2/state/set", "ON")
}

// wrongSettings starts with settings that stop the start, and returns the words.
func wrongSettings(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, environ := range [][]string{
		{"MIHOME2MQTT_MQTT_PASSWORD=" + canaryPassword, "MIHOME2MQTT_MQTT_PASSWORD_FILE=/dev/null"},
		{"MIHOME2MQTT_MQTT_URL=mqtt://me:" + url.QueryEscape(canaryPassword) + "@127.0.0.1:1"},
		{"MIHOME2MQTT_MQTT_URL=mqtt://me:%zz" + canaryPassword + "@127.0.0.1:1"},
		{"MIHOME2MQTT_DEVICES=127.0.0.1," + canaryToken + "ff"},
		{"MIHOME2MQTT_DEVICES=[{\"token\":\"" + canaryToken + "\",\"model\":7}]"},
		{"MIHOME2MQTT_BROKER_LISTEN=0.0.0.0:1", "MIHOME2MQTT_BROKER_PASSWORD=" + canaryPassword},
	} {
		c := startChild(t, environ)
		if code := c.ends(20 * time.Second); code != exitWrongUse {
			t.Errorf("%q ended with %d: %s", environ, code, &c.said)
		}
		all.WriteString(c.said.String())
	}
	return all.String()
}

// tokensIn returns the tokens that the data folder keeps.
func tokensIn(t *testing.T, data string) (tokens []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "devices.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(text), `"Token":"`) {
		if token, _, ok := strings.Cut(part, `"`); ok && i > 0 && token != "" {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// filesBut returns the content of the files of a folder, some left out, and holds
// every one of them to its mode.
func filesBut(t *testing.T, folder string, without ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if err == nil && st.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, st.Mode().Perm(), want)
		}
		if d.IsDir() || slices.Contains(without, d.Name()) {
			return err
		}
		text, err := os.ReadFile(name)
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// leak returns the form in which text holds a secret; "" is none.
func leak(text, secret string) string {
	for name, form := range formsOf(secret) {
		if strings.Contains(text, form) {
			return name
		}
	}
	if raw, err := hex.DecodeString(secret); err == nil {
		for name, form := range formsOf(string(raw)) {
			if strings.Contains(text, form) {
				return name + " of its bytes"
			}
		}
	}
	return ""
}

func formsOf(secret string) map[string]string {
	quoted, _ := json.Marshal(secret) // text always encodes
	forms := map[string]string{
		"itself": secret, "hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"spaced hex": fmt.Sprintf("% x", secret), "numbers": strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "query twice": url.QueryEscape(url.QueryEscape(secret)),
		"JSON": string(quoted[1 : len(quoted)-1]), "quoted": strings.Trim(strconv.Quote(secret), `"`), "HTML": html.EscapeString(secret),
	}
	for offset := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64 for URLs": base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte("ab"[:offset] + secret))
			forms[fmt.Sprint(name, " at ", offset)] = text[2*offset-offset/2 : len(text)-1]
		}
	}
	return forms
}

// TestLeakSeesEveryForm keeps the search above honest.
func TestLeakSeesEveryForm(t *testing.T) {
	raw, _ := hex.DecodeString(canaryToken)
	for _, tc := range []struct{ secret, text string }{
		{canaryPassword, "x " + canaryPassword},
		{canaryPassword, fmt.Sprintf("%x", canaryPassword)},
		{canaryPassword, fmt.Sprintf("%q", canaryPassword)},
		{canaryPassword, "?a=" + url.QueryEscape(canaryPassword)},
		{canaryPassword, base64.StdEncoding.EncodeToString([]byte(canaryPassword))},
		{canaryPassword, base64.StdEncoding.EncodeToString([]byte("a" + canaryPassword + "c"))},
		{canaryPassword, base64.URLEncoding.EncodeToString([]byte("ab" + canaryPassword + "c"))},
		{canaryToken, "token " + canaryToken},
		{canaryToken, fmt.Sprintf("% x", raw)},
		{canaryToken, fmt.Sprint(raw)},
		{canaryToken, base64.StdEncoding.EncodeToString(raw)},
		{canaryToken, string(raw)},
	} {
		if leak(tc.text, tc.secret) == "" {
			t.Errorf("%q is not seen in %q", tc.secret, tc.text)
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/redact/leak"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// Canaries: a password that every encoding has to escape, and a device's token.
const (
	canaryPassword = `pa+ss/w=rd&"<kanarie>`
	canaryToken    = "c0ffee00c0ffee11c0ffee22c0ffee33"
	canaryKey      = "a passphrase of the data folder"
)

// TestNoSecretLeavesTheBridge runs a home with everything logged, asks it for
// everything there is, and looks for its secrets in all that comes out.
func TestNoSecretLeavesTheBridge(t *testing.T) {
	t.Parallel()
	address, pages, data, specs := freePort(t), freePort(t), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "specs")
	if err := os.CopyFS(specs, miio.Specs()); err != nil {
		t.Fatal(err)
	}
	environ := []string{
		"MIHOME2MQTT_BROKER_LISTEN=" + address, "MIHOME2MQTT_BROKER_USER=me", "MIHOME2MQTT_BROKER_PASSWORD=" + canaryPassword,
		"MIHOME2MQTT_DEVICES=4711/127.0.0.1:9," + canaryToken + ",acme.plug.v1", "MIHOME2MQTT_DATA=" + data, "MIHOME2MQTT_WEB_LISTEN=" + pages, "MIHOME2MQTT_CLOUD=true",
		"MIHOME2MQTT_LOG_LEVEL=trace", "MIHOME2MQTT_LOG_FORMAT=json", "MIHOME2MQTT_RAW_ACCESS=true", "MIHOME2MQTT_DETAIL=all",
		"MIHOME2MQTT_SPECS=" + specs, "MIHOME2MQTT_SPECS_ONLINE=false", "MIHOME2MQTT_INTERFACES=lo", "MIHOME2MQTT_DATA_KEY=" + canaryKey,
	}
	c := startChild(t, environ, "demo")
	c.until("the home is there", func() bool {
		h := health(t, environ)
		return h != nil && h["online"].(float64) >= 45 // those of the cloud too
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
	maps.Copy(said, everyPage(t, "http://"+pages+"/"))
	said["topics"] = strings.Join(ours(e.heard()), "\n")
	c.signal(os.Interrupt)
	c.ends(10 * time.Second)
	said["log"] = c.said.String()
	secrets := append(tokensIn(t, data), canaryPassword, canaryToken, canaryKey, virtual.RouterPassword.Reveal(), cloud.Password.Reveal())
	maps.Copy(said, filesIn(t, data))
	search := leak.For(secrets...)
	for where, text := range said {
		for _, found := range search.In(text) {
			t.Errorf("%s holds %s", where, found)
		}
	}
	if search.Len() < 30 || len(said) < 250 || len(said["topics"]) < 10_000 || len(said["log"]) < 1000 {
		t.Errorf("too little was looked at: %d secrets, %d texts, %d bytes of topics, %d of log", search.Len(), len(said), len(said["topics"]), len(said["log"]))
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

// everyPage returns every page, every answer of the API and what is told live.
func everyPage(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	get := func(path string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, root+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil && path != events || res.StatusCode != http.StatusOK {
			t.Errorf("/%s: %d, %v", path, res.StatusCode, err)
		}
		all["/"+path] = string(body)
		return string(body)
	}
	var list struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(get("api/v1/devices?limit=500")), &list); err != nil {
		t.Fatal(err)
	}
	for _, d := range list.Items {
		for _, path := range []string{"devices/%s", "devices/%s/report", "api/v1/devices/%s", "api/v1/devices/%s/report"} {
			get(fmt.Sprintf(path, url.PathEscape(d.ID)))
		}
	}
	for _, path := range []string{
		"", "devices", "routes", "problems", "logs?level=trace", "settings", "more", "about", "about/report", "about/report?names", "login", "metrics", "healthz", events,
		"api/v1/status", "api/v1/routes", "api/v1/problems", "api/v1/logs?level=trace&limit=500", "api/v1/settings", "api/v1/accounts", "api/v1/login", "api/v1/report", "api/v1/openapi.json",
	} {
		get(path)
	}
	return all
}

const events = "api/v1/events?topics=devices,problems,overview,logs,login&did=460000000"

// tokensIn returns the secrets that the data folder keeps, sealed: keys of devices,
// and what the account's session is made of.
func tokensIn(t *testing.T, data string) (tokens []string) {
	t.Helper()
	key := sealed.NewKey(canaryKey, nil)
	for name, secret := range map[string]*regexp.Regexp{
		"device-tokens.json":   regexp.MustCompile(`:"([^"]+)"`),
		"account/session.json": regexp.MustCompile(`(?i)"(?:service_?token|pass_?token|ssecurity|psecurity)":"([^"]+)"`),
		"account/homes.json":   regexp.MustCompile(`(?i)"(?:token|beacon_?key)":"([^"]+)"`),
	} {
		raw, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		text, err := key.Decode(raw)
		if err != nil {
			t.Fatal(name, err)
		}
		found := secret.FindAllSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("%s holds no secret: %.300s", name, text)
		}
		for _, m := range found {
			tokens = append(tokens, string(m[1]))
		}
	}
	return tokens
}

// filesIn returns the content of the files of a folder, and holds every one of them
// to its mode.
func filesIn(t *testing.T, folder string) map[string]string {
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
		if d.IsDir() {
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

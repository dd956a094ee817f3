package config

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// supervisor answers like the Supervisor's services API; the dialer leads every
// host to it.
func supervisor(t *testing.T, status int, body string) DialContext {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "supervisor" || r.URL.Path != "/services/mqtt" || r.Header.Get("Authorization") != "Bearer secret-token" {
			t.Errorf("asked %s %s with %q", r.Host, r.URL.Path, r.Header.Get("Authorization"))
		}
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, server.Listener.Addr().String())
	}
}

var inApp = []string{"SUPERVISOR_TOKEN=secret-token"}

func TestAppTakesOptionsAndBroker(t *testing.T) {
	dial := supervisor(t, 200, `{"result":"ok","data":{"host":"core-mosquitto","port":8883,"ssl":true,"username":"addons","password":"pw"}}`)
	read := files(map[string]string{optionsFile: `{"log_level":"debug","areas":true,"poll":null,"include":["zhimi.*","Kitchen"]}`})
	environ, err := App(t.Context(), append(inApp, "MIHOME2MQTT_LOG_LEVEL=warn"), read, dial)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(environ, noFiles)
	if err != nil {
		t.Fatal(err)
	}
	if c.MQTT.URL != "mqtts://core-mosquitto:8883" || c.MQTT.User != "addons" || c.MQTT.Password.Reveal() != "pw" {
		t.Errorf("broker = %+v", c.MQTT)
	}
	if c.LogLevel != "warn" || !c.Areas || !slices.Equal(c.Include, []string{"zhimi.*", "Kitchen"}) {
		t.Errorf("options = %q %v %q; a variable goes before an option", c.LogLevel, c.Areas, c.Include)
	}
}

func TestAppWithBrokerOfTheUserAsksNobody(t *testing.T) {
	read := files(map[string]string{optionsFile: `{"mqtt_url":"mqtt://mine:1883"}`})
	environ, err := App(t.Context(), inApp, read, nil)
	if err != nil || Lookup(environ, "MIHOME2MQTT_MQTT_URL") != "mqtt://mine:1883" {
		t.Errorf("got %q, %v", environ, err)
	}
}

func TestAppSaysWhyThereIsNoBroker(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"not installed", 400, `{"result":"error"}`, "it answers 400 Bad Request"},
		{"no host", 200, `{"data":{}}`, "it names no broker"},
		{"no JSON", 200, `<html>`, "its answer is not JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := App(t.Context(), inApp, noFiles, supervisor(t, tc.status, tc.body))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "Install the Mosquitto broker app") {
				t.Errorf("got %v, want %q and what to do", err, tc.want)
			}
		})
	}
}

func TestAppRefusesBrokenOptions(t *testing.T) {
	_, err := App(t.Context(), inApp, files(map[string]string{optionsFile: "{"}), nil)
	if err == nil || !strings.Contains(err.Error(), "/data/options.json is not JSON") {
		t.Errorf("got %v", err)
	}
}

func TestElsewhereNothingChanges(t *testing.T) {
	environ, err := App(t.Context(), []string{"A=b"}, noFiles, nil)
	if err != nil || !slices.Equal(environ, []string{"A=b"}) {
		t.Errorf("got %q, %v", environ, err)
	}
}

package config

import (
	"strings"
	"testing"
)

func TestPagesNeedARealPassword(t *testing.T) {
	for _, tc := range []struct{ name, env, want string }{
		{"short password", "WEB_PASSWORD=short", "MIHOME2MQTT_WEB_PASSWORD is too short"},
		{"short token", "API_TOKEN=0123456789", "MIHOME2MQTT_API_TOKEN is too short"},
		{"no port", "WEB_LISTEN=127.0.0.1", "MIHOME2MQTT_WEB_LISTEN cannot be"},
		{"prefix", "WEB_PREFIX=mihome/", "MIHOME2MQTT_WEB_PREFIX cannot be"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load([]string{Prefix + tc.env}, noFiles)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestShowHidesSecretsAndTellsWhereFrom(t *testing.T) {
	environ := []string{"MIHOME2MQTT_MQTT_PASSWORD_FILE=/run/p", "MIHOME2MQTT_INCLUDE=a,b"}
	after := WithDefaults(environ, map[string]string{Prefix + "DETAIL": "all"})
	c, err := Load(after, files(map[string]string{"/run/p": "hunter2hunter2"}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Shown{}
	for _, s := range c.Show(Origins(environ, after)) {
		got[s.Variable] = s
	}
	for variable, want := range map[string][2]string{
		"MQTT_PASSWORD": {"set, 14 characters", FromFile},
		"INCLUDE":       {"a, b", FromEnvironment},
		"DETAIL":        {"all", FromApp},
		"POLL":          {"30s", FromDefault},
		"DISCOVERY":     {"homeassistant device", FromDefault},
		"API_TOKEN":     {"", FromDefault},
	} {
		if s := got[Prefix+variable]; s.Value != want[0] || s.From != want[1] {
			t.Errorf("%s = %q from %q, want %q from %q", variable, s.Value, s.From, want[0], want[1])
		}
	}
}

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func noFiles(name string) ([]byte, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func files(all map[string]string) ReadFile {
	return func(name string) ([]byte, error) {
		text, ok := all[name]
		if !ok {
			return noFiles(name)
		}
		return []byte(text), nil
	}
}

func TestLoadDefaults(t *testing.T) {
	c, err := Load([]string{"PATH=/bin", "MIHOME2MQTT_LOG_LEVEL="}, noFiles)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Broker:    Broker{Listen: "127.0.0.1:1883"},
		Web:       Web{Listen: "127.0.0.1:8099"},
		BaseTopic: "mihome2mqtt", Discovery: Announcements{{"homeassistant", DeviceForm}},
		Language: "en", Detail: "normal", Data: "data", SpecsOnline: true, Cloud: true, YeelightLAN: true, Energy: true,
		Poll: 30 * time.Second, PollFast: 2 * time.Second, PollSlow: 5 * time.Minute, OrderTimeout: 10 * time.Second,
		Gone:      Gone{WiFi: time.Minute, Zigbee: 35 * time.Minute, ZigbeeBattery: 170 * time.Minute, BLE: 65 * time.Minute, Mesh: 50 * time.Minute},
		AwayAfter: 3 * time.Minute, BLE: BLE{MQTT: "home/+/BTtoMQTT/#", BlueZ: "auto"}, NinebotPoll: 5 * time.Minute, MotionClear: 90 * time.Second,
		Forbid: Forbidden{"unlock"}, LogLevel: "info", LogFormat: "text",
	}
	if diff := cmp.Diff(want, *c, cmp.AllowUnexported(Config{})); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestLoadReadsEverySetting(t *testing.T) {
	c, err := Load([]string{
		"MIHOME2MQTT_MQTT_URL=mqtts://broker.lan:8883", "MIHOME2MQTT_MQTT_USER=bridge", "MIHOME2MQTT_MQTT_PASSWORD_FILE=/run/secrets/mqtt",
		"MIHOME2MQTT_MQTT_INSECURE=true",
		"MIHOME2MQTT_DISCOVERY=homeassistant:device, domoticz:single", "MIHOME2MQTT_INCLUDE=zhimi.*, Living room,",
		"MIHOME2MQTT_POLL=1m", "MIHOME2MQTT_GONE_BLE=2h", "MIHOME2MQTT_DETAIL=all", "MIHOME2MQTT_LANGUAGE=zh-Hans",
	}, files(map[string]string{"/run/secrets/mqtt": "hunter2hunter2\n"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.MQTT.Password.Reveal(); got != "hunter2hunter2" {
		t.Errorf("password from file = %q", got)
	}
	if diff := cmp.Diff(Announcements{{"homeassistant", DeviceForm}, {"domoticz", SingleForm}}, c.Discovery); diff != "" {
		t.Errorf("discovery:\n%s", diff)
	}
	if diff := cmp.Diff(List{"zhimi.*", "Living room"}, c.Include); diff != "" {
		t.Errorf("include:\n%s", diff)
	}
	if c.Poll != time.Minute || c.Gone.BLE != 2*time.Hour || !c.MQTT.Insecure || c.Detail != "all" {
		t.Errorf("got %+v", c)
	}
}

const aToken = "00112233445566778899aabbccddeeff"

func TestLoadNamesWhatIsWrong(t *testing.T) {
	for _, tc := range []struct{ name, env, want string }{
		{"unknown", "MQTT_UR=x", "MIHOME2MQTT_MQTT_UR is not a setting. Nearest: MIHOME2MQTT_MQTT_URL"},
		{"file of no secret", "BASE_TOPIC_FILE=x", "MIHOME2MQTT_BASE_TOPIC_FILE is not a setting. Nearest: MIHOME2MQTT_BASE_TOPIC"},
		{"bool", "AREAS=maybe", `MIHOME2MQTT_AREAS cannot be "maybe". It can be: true, false`},
		{"word", "LOG_LEVEL=loud", `MIHOME2MQTT_LOG_LEVEL cannot be "loud". It can be: trace, debug, info, warn, error`},
		{"duration", "POLL=30", `MIHOME2MQTT_POLL cannot be "30". It is a time with its unit, such as 500ms, 30s, 5m or 2h`},
		{"short", "POLL=1ms", `MIHOME2MQTT_POLL cannot be "1ms". It can be from 1s to 24h`},
		{"long", "GONE_WIFI=200h", `MIHOME2MQTT_GONE_WIFI cannot be "200h0m0s". It can be from 10s to 168h`},
		{"form", "DISCOVERY=homeassistant:devices", `MIHOME2MQTT_DISCOVERY cannot be "homeassistant:devices". "homeassistant:devices" is not prefix:device or prefix:single, such as homeassistant:device,domoticz:single; off announces nothing`},
		{"prefix twice", "DISCOVERY=ha:device,ha:single", `MIHOME2MQTT_DISCOVERY cannot be "ha:device,ha:single". The prefix "ha" stands there twice, so everything would be announced twice; name each prefix once`},
		{"forbidden", "FORBID=unlock,fly", `MIHOME2MQTT_FORBID cannot be "unlock,fly". "fly" is none of unlock, alarm, gate, gas, cook, stop, erase, update, restart, remove; off forbids none`},
		{"base topic", "BASE_TOPIC=a/#", `MIHOME2MQTT_BASE_TOPIC cannot be "a/#". It is a topic without spaces, +, #, $ and without a slash at its ends, such as mihome2mqtt`},
		{"base is prefix", "BASE_TOPIC=homeassistant", `MIHOME2MQTT_BASE_TOPIC cannot be "homeassistant". Devices are announced under that prefix; choose another one`},
		{"language", "LANGUAGE=english!", `MIHOME2MQTT_LANGUAGE cannot be "english!". It is the code of a language, such as en, de or zh`},
		{"scheme", "MQTT_URL=http://x:1", `MIHOME2MQTT_MQTT_URL cannot be "http://x:1". It is a URL such as mqtt://192.168.1.5:1883; mqtts, ws and wss work too`},
		{"password in URL", "MQTT_URL=mqtt://me:canary@x:1", "MIHOME2MQTT_MQTT_URL holds a user. Write it to MIHOME2MQTT_MQTT_USER and the password to MIHOME2MQTT_MQTT_PASSWORD"},
		{"broken URL with password", "MQTT_URL=mqtt://me:canary@x:%zz", "MIHOME2MQTT_MQTT_URL is not a URL. It is one such as mqtt://192.168.1.5:1883, without a user"},
		{"certificate authority", "MQTT_CA=/gone", `MIHOME2MQTT_MQTT_CA names "/gone", which cannot be read: open /gone: file does not exist`},
		{"certificate without key", "MQTT_CERT=/c.pem", "MIHOME2MQTT_MQTT_CERT and MIHOME2MQTT_MQTT_KEY belong together. Set both or none"},
		{"listen", "BROKER_LISTEN=1883", `MIHOME2MQTT_BROKER_LISTEN cannot be "1883". It is an address with a port, such as 127.0.0.1:1883`},
		{"port of the broker", "MQTT_URL=mqtt://x:99999", `MIHOME2MQTT_MQTT_URL cannot be "mqtt://x:99999". It is a URL such as mqtt://192.168.1.5:1883; mqtts, ws and wss work too`},
		{"port of our broker", "BROKER_LISTEN=127.0.0.1:70000", `MIHOME2MQTT_BROKER_LISTEN cannot be "127.0.0.1:70000". It is an address with a port, such as 127.0.0.1:1883`},
		{"port of the pages", "WEB_LISTEN=127.0.0.1:http", `MIHOME2MQTT_WEB_LISTEN cannot be "127.0.0.1:http". It is an address with a port, such as 127.0.0.1:8099, or off`},
		{"open broker", "BROKER_LISTEN=0.0.0.0:1883", "MIHOME2MQTT_BROKER_LISTEN opens the broker to your network. Set MIHOME2MQTT_BROKER_USER and MIHOME2MQTT_BROKER_PASSWORD (12 characters at least), or use 127.0.0.1:1883"},
		{"user alone", "BROKER_USER=me", "MIHOME2MQTT_BROKER_USER and MIHOME2MQTT_BROKER_PASSWORD belong together. Set both or none"},
		{"device token", "DEVICES=192.168.1.20,canary", "MIHOME2MQTT_DEVICES: entry 1: its token is not right; a token has 32 hexadecimal digits"},
		{"secret file", "MQTT_PASSWORD_FILE=/gone", `MIHOME2MQTT_MQTT_PASSWORD_FILE names "/gone", which cannot be read: open /gone: file does not exist`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load([]string{Prefix + tc.env}, noFiles)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Error("the error shows a secret")
			}
		})
	}
}

func TestShortPasswordOfOurBrokerIsNamed(t *testing.T) {
	_, err := Load([]string{"MIHOME2MQTT_BROKER_USER=me", "MIHOME2MQTT_BROKER_PASSWORD=canary"}, noFiles)
	if want := "MIHOME2MQTT_BROKER_PASSWORD is too short: it takes 12 characters at least"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMistakeInAFileNamesItsVariable(t *testing.T) {
	read := func(string) ([]byte, error) { return []byte("192.168.1.20"), nil }
	_, err := Load([]string{"MIHOME2MQTT_DEVICES_FILE=/list", "MIHOME2MQTT_ROUTERS_FILE=/list"}, read)
	for _, want := range []string{"MIHOME2MQTT_DEVICES_FILE: entry 1: ", "MIHOME2MQTT_ROUTERS_FILE: entry 1: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestNothingNeedBeForbidden(t *testing.T) {
	c, err := Load([]string{"MIHOME2MQTT_FORBID=off"}, noFiles)
	if err != nil || len(c.Forbid) != 0 {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestLoadTellsAllMistakesAtOnce(t *testing.T) {
	_, err := Load([]string{"MIHOME2MQTT_POLL=x", "MIHOME2MQTT_AREAS=y"}, noFiles)
	if err == nil || len(strings.Split(err.Error(), "\n")) != 2 {
		t.Errorf("want two lines, got %v", err)
	}
}

func TestSecretTwiceIsRefused(t *testing.T) {
	_, err := Load([]string{"MIHOME2MQTT_MQTT_PASSWORD=a", "MIHOME2MQTT_MQTT_PASSWORD_FILE=b"}, noFiles)
	want := "MIHOME2MQTT_MQTT_PASSWORD and MIHOME2MQTT_MQTT_PASSWORD_FILE are both set. Keep one of them"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSecretsListsPasswordsAndTokens(t *testing.T) {
	c, err := Load([]string{"MIHOME2MQTT_MQTT_PASSWORD=open sesame", "MIHOME2MQTT_DEVICES=192.168.1.2," + aToken}, noFiles)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range c.Secrets() {
		got = append(got, s.Reveal())
	}
	if diff := cmp.Diff([]string{aToken, "open sesame", "192.168.1.2," + aToken}, got); diff != "" {
		t.Error(diff)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "sesame") {
		t.Errorf("a printed Config shows a secret: %s", text)
	}
}

func TestEverySettingHasOneLineAndKnownLimits(t *testing.T) {
	for _, s := range Settings() {
		if s.Text == "" || !strings.HasSuffix(s.Text, ".") || len(s.Text) > 220 {
			t.Errorf("%s: doc line %q", s.Variable, s.Text)
		}
	}
	defaults, err := Load(nil, noFiles)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range settings() {
		if err := f.check(reflect.ValueOf(*defaults).FieldByIndex(f.index)); err != nil {
			t.Errorf("default: %v", err)
		}
	}
}

func TestWrongLimitPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("limit took a tag that is no duration")
		}
	}()
	limit("soon")
}

func TestReadErrorOfOptionsIsKept(t *testing.T) {
	broken := errors.New("input/output error")
	_, err := App(t.Context(), []string{"SUPERVISOR_TOKEN=t"}, func(string) ([]byte, error) { return nil, broken }, nil)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

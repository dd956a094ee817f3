package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The Home Assistant app: where its options stand and who tells about the broker.
const (
	optionsFile     = "/data/options.json"
	supervisorToken = "SUPERVISOR_TOKEN"
	supervisorMQTT  = "http://supervisor/services/mqtt"
	supervisorWait  = 10 * time.Second
)

// DialContext opens a stream, as net.Dialer.DialContext does.
type DialContext func(ctx context.Context, network, address string) (net.Conn, error)

// App completes environ when the bridge runs as a Home Assistant app: options of
// the app and the broker that the Supervisor knows become variables. What is set
// already stays. Elsewhere environ is returned as it is.
func App(ctx context.Context, environ []string, read ReadFile, dial DialContext) ([]string, error) {
	token := Lookup(environ, supervisorToken)
	if token == "" {
		return environ, nil
	}
	options, err := appOptions(read)
	if err != nil {
		return nil, err
	}
	environ = WithDefaults(WithDefaults(environ, options), appPages())
	if Lookup(environ, Prefix+"MQTT_URL") != "" {
		return environ, nil
	}
	broker, err := supervisorBroker(ctx, token, dial)
	if err != nil {
		return nil, fmt.Errorf("config: the Supervisor's MQTT service: %w. Install the Mosquitto broker app, or set mqtt_url in the options", err)
	}
	return WithDefaults(environ, broker), nil
}

// appPages are the settings of the pages inside Home Assistant, which reaches them
// by the port that config.yaml of the app names.
func appPages() map[string]string {
	return map[string]string{Prefix + "WEB_LISTEN": ":8099", Prefix + "WEB_INGRESS": "true"}
}

// WithDefaults returns environ with the variables of defaults (full name to
// value) that it does not set.
func WithDefaults(environ []string, defaults map[string]string) []string {
	out := slices.Clone(environ)
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		if Lookup(out, name) == "" && Lookup(out, name+"_FILE") == "" {
			out = append(out, name+"="+defaults[name])
		}
	}
	return out
}

// Lookup returns the value of a variable in environ, "" when it is not set. The
// last one counts, as for the system.
func Lookup(environ []string, name string) string {
	value := ""
	for _, pair := range environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// appOptions reads the app's options: names are those of the variables, in lower
// case and without prefix.
func appOptions(read ReadFile) (map[string]string, error) {
	text, err := read(optionsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("config: app options: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var raw map[string]any
	if err := dec.Decode(&raw); err != nil {
		return nil, fmt.Errorf("config: app options: %s is not JSON: %w", optionsFile, err)
	}
	out := map[string]string{}
	for name, value := range raw {
		if text := optionText(value); text != "" {
			out[Prefix+strings.ToUpper(name)] = text
		}
	}
	return out, nil
}

func optionText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case []any:
		words := make([]string, len(value))
		for i := range value {
			words[i] = optionText(value[i])
		}
		return strings.Join(words, ",")
	}
	return fmt.Sprint(value)
}

// service is what the Supervisor tells about a broker.
type service struct {
	Data struct {
		Host     string `json:"host"`
		Port     int    `json:"port"`
		SSL      bool   `json:"ssl"`
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"data"`
}

func supervisorBroker(ctx context.Context, token string, dial DialContext) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, supervisorWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, supervisorMQTT, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	var s service
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&s); err != nil {
		return nil, fmt.Errorf("its answer is not JSON: %w", err)
	}
	return s.variables()
}

func (s service) variables() (map[string]string, error) {
	if s.Data.Host == "" {
		return nil, errors.New("it names no broker")
	}
	scheme := "mqtt"
	if s.Data.SSL {
		scheme = "mqtts"
	}
	return map[string]string{
		Prefix + "MQTT_URL":      scheme + "://" + net.JoinHostPort(s.Data.Host, strconv.Itoa(s.Data.Port)),
		Prefix + "MQTT_USER":     s.Data.Username,
		Prefix + "MQTT_PASSWORD": s.Data.Password,
	}, nil
}

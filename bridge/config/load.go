package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// ReadFile returns the content of a file that a setting names.
type ReadFile func(name string) ([]byte, error)

// Load reads the settings from environ, which has the form of os.Environ. The
// error joins one sentence for each wrong variable; it never holds a secret. An empty variable counts as not set.
func Load(environ []string, read ReadFile) (*Config, error) {
	vars := own(environ)
	fields := settings()
	filed, err := secretsFromFiles(vars, fields, read)
	if err := errors.Join(unknown(vars, fields), err); err != nil {
		return nil, err
	}
	if err := eachAlone(vars, fields); err != nil {
		return nil, err
	}
	c := Config{filed: filed}
	if err := errors.Join(parse(&c, vars), c.check()); err != nil {
		return nil, err
	}
	_, mqtt := c.MQTT.Certificates(read)
	_, broker := c.Broker.Certificates(read)
	if err := errors.Join(mqtt, broker); err != nil {
		return nil, err
	}
	return &c, nil
}

func parse(c *Config, vars map[string]string) error {
	return env.ParseWithOptions(c, env.Options{Environment: vars, Prefix: Prefix})
}

// own returns the variables of environ that are meant for the bridge.
func own(environ []string) map[string]string {
	vars := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, Prefix) && value != "" {
			vars[name] = value
		}
	}
	return vars
}

// unknown complains about variables that are no setting.
func unknown(vars map[string]string, fields []field) error {
	var names []string
	for _, f := range fields {
		names = append(names, f.variable)
		if f.secret() {
			names = append(names, f.variable+"_FILE")
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("%s is not a setting. Nearest: %s", name, nearest(name, names)))
		}
	}
	return errors.Join(errs...)
}

// secretsFromFiles replaces every …_FILE variable by the content of its file, and
// returns which ones those were.
func secretsFromFiles(vars map[string]string, fields []field, read ReadFile) (filed map[string]bool, _ error) {
	var errs []error
	for _, f := range fields {
		name := f.variable + "_FILE"
		file, ok := vars[name]
		if !f.secret() || !ok {
			continue
		}
		if _, twice := vars[f.variable]; twice {
			errs = append(errs, fmt.Errorf("%s and %s are both set. Keep one of them", f.variable, name))
			continue
		}
		text, err := read(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s names %q, which cannot be read: %w", name, file, err))
			continue
		}
		delete(vars, name)
		vars[f.variable] = strings.TrimSpace(string(text))
		if filed == nil {
			filed = map[string]bool{}
		}
		filed[f.variable] = true
	}
	return filed, errors.Join(errs...)
}

// eachAlone reads every variable by itself, to tell which ones are wrong.
func eachAlone(vars map[string]string, fields []field) error {
	var errs []error
	for _, f := range fields {
		value, ok := vars[f.variable]
		if !ok {
			continue
		}
		var c Config
		if err := parse(&c, map[string]string{f.variable: value}); err != nil {
			errs = append(errs, f.wrong(value, f.want(err)))
			continue
		}
		errs = append(errs, f.check(reflect.ValueOf(c).FieldByIndex(f.index)))
	}
	return errors.Join(errs...)
}

// Secrets returns every secret among the settings, for the masking writer.
func (c *Config) Secrets() []mi.Secret {
	var out []mi.Secret
	known, _ := c.KnownDevices() // Load has checked them
	for _, d := range known {
		out = append(out, d.Token)
	}
	routers, _ := c.RouterList()
	for _, r := range routers {
		out = append(out, r.Password)
	}
	out = slices.Concat(out, c.gatewayKeys(), c.bluetoothSecrets(), c.accountSecrets())
	v := reflect.ValueOf(c).Elem()
	for _, f := range settings() {
		if s, ok := reflect.TypeAssert[mi.Secret](v.FieldByIndex(f.index)); ok && s != "" {
			out = append(out, s)
		}
	}
	return out
}

// nearest returns the name that takes the fewest edits.
func nearest(name string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
}

// distance is the number of single-letter edits between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

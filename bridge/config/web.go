package config

import (
	"fmt"
	"net"
	"reflect"
	"regexp"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Off is the address of the pages for those who want none.
const Off = "off"

const (
	leastWebPassword = 12
	leastAPIToken    = 20
)

var prefixShape = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

func (c *Config) checkWeb() error {
	w := &c.Web
	_, port, err := net.SplitHostPort(w.Listen)
	if w.Listen != Off && (err != nil || !portNumber(port)) {
		return wrong("WEB_LISTEN", w.Listen, "It is an address with a port, such as 127.0.0.1:8099, or off")
	}
	if n := len(w.Password); n > 0 && n < leastWebPassword {
		return fmt.Errorf("%sWEB_PASSWORD is too short: it takes %d characters at least", Prefix, leastWebPassword)
	}
	if n := len(c.APIToken); n > 0 && n < leastAPIToken {
		return fmt.Errorf("%sAPI_TOKEN is too short: it takes %d characters at least", Prefix, leastAPIToken)
	}
	if w.Prefix != "" && !prefixShape.MatchString(w.Prefix) {
		return wrong("WEB_PREFIX", w.Prefix, "It is a path such as /mihome, without a slash at its end")
	}
	return nil
}

// Shown is one setting as it holds, for people.
type Shown struct {
	Setting
	Value string // of a secret only how long it is
	From  string // where it was set, a word of Origins; "default" when nowhere
}

// The places where a setting can come from.
const (
	FromDefault     = "default"
	FromEnvironment = "environment"
	FromFile        = "file"
	FromApp         = "app options"
)

// Origins tells where each variable of environ, which has the form of os.Environ,
// was set. after is environ as App has completed it.
func Origins(environ, after []string) map[string]string {
	from := map[string]string{}
	for _, f := range settings() {
		switch {
		case Lookup(environ, f.variable) != "":
			from[f.variable] = FromEnvironment
		case f.secret() && Lookup(environ, f.variable+"_FILE") != "":
			from[f.variable] = FromFile
		case Lookup(after, f.variable) != "":
			from[f.variable] = FromApp
		}
	}
	return from
}

// Show lists every setting as it holds. from comes from Origins.
func (c *Config) Show(from map[string]string) []Shown {
	all := Settings()
	out := make([]Shown, len(all))
	v := reflect.ValueOf(c).Elem()
	for i, f := range settings() {
		out[i] = Shown{Setting: all[i], Value: shown(v.FieldByIndex(f.index)), From: from[f.variable]}
		if out[i].From == "" {
			out[i].From = FromDefault
		}
	}
	return out
}

// shown writes a value as people read it.
func shown(v reflect.Value) string {
	if s, ok := reflect.TypeAssert[mi.Secret](v); ok {
		if s == "" {
			return ""
		}
		return fmt.Sprintf("set, %d characters", len(s))
	}
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface())
	}
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = strings.Trim(fmt.Sprint(v.Index(i).Interface()), "{}")
	}
	return strings.Join(parts, ", ")
}

// URL returns the address of the pages for a browser on this machine; "" when there
// are none.
func (w *Web) URL() string {
	host, port, err := net.SplitHostPort(w.Listen)
	if w.Listen == Off || err != nil {
		return ""
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + w.Prefix + "/"
}

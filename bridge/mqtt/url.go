package mqtt

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// address is where a broker is and how to talk to it.
type address struct {
	host      string // host:port
	name      string // host, for the certificate
	path      string // of a WebSocket
	tls       bool
	webSocket bool
}

// parseURL reads mqtt://, mqtts://, ws:// and wss:// and their older spellings.
func parseURL(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return address{}, fmt.Errorf("mqtt: address %q is not of the form mqtt://host:1883", redactURL(text))
	}
	if u.User != nil {
		return address{}, fmt.Errorf("mqtt: address %q holds a user name; give user and password as settings of their own", redactURL(text))
	}
	a := address{name: u.Hostname(), path: u.RequestURI()}
	port := ""
	switch strings.ToLower(u.Scheme) {
	case "mqtt", "tcp":
		port = "1883"
	case "mqtts", "ssl", "tls":
		port, a.tls = "8883", true
	case "ws":
		port, a.webSocket = "80", true
	case "wss":
		port, a.tls, a.webSocket = "443", true, true
	default:
		return address{}, fmt.Errorf("mqtt: address %q begins with none of mqtt://, mqtts://, ws:// and wss://", redactURL(text))
	}
	if u.Port() != "" {
		port = u.Port()
	}
	a.host = net.JoinHostPort(a.name, port)
	return a, nil
}

// redactURL hides what may be a password before the host.
func redactURL(text string) string {
	if i := strings.LastIndex(text, "@"); i >= 0 {
		scheme, _, _ := strings.Cut(text, "://")
		return scheme + "://•••" + text[i:]
	}
	return text
}

// String returns the address as people write it.
func (a address) String() string {
	scheme := "mqtt"
	if a.webSocket {
		scheme = "ws"
	}
	if a.tls {
		scheme += "s"
	}
	text := scheme + "://" + a.host
	if a.webSocket && a.path != "/" {
		text += a.path
	}
	return text
}

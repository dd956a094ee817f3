package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// check judges what the type of a field cannot, and fields that depend on each
// other.
func (c *Config) check() error {
	return errors.Join(c.checkTopics(), c.checkLanguage(), c.MQTT.check(), c.checkBroker(), c.checkWeb(), c.checkDevices(), c.checkProtocols(), c.checkAccounts())
}

func wrong(name, value, want string) error {
	return fmt.Errorf("%s%s cannot be %q. %s", Prefix, name, value, want)
}

func (c *Config) checkTopics() error {
	if !plainTopic(c.BaseTopic) {
		return wrong("BASE_TOPIC", c.BaseTopic, "It is a topic without spaces, +, #, $ and without a slash at its ends, such as mihome2mqtt")
	}
	if slices.ContainsFunc(c.Discovery, func(a Announcement) bool { return a.Prefix == c.BaseTopic }) {
		return wrong("BASE_TOPIC", c.BaseTopic, "Devices are announced under that prefix; choose another one")
	}
	return nil
}

func (c *Config) checkLanguage() error {
	if !regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z]{2,4})?$`).MatchString(c.Language) {
		return wrong("LANGUAGE", c.Language, "It is the code of a language, such as en, de or zh")
	}
	return nil
}

func (m *MQTT) check() error {
	if m.URL != "" {
		if err := m.checkURL(); err != nil {
			return err
		}
	}
	if (m.Cert == "") != (m.Key == "") {
		return fmt.Errorf("%sMQTT_CERT and %sMQTT_KEY belong together. Set both or none", Prefix, Prefix)
	}
	return nil
}

func (m *MQTT) checkURL() error {
	u, err := url.Parse(m.URL)
	if err == nil && u.User != nil {
		return fmt.Errorf("%sMQTT_URL holds a user. Write it to %sMQTT_USER and the password to %sMQTT_PASSWORD", Prefix, Prefix, Prefix)
	}
	if err != nil && strings.Contains(m.URL, "@") {
		return fmt.Errorf("%sMQTT_URL is not a URL. It is one such as mqtt://192.168.1.5:1883, without a user", Prefix)
	}
	if err != nil || u.Hostname() == "" || u.Port() != "" && !portNumber(u.Port()) || !slices.Contains([]string{"mqtt", "mqtts", "ws", "wss"}, u.Scheme) {
		return wrong("MQTT_URL", m.URL, "It is a URL such as mqtt://192.168.1.5:1883; mqtts, ws and wss work too")
	}
	return nil
}

// leastPassword is the shortest password that the broker inside the bridge takes.
const leastPassword = 12

func (c *Config) checkBroker() error {
	if c.MQTT.URL != "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.Broker.Listen)
	if err != nil || !portNumber(port) {
		return wrong("BROKER_LISTEN", c.Broker.Listen, "It is an address with a port, such as 127.0.0.1:1883")
	}
	if (c.Broker.User == "") != (c.Broker.Password == "") {
		return fmt.Errorf("%sBROKER_USER and %sBROKER_PASSWORD belong together. Set both or none", Prefix, Prefix)
	}
	if (c.Broker.Cert == "") != (c.Broker.Key == "") {
		return fmt.Errorf("%sBROKER_CERT and %sBROKER_KEY belong together. Set both or none", Prefix, Prefix)
	}
	if loopback(host) {
		return c.checkBrokerPassword()
	}
	if len(c.Broker.Password) < leastPassword {
		return fmt.Errorf("%sBROKER_LISTEN opens the broker to your network. Set %sBROKER_USER and %sBROKER_PASSWORD (%d characters at least), or use 127.0.0.1:%s",
			Prefix, Prefix, Prefix, leastPassword, port)
	}
	return nil
}

func (c *Config) checkBrokerPassword() error {
	if n := len(c.Broker.Password); n > 0 && n < leastPassword {
		return fmt.Errorf("%sBROKER_PASSWORD is too short: it takes %d characters at least", Prefix, leastPassword)
	}
	return nil
}

// portNumber reports whether port is one; 0 lets the system choose.
func portNumber(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}

func (c *Config) checkDevices() error {
	_, err := c.KnownDevices()
	return c.of("DEVICES", err)
}

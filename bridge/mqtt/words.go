package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// words tells people why there is no connection and what to do about it.
func words(err error) string {
	for _, try := range []func(error) string{tlsWords, refusedWords, networkWords} {
		if text := try(err); text != "" {
			return text
		}
	}
	return err.Error()
}

func tlsWords(err error) string {
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the broker's certificate is signed by an unknown authority (%s); give its certificate in MIHOME2MQTT_MQTT_CA", issuer(e.Cert))
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the broker's certificate is not made for %s; use the name that stands in it", e.Host)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return "the broker's certificate has expired or is not valid yet; renew it, or set this machine's clock"
		}
		return "the broker's certificate is not valid: " + e.Error()
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the broker does not speak TLS on this port; use mqtt:// or ws://, or another port"
	}
	if e, ok := errors.AsType[tls.AlertError](err); ok {
		return fmt.Sprintf("the broker refuses the TLS connection (%v); check MIHOME2MQTT_MQTT_CERT and MIHOME2MQTT_MQTT_KEY", e)
	}
	return ""
}

func issuer(c *x509.Certificate) string {
	if c == nil {
		return "unnamed"
	}
	return c.Issuer.String()
}

func refusedWords(err error) string {
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return "the broker refuses user name or password; check MIHOME2MQTT_MQTT_USER and MIHOME2MQTT_MQTT_PASSWORD, and the broker's list of users"
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return "the broker refuses the client id"
	case errors.Is(err, packets.ErrorRefusedServerUnavailable):
		return "the broker is not ready; it is asked again"
	case errors.Is(err, packets.ErrorRefusedBadProtocolVersion):
		return "the broker does not speak MQTT 3.1.1"
	}
	return ""
}

func networkWords(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the broker's name %s is not known; check MIHOME2MQTT_MQTT_URL", e.Name)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at the broker's address; is the broker running, and is the port right?"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to the broker's host; check the network"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "the broker does not answer; is it the right host, or does a firewall stand between?"
	case errors.Is(err, io.EOF) && !errors.Is(err, errLost):
		return "the broker hangs up at once; is it an MQTT broker? The one inside another bridge takes no second bridge"
	}
	return ""
}

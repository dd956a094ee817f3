package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Certificates holds the files that settings such as MQTT_CA, MQTT_CERT and MQTT_KEY
// name, all of them PEM; what is not set is empty.
type Certificates struct {
	CA   []byte
	Cert []byte
	Key  mi.Secret
}

// Certificates reads the files. Load has made sure that they are right.
func (m *MQTT) Certificates(read ReadFile) (Certificates, error) {
	ca, caErr := readPEM("MQTT_CA", m.CA, read)
	cert, certErr := readPEM("MQTT_CERT", m.Cert, read)
	key, keyErr := readPEM("MQTT_KEY", m.Key, read)
	if err := errors.Join(caErr, certErr, keyErr); err != nil {
		return Certificates{}, err
	}
	if m.CA != "" && !x509.NewCertPool().AppendCertsFromPEM(ca) {
		return Certificates{}, wrong("MQTT_CA", m.CA, "That file holds no certificate (PEM)")
	}
	if err := fit("MQTT", cert, key); err != nil {
		return Certificates{}, err
	}
	return Certificates{CA: ca, Cert: cert, Key: mi.Secret(key)}, nil
}

// Certificates reads the files that BROKER_CERT and BROKER_KEY name. Load has made
// sure that they are right.
func (b *Broker) Certificates(read ReadFile) (Certificates, error) {
	cert, certErr := readPEM("BROKER_CERT", b.Cert, read)
	key, keyErr := readPEM("BROKER_KEY", b.Key, read)
	if err := errors.Join(certErr, keyErr, fit("BROKER", cert, key)); err != nil {
		return Certificates{}, err
	}
	return Certificates{Cert: cert, Key: mi.Secret(key)}, nil
}

// fit reports whether a certificate and its key, if there are any, belong together.
func fit(whose string, cert, key []byte) error {
	if len(cert) == 0 && len(key) == 0 {
		return nil
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		return fmt.Errorf("%[1]s%[2]s_CERT and %[1]s%[2]s_KEY do not fit: %[3]w", Prefix, whose, err)
	}
	return nil
}

func readPEM(variable, name string, read ReadFile) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	text, err := read(name)
	if err != nil {
		return nil, fmt.Errorf("%s%s names %q, which cannot be read: %w", Prefix, variable, name, err)
	}
	return text, nil
}

package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// selfSigned makes a certificate and its key, both PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

func TestCertificates(t *testing.T) {
	cert, key := selfSigned(t)
	_, other := selfSigned(t)
	read := files(map[string]string{"/ca": cert, "/cert": cert, "/key": key, "/other": other, "/text": "hello"})
	for _, tc := range []struct {
		name, want string
		mqtt       MQTT
	}{
		{"none", "", MQTT{}},
		{"all", "", MQTT{CA: "/ca", Cert: "/cert", Key: "/key"}},
		{"no certificate", `MIHOME2MQTT_MQTT_CA cannot be "/text". That file holds no certificate (PEM)`, MQTT{CA: "/text"}},
		{"another key", "MIHOME2MQTT_MQTT_CERT and MIHOME2MQTT_MQTT_KEY do not fit: ", MQTT{Cert: "/cert", Key: "/other"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.mqtt.Certificates(read)
			if (err == nil) != (tc.want == "") || err != nil && !strings.HasPrefix(err.Error(), tc.want) {
				t.Fatalf("got  %v\nwant %s", err, tc.want)
			}
			if err == nil && tc.mqtt.Key != "" && (got.Key.Reveal() != key || string(got.CA) != cert) {
				t.Errorf("the files were not read whole")
			}
		})
	}
}

func TestCertificatesOfTheBrokerInside(t *testing.T) {
	cert, key := selfSigned(t)
	_, other := selfSigned(t)
	read := files(map[string]string{"/cert": cert, "/key": key, "/other": other})
	for _, tc := range []struct{ name, cert, key, want string }{
		{"both", "/cert", "/key", ""},
		{"another key", "/cert", "/other", "MIHOME2MQTT_BROKER_CERT and MIHOME2MQTT_BROKER_KEY do not fit: "},
		{"no key", "/cert", "", "MIHOME2MQTT_BROKER_CERT and MIHOME2MQTT_BROKER_KEY belong together. Set both or none"},
		{"no such file", "/none", "/key", `MIHOME2MQTT_BROKER_CERT names "/none", which cannot be read: `},
	} {
		_, err := Load([]string{"MIHOME2MQTT_BROKER_CERT=" + tc.cert, "MIHOME2MQTT_BROKER_KEY=" + tc.key}, read)
		if (err == nil) != (tc.want == "") || err != nil && !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: got  %v\nwant %s", tc.name, err, tc.want)
		}
	}
}

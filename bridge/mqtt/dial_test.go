package mqtt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/gorilla/websocket"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestParseURL(t *testing.T) {
	for _, tc := range []struct{ in, want, fails string }{
		{"mqtt://pi4", "mqtt://pi4:1883", ""},
		{"tcp://pi4:1884", "mqtt://pi4:1884", ""},
		{"mqtts://pi4", "mqtts://pi4:8883", ""},
		{"ssl://[::1]:1", "mqtts://[::1]:1", ""},
		{"ws://pi4/mqtt", "ws://pi4:80/mqtt", ""},
		{"wss://pi4/a?b=c", "wss://pi4:443/a?b=c", ""},
		{"http://pi4", "", "begins with none of"},
		{"pi4:1883", "", "not of the form"},
		{"mqtt://", "", "not of the form"},
		{"mqtt://me:secret@pi4", "", "settings of their own"},
	} {
		a, err := parseURL(tc.in)
		if tc.fails == "" && (err != nil || a.String() != tc.want) {
			t.Errorf("parseURL(%q) = %v, %v, want %s", tc.in, a, err, tc.want)
		}
		if tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("parseURL(%q) = %v, want %q", tc.in, err, tc.fails)
		}
	}
}

func TestWords(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("x: %w", packets.ErrorRefusedBadUsernameOrPassword), "MIHOME2MQTT_MQTT_PASSWORD"},
		{packets.ErrorRefusedNotAuthorised, "MIHOME2MQTT_MQTT_PASSWORD"},
		{packets.ErrorRefusedServerUnavailable, "not ready"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "nothing listens"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "no way to the broker's host"},
		{&net.DNSError{Name: "pi5", Err: "no such host"}, "name pi5 is not known"},
		{context.DeadlineExceeded, "does not answer"},
		{fmt.Errorf("network Error : %w", io.EOF), "takes no second bridge"},
		{fmt.Errorf("%w: %w", errLost, io.EOF), "broke"},
		{errors.New("odd"), "odd"},
	} {
		if got := words(tc.err); !strings.Contains(got, tc.want) {
			t.Errorf("words(%v) = %q, want %q", tc.err, got, tc.want)
		}
	}
}

// certificate signs for name, by itself, until end.
func certificate(t *testing.T, name string, end time.Time) (pair tls.Certificate, ca []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, DNSNames: []string{name},
		NotBefore: end.Add(-48 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestTLSIsVerified(t *testing.T) {
	later := time.Now().Add(24 * time.Hour)
	good, goodCA := certificate(t, "pi4", later)
	other, _ := certificate(t, "pi4", later)
	named, namedCA := certificate(t, "elsewhere", later)
	old, oldCA := certificate(t, "pi4", time.Now().Add(-time.Hour))
	for _, tc := range []struct {
		name     string
		server   *tls.Config
		ca       []byte
		insecure bool
		want     string
	}{
		{"good", &tls.Config{Certificates: []tls.Certificate{good}}, goodCA, false, ""},
		{"unknown authority", &tls.Config{Certificates: []tls.Certificate{other}}, goodCA, false, "signed by an unknown authority"},
		{"other name", &tls.Config{Certificates: []tls.Certificate{named}}, namedCA, false, "not made for pi4"},
		{"expired", &tls.Config{Certificates: []tls.Certificate{old}}, oldCA, false, "has expired"},
		{"insecure", &tls.Config{Certificates: []tls.Certificate{other}}, nil, true, ""},
		{"TLS 1.1", &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, goodCA, false, "protocol version"},
		{"no TLS", nil, goodCA, false, "does not speak TLS"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go serveOnce(l, tc.server)
			config, err := tlsConfig(tc.ca, nil, "", tc.insecure)
			if err != nil {
				t.Fatal(err)
			}
			d := dialer{to: address{host: "pi4:8883", name: "pi4", tls: true}, tls: config, stream: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
			}}
			conn, err := d.dial(context.Background())
			if err == nil {
				_ = conn.Close()
			}
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(words(err), tc.want) {
				t.Errorf("dial = %v, want %q", err, tc.want)
			}
		})
	}
}

func serveOnce(l net.Listener, config *tls.Config) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	if config == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		return
	}
	_ = tls.Server(conn, config).Handshake()
}

func TestTLSFiles(t *testing.T) {
	if _, err := tlsConfig([]byte("no PEM"), nil, "", false); err == nil {
		t.Error("a CA file without a certificate was taken")
	}
	if _, err := tlsConfig(nil, []byte("x"), mi.Secret("y"), false); err == nil || strings.Contains(err.Error(), "y:") {
		t.Errorf("client certificate: %v", err)
	}
}

func TestWebSocket(t *testing.T) {
	up := websocket.Upgrader{Subprotocols: []string{"mqtt"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mqtt" {
			http.NotFound(w, r)
			return
		}
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, data, err := c.ReadMessage()
			if err != nil || kind != websocket.BinaryMessage || c.WriteMessage(kind, data) != nil {
				return
			}
		}
	}))
	defer server.Close()
	to, err := parseURL("ws" + strings.TrimPrefix(server.URL, "http") + "/mqtt")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialer{to: to, stream: new(net.Dialer).DialContext}.dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello" {
		t.Errorf("echo %q, %v", got, err)
	}
	to.path = "/other"
	if _, err := (dialer{to: to, stream: new(net.Dialer).DialContext}).dial(context.Background()); err == nil || !strings.Contains(words(err), "404 Not Found") {
		t.Errorf("wrong path: %v", err)
	}
}

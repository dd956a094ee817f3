package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const dialTimeout = 10 * time.Second

// dialer opens the stream that MQTT runs over.
type dialer struct {
	to     address
	tls    *tls.Config
	stream func(ctx context.Context, network, address string) (net.Conn, error)
}

// tlsConfig verifies the broker unless told otherwise. All certificates are PEM.
func tlsConfig(ca, cert []byte, key mi.Secret, insecure bool) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}
	if len(ca) > 0 {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("mqtt: the certificate authority's file holds no PEM certificate")
		}
	}
	if len(cert) == 0 && key == "" {
		return c, nil
	}
	pair, err := tls.X509KeyPair(cert, []byte(key.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("mqtt: client certificate: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// dial connects within dialTimeout.
func (d dialer) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if d.to.webSocket {
		return d.webSocket(ctx)
	}
	conn, err := d.stream(ctx, "tcp", d.to.host)
	if err != nil || !d.to.tls {
		return conn, err
	}
	return d.secure(ctx, conn)
}

func (d dialer) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	config := d.tls.Clone()
	config.ServerName = d.to.name
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error says more
		return nil, err
	}
	return secured, nil
}

func (d dialer) webSocket(ctx context.Context) (net.Conn, error) {
	w := websocket.Dialer{
		NetDialContext:   d.stream,
		TLSClientConfig:  d.tls,
		HandshakeTimeout: dialTimeout,
		Subprotocols:     []string{"mqtt"},
	}
	ws, resp, err := w.DialContext(ctx, d.to.String(), nil)
	if resp != nil {
		_ = resp.Body.Close() // the handshake reads it
	}
	if errors.Is(err, websocket.ErrBadHandshake) && resp != nil {
		return nil, fmt.Errorf("the broker answers the WebSocket request with %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if err != nil {
		return nil, err
	}
	return &webSocketConn{Conn: ws}, nil
}

// webSocketConn makes a stream of binary messages.
type webSocketConn struct {
	*websocket.Conn
	reading io.Reader
	writes  sync.Mutex
}

// Read implements net.Conn. Only one goroutine reads.
func (c *webSocketConn) Read(p []byte) (int, error) {
	for {
		if c.reading == nil {
			_, r, err := c.NextReader()
			if err != nil {
				return 0, err
			}
			c.reading = r
		}
		n, err := c.reading.Read(p)
		if err == io.EOF {
			c.reading, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *webSocketConn) Write(p []byte) (int, error) {
	c.writes.Lock()
	defer c.writes.Unlock()
	if err := c.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SetDeadline implements net.Conn.
func (c *webSocketConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

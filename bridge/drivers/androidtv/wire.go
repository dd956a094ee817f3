package androidtv

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/lan"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	dialTime  = 2 * time.Second  // a TV without power does not answer at all
	helloTime = 6 * time.Second  // for the TLS handshake, which is hard work for a TV
	quietTime = 16 * time.Second // three times the pause between two pings of a TV
	writeTime = 3 * time.Second
)

// wire is an encrypted connection to a TV, as messages with their length in front.
type wire struct {
	raw  net.Conn
	conn *tls.Conn
	in   *bufio.Reader

	features uint64 // that both sides have; the reader's own
}

// dial connects. The TV's certificate names no host and nobody signed it: who it is
// was settled by the code on its screen.
func dial(ctx context.Context, n mi.Network, addr string, key *tls.Certificate) (*wire, error) {
	calling, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	raw, err := n.DialContext(calling, "tcp", addr)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("the TV does not answer at %s: it is off, or elsewhere: %w", addr, mi.ErrOffline)
	}
	w := &wire{raw: raw, conn: tls.Client(raw, &tls.Config{
		InsecureSkipVerify:   true,
		MinVersion:           tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return key, nil },
	})}
	w.in = bufio.NewReader(w.conn)
	greeting, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	if err := w.conn.HandshakeContext(greeting); err != nil {
		_ = raw.Close()
		return nil, w.broken(ctx, err)
	}
	return w, nil
}

// certificate is the TV's own.
func (w *wire) certificate() *x509.Certificate { return w.conn.ConnectionState().PeerCertificates[0] }

// read waits for the next message.
func (w *wire) read(ctx context.Context, within time.Duration) ([]byte, error) {
	_ = w.raw.SetReadDeadline(time.Now().Add(within))
	stop := context.AfterFunc(ctx, func() { _ = w.raw.Close() })
	defer stop()
	size, err := binary.ReadUvarint(w.in)
	if err != nil {
		return nil, w.broken(ctx, err)
	}
	if size > maxFrame {
		return nil, fmt.Errorf("%w: a message of %d bytes", mi.ErrProtocol, size)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(w.in, b); err != nil {
		return nil, w.broken(ctx, err)
	}
	return b, nil
}

// write sends a message. It may be called from many sides.
func (w *wire) write(b []byte) error {
	_ = w.raw.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := w.conn.Write(b); err != nil {
		return w.broken(context.Background(), err)
	}
	return nil
}

func (w *wire) close() { _ = w.raw.Close() }

// broken says what the end of a connection means. An alert is how a TV says that it
// does not know the bridge's certificate.
func (w *wire) broken(ctx context.Context, err error) error {
	var op *net.OpError
	var lost net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &op) && op.Op == "remote error":
		return fmt.Errorf("the TV refuses the bridge's key (%w): %w", op.Err, mi.ErrDenied)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &lost) && lost.Timeout():
		return fmt.Errorf("the TV took the connection and does not answer; if this lasts, take it off the mains for a moment: %w", mi.ErrTimeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed), errors.As(err, &lost):
		return fmt.Errorf("the TV ended the connection: %w", mi.ErrOffline)
	}
	return fmt.Errorf("%w: %w", mi.ErrProtocol, err)
}

// whoIs reads from a TV's certificate what it is called and its hardware address.
// The name is atvremote/…/…/Name/address, or the address alone with the name in the
// qualifier.
func whoIs(c *x509.Certificate) (name, mac string) {
	parts := strings.Split(c.Subject.CommonName, "/")
	if m, ok := lan.ParseMAC(parts[len(parts)-1]); ok {
		mac = m.String()
	}
	if len(parts) > 2 {
		name = parts[len(parts)-2]
	}
	for _, n := range c.Subject.Names {
		if text, ok := n.Value.(string); ok && n.Type.String() == "2.5.4.46" { // dnQualifier
			qualified := strings.Split(text, "/")
			name = qualified[len(qualified)-1]
		}
	}
	return clean([]byte(name)), mac
}

// spellAddr writes host or host:port as host:port.
func spellAddr(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil || addr == "" {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), strconv.Itoa(Port))
}

// pairAddr is where a TV pairs: the port after the one it is operated at.
func pairAddr(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(n+1))
}

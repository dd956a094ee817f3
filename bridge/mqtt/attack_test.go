package mqtt

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// packet returns the bytes of a packet that change has made.
func packet[P packets.ControlPacket](t *testing.T, kind byte, change func(P)) []byte {
	t.Helper()
	p := packets.NewControlPacket(kind).(P)
	change(p)
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func hello(t *testing.T, id string, clean bool) []byte {
	return packet(t, packets.Connect, func(p *packets.ConnectPacket) {
		p.ProtocolName, p.ProtocolVersion, p.ClientIdentifier, p.CleanSession, p.Keepalive = "MQTT", 4, id, clean, 60
	})
}

func publish(t *testing.T, topic string, qos byte, number uint16) []byte {
	return packet(t, packets.Publish, func(p *packets.PublishPacket) {
		p.TopicName, p.Qos, p.MessageID, p.Payload = topic, qos, number, []byte("x")
	})
}

func subscribe(t *testing.T, filter string) []byte {
	return packet(t, packets.Subscribe, func(p *packets.SubscribePacket) {
		p.Topics, p.Qoss, p.MessageID = []string{filter}, []byte{0}, 1
	})
}

// raw speaks to a broker without the manners of a library.
func raw(t *testing.T, w mi.World) net.Conn {
	t.Helper()
	conn, err := w.Net.DialContext(t.Context(), "tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// cut reports after how long the other side has closed conn.
func cut(conn net.Conn, within time.Duration) (after time.Duration, ok bool) {
	began := time.Now()
	_ = conn.SetReadDeadline(began.Add(within))
	for {
		if _, err := conn.Read(make([]byte, 1<<10)); err != nil {
			return time.Since(began), !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

func TestBrokerAgainstARawClient(t *testing.T) {
	var many [][]byte
	for i := range maxReceive + 1 {
		many = append(many, publish(t, "mihome2mqtt/d/x/y/set", 2, uint16(i+1)))
	}
	known := hello(t, "raw", true)
	for _, tc := range []struct {
		name   string
		says   [][]byte
		pause  time.Duration
		within time.Duration // that the broker cuts it off; 0 never
		passes bool          // something reaches others
	}{
		{"says nothing", nil, 0, connectWithin, false},
		{"says hello byte by byte", slices.Collect(slices.Chunk(known, 1)), time.Second, connectWithin, false},
		{"no MQTT at all", [][]byte{[]byte("GET / HTTP/1.1\r\nHost: bridge\r\n\r\n")}, 0, time.Second, false},
		{"publishes before hello", [][]byte{publish(t, "mihome2mqtt/d/x/y/set", 0, 0)}, 0, time.Second, false},
		{"says hello twice", [][]byte{known, known}, 0, time.Second, false},
		{"a packet of a kind that is none", [][]byte{known, {0xf0, 0}}, 0, time.Second, false},
		{"a length without end", [][]byte{known, {0x30, 0xff, 0xff, 0xff, 0xff, 0xff}}, 0, time.Second, false},
		{"announces 256 MiB", [][]byte{known, {0x30, 0xff, 0xff, 0xff, 0x7f}}, 0, time.Second, false},
		{"announces 256 KiB and says nothing", [][]byte{known, {0x30, 0xf0, 0xff, 0x0f}}, 0, 2 * time.Minute, false},
		{"never releases QoS 2", append([][]byte{known}, many...), 0, time.Second, true},
		{"subscribes to a long topic", [][]byte{known, subscribe(t, strings.Repeat("x", maxFilter+1))}, 0, time.Second, false},
		{"subscribes", [][]byte{known, subscribe(t, "#")}, 0, 0, false},
		{"a wildcard as topic", [][]byte{known, publish(t, "mihome2mqtt/+/x/y/set", 0, 0)}, 0, time.Second, false},
		{"NUL in a topic", [][]byte{known, publish(t, "mihome2mqtt/\x00/x/y/set", 0, 0)}, 0, time.Second, false},
		{"takes the part of the broker", [][]byte{known, publish(t, "$SYS/broker/uptime", 0, 0)}, 0, 0, false},
		{"an order", [][]byte{known, publish(t, "mihome2mqtt/d/x/y/set", 0, 0)}, 0, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testWorld()
				_, stop := startBroker(t, w, nil)
				reader := mustConnect(t, w, "reader")
				reader.listen("mihome2mqtt/#", "$SYS/broker/uptime")
				reader.heard()
				conn := raw(t, w)
				var talking sync.WaitGroup
				talking.Go(func() {
					for _, words := range tc.says {
						if _, err := conn.Write(words); err != nil {
							return
						}
						time.Sleep(tc.pause)
					}
				})
				within := tc.within + time.Second/10
				if tc.within == 0 {
					within = 10 * time.Second
				}
				if after, got := cut(conn, within); got != (tc.within > 0) {
					t.Errorf("cut off: %v, after %v", got, after)
				}
				if got := reader.heard(); len(got) > 0 != tc.passes {
					t.Errorf("others hear %d messages", len(got))
				}
				reader.bye()
				_ = conn.Close()
				talking.Wait()
				stop()
			})
		})
	}
}

// TestBrokerForgetsIdsThatNeverComeBack has somebody come with ever new ids, each of
// which wants to be remembered with its subscription.
func TestBrokerForgetsIdsThatNeverComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b, stop := startBroker(t, w, nil)
		const ids = 5 * maxAway
		for i := range ids {
			u, err := connectUser(t, w, fmt.Sprint("id", i), func(o *paho.ClientOptions) { o.SetCleanSession(false) })
			if err != nil {
				t.Fatal(err)
			}
			u.listen("mihome2mqtt/#")
			u.bye()
			time.Sleep(time.Second)
		}
		if n := b.server.Clients.Len(); n > maxAway+2 {
			t.Errorf("%d clients are remembered, want %d at most", n, maxAway)
		}
		for i, want := range map[int]bool{ids - 1: true, ids - maxAway/2: true, 0: false} {
			if _, got := b.server.Clients.Get(fmt.Sprint("id", i)); got != want {
				t.Errorf("number %d of %d is remembered: %v", i+1, ids, got)
			}
		}
		stop()
	})
}

// secured runs a broker with a certificate for pi4.
func secured(t *testing.T, w mi.World) (pair tls.Certificate, cert []byte, stop func()) {
	t.Helper()
	pair, cert = certificate(t, "pi4", time.Now().Add(time.Hour))
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	_, stop = startBroker(t, w, func(o *BrokerOptions) {
		o.Cert, o.Key = cert, mi.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	})
	return pair, cert, stop
}

func TestBrokerSpeaksTLS(t *testing.T) {
	roots := func(cert []byte) *x509.CertPool {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(cert)
		return pool
	}
	for _, tc := range []struct {
		name   string
		change func(*tls.Config)
		plain  bool
		good   bool
	}{
		{"as it should be", func(*tls.Config) {}, false, true},
		{"another name", func(c *tls.Config) { c.ServerName = "pi5" }, false, false},
		{"unknown authority", func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, false, false},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, false, false},
		{"no TLS", nil, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testWorld()
				_, cert, stop := secured(t, w)
				u, err := connectUser(t, w, "u", func(o *paho.ClientOptions) {
					if tc.plain {
						return
					}
					o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
						conn, err := w.Net.DialContext(context.Background(), "tcp", listen)
						config := &tls.Config{RootCAs: roots(cert), ServerName: "pi4"}
						tc.change(config)
						return tls.Client(conn, config), err
					})
				})
				if (err == nil) != tc.good {
					t.Errorf("connected: %v", err)
				}
				if err == nil {
					u.bye()
				}
				stop()
			})
		})
	}
}

// TestBrokerWaitsForNoHandshake has 1,000 clients begin TLS and say no more.
func TestBrokerWaitsForNoHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, _, stop := secured(t, w)
		var conns []net.Conn
		for i := range 1000 {
			c := raw(t, w)
			go func() { _, _ = c.Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00, byte(i)}) }() // a record of 512 bytes begins
			conns = append(conns, c)
		}
		time.Sleep(connectWithin + time.Second)
		for i, c := range conns {
			if _, ok := cut(c, time.Second); !ok {
				t.Fatalf("connection %d is still open", i)
			}
		}
		stop()
	})
}

// TestAskReachesABrokerOfOursByItsCertificate has the command line ask a bridge whose
// broker has a certificate, and one that pretends to be it.
func TestAskReachesABrokerOfOursByItsCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, cert, stop := secured(t, w)
		ask := func(cert []byte) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := Ask(ctx, Options{World: w, Listen: listen, BrokerCert: cert}, "health_check", nil)
			return err
		}
		if err := ask(cert); !errors.Is(err, ErrNobody) {
			t.Errorf("Ask = %v, want a broker without a bridge", err)
		}
		_, other := certificate(t, "pi4", time.Now().Add(time.Hour))
		for name, wrong := range map[string][]byte{"another certificate": other, "no TLS": nil} {
			if err := ask(wrong); err == nil || errors.Is(err, ErrNobody) {
				t.Errorf("%s: %v", name, err)
			}
		}
		stop()
	})
}

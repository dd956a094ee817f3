package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const listen = "127.0.0.1:1883"

// startBroker runs a broker until stop is called.
func startBroker(t *testing.T, w mi.World, change func(*BrokerOptions)) (b *Broker, stop func()) {
	t.Helper()
	o := BrokerOptions{World: w, Log: zerolog.Nop(), Listen: listen, Base: "mihome2mqtt", Prefixes: []string{"homeassistant"}}
	if change != nil {
		change(&o)
	}
	b, err := NewBroker(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	synctest.Wait()
	return b, func() {
		cancel()
		<-done
	}
}

// user is an ordinary client of the broker.
type user struct {
	t *testing.T
	paho.Client
	mu  sync.Mutex
	got []string // "topic payload", with "!" in front when retained
}

func connectUser(t *testing.T, w mi.World, id string, change func(*paho.ClientOptions)) (*user, error) {
	u := &user{t: t}
	o := paho.NewClientOptions().AddBroker("tcp://" + listen).SetClientID(id).SetAutoReconnect(false).SetProtocolVersion(4)
	o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
		return w.Net.DialContext(context.Background(), "tcp", listen)
	})
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
		u.mu.Lock()
		defer u.mu.Unlock()
		line := m.Topic() + " " + string(m.Payload())
		if m.Retained() {
			line = "!" + line
		}
		u.got = append(u.got, line)
	})
	if change != nil {
		change(o)
	}
	u.Client = paho.NewClient(o)
	token := u.Connect()
	token.Wait()
	return u, token.Error()
}

func mustConnect(t *testing.T, w mi.World, id string) *user {
	t.Helper()
	u, err := connectUser(t, w, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (u *user) listen(filters ...string) {
	u.t.Helper()
	for _, f := range filters {
		if token := u.Subscribe(f, 1, nil); token.Wait() && token.Error() != nil {
			u.t.Fatal(token.Error())
		}
	}
}

func (u *user) say(topic, payload string, retained bool) {
	u.t.Helper()
	if token := u.Publish(topic, 1, retained, payload); token.Wait() && token.Error() != nil {
		u.t.Fatal(topic, token.Error())
	}
	synctest.Wait() // the broker acknowledges before it hands on: who subscribes in between would hear it live
}

// heard returns what came so far and forgets it.
func (u *user) heard() []string {
	synctest.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.got
	u.got = nil
	return got
}

func (u *user) bye() { u.Disconnect(100) }

func TestBrokerRefusesAnOpenDoor(t *testing.T) {
	for _, tc := range []struct {
		name, listen, user string
		password           mi.Secret
		want               string
	}{
		{"loopback", "127.0.0.1:1883", "", "", ""},
		{"loopback v6", "[::1]:1883", "", "", ""},
		{"network without password", "0.0.0.0:1883", "", "", "open to the network"},
		{"all interfaces", ":1883", "", "", "open to the network"},
		{"lan address", "192.168.1.5:1883", "", "", "open to the network"},
		{"network with password", "0.0.0.0:1883", "me", "long enough 12", ""},
		{"short password", "0.0.0.0:1883", "me", "short", "shorter than 12"},
		{"short password on loopback", "127.0.0.1:1883", "me", "short", "shorter than 12"},
		{"user alone", "127.0.0.1:1883", "me", "", "belong together"},
		{"no port", "127.0.0.1", "", "", "not host:port"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := NewBroker(BrokerOptions{World: testWorld(), Listen: tc.listen, User: tc.user, Password: tc.password})
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("NewBroker = %v, want none", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("NewBroker = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestBrokerLetsOthersWriteOnlyCommands(t *testing.T) {
	for _, tc := range []struct {
		topic string
		want  bool
	}{
		{"mihome2mqtt/d1/light_2/state/set", true},
		{"mihome2mqtt/d1/command/vacuum/start", true},
		{"mihome2mqtt/bridge/request/health", true},
		{"homeassistant/status", true},
		{"mihome2mqtt/d1/light_2/state", false},
		{"mihome2mqtt/d1/availability", false},
		{"mihome2mqtt/bridge/availability", false},
		{"mihome2mqtt/bridge/info/set", false},
		{"mihome2mqtt/bridge/response/health", false},
		{"homeassistant/device/mihome2mqtt_d1/config", false},
		{"domoticz/status", false},
		{"elsewhere", false},
		{"mihome2mqttx/d1/a/b/set", false},
	} {
		t.Run(tc.topic, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := testWorld()
				b, stop := startBroker(t, w, nil)
				reader, writer := mustConnect(t, w, "reader"), mustConnect(t, w, "writer")
				reader.listen("#")
				writer.say(tc.topic, "x", false)
				if got := len(reader.heard()) == 1; got != tc.want {
					t.Errorf("let through = %v, want %v", got, tc.want)
				}
				if denied := b.Denied() == 1; denied == tc.want {
					t.Errorf("counted as denied = %v", denied)
				}
				reader.bye()
				writer.bye()
				stop()
			})
		})
	}
}

func TestBrokerKeepsNoCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, stop := startBroker(t, w, nil)
		writer := mustConnect(t, w, "writer")
		writer.say("mihome2mqtt/d1/light_2/state/set", "ON", true)
		writer.say("homeassistant/status", "online", true)
		synctest.Wait() // acknowledged is not yet passed on
		reader := mustConnect(t, w, "reader")
		reader.listen("#")
		if got, want := fmt.Sprint(reader.heard()), "[!homeassistant/status online]"; got != want {
			t.Errorf("retained = %s, want %s", got, want)
		}
		reader.bye()
		writer.bye()
		stop()
	})
}

func TestBrokerTakesNoForeignWill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, stop := startBroker(t, w, nil)
		reader := mustConnect(t, w, "reader")
		reader.listen("#")
		var conn net.Conn
		_, err := connectUser(t, w, "bad", func(o *paho.ClientOptions) {
			o.SetWill("mihome2mqtt/bridge/availability", "offline", 1, true)
			o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (c net.Conn, err error) {
				conn, err = w.Net.DialContext(context.Background(), "tcp", listen)
				return conn, err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		if got := reader.heard(); len(got) > 0 {
			t.Errorf("will on our topic was published: %q", got)
		}
		reader.bye()
		stop()
	})
}

func TestBrokerChecksPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, stop := startBroker(t, w, func(o *BrokerOptions) { o.User, o.Password = "me", "a long password" })
		try := func(name, password string) error {
			u, err := connectUser(t, w, "u", func(o *paho.ClientOptions) { o.SetUsername(name).SetPassword(password) })
			if err == nil {
				u.bye()
			}
			return err
		}
		if err := try("me", "a long password"); err != nil {
			t.Error("right password:", err)
		}
		for i := range maxRefusals {
			if err := try("me", fmt.Sprint("wrong", i)); !errors.Is(err, packets.ErrorRefusedNotAuthorised) {
				t.Fatal("wrong password:", err)
			}
		}
		if err := try("me", "a long password"); err == nil {
			t.Error("after ten wrong passwords the address is still listened to")
		}
		time.Sleep(time.Minute)
		if err := try("me", "a long password"); err != nil {
			t.Error("a minute later:", err)
		}
		stop()
	})
}

func TestBrokerProtectsOurSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, stop := startBroker(t, w, nil)
		if _, err := connectUser(t, w, clientIDPrefix+"0badcafe", nil); err == nil {
			t.Error("a stranger got the bridge's client id")
		}
		stop()
	})
}

func TestBrokerDropsTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		b, stop := startBroker(t, w, nil)
		var conns []net.Conn
		for range 1000 {
			c, err := w.Net.DialContext(context.Background(), "tcp", listen)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		synctest.Wait()
		b.mu.Lock()
		if n := len(b.open); n > maxConns {
			t.Errorf("%d connections that say nothing are kept, want %d at most", n, maxConns)
		}
		b.mu.Unlock()
		time.Sleep(connectWithin + time.Second)
		u := mustConnect(t, w, "honest")
		u.bye()
		for i, c := range conns {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
				t.Fatalf("connection %d is still open: %v", i, err)
			}
			_ = c.Close()
		}
		stop()
	})
}

// TestBrokerQuickReconnects has one client id come straight back 400 times; each
// time its fresh subscription must work.
func TestBrokerQuickReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, stop := startBroker(t, w, nil)
		writer := mustConnect(t, w, "writer")
		lost := 0
		for i := range 400 {
			u := mustConnect(t, w, "flapper")
			u.listen("mihome2mqtt/d/command/#")
			writer.say("mihome2mqtt/d/command/s/n", fmt.Sprint(i), false)
			if got := u.heard(); len(got) != 1 {
				lost++
			}
			if i%2 == 0 {
				go u.Disconnect(0) // the next one is quicker than the clean-up
			} else {
				u.Disconnect(0)
			}
		}
		if lost > 0 {
			t.Errorf("%d of 400 messages lost", lost)
		}
		writer.bye()
		stop()
	})
}

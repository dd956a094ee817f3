package mqtt

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

func TestBrokerHoldsItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, stop := startBroker(t, w, nil)
		var guests []*user
		for i := range maxClients + 10 {
			u, err := connectUser(t, w, string(rune('A'+i)), nil)
			if err == nil {
				guests = append(guests, u)
			}
		}
		if len(guests) != maxClients {
			t.Errorf("%d clients got in, want %d", len(guests), maxClients)
		}
		large := guests[0].Publish("mihome2mqtt/d/x/y/set", 0, false, strings.Repeat("x", maxPacket))
		large.WaitTimeout(time.Second)
		time.Sleep(time.Second)
		if guests[0].IsConnectionOpen() {
			t.Error("a packet of 256 KiB was let through")
		}
		greedy := map[string]byte{}
		for i := range maxSubscriptions / 10 {
			greedy["a/"+strings.Repeat("x", i%50)+string(rune('A'+i))] = 0
		}
		for range 12 {
			more := map[string]byte{}
			for f := range greedy {
				more[f+"/"+time.Now().Format("150405.000000000")] = 0
			}
			time.Sleep(time.Millisecond)
			guests[1].SubscribeMultiple(more, nil).WaitTimeout(time.Second)
		}
		synctest.Wait()
		if guests[1].IsConnectionOpen() {
			t.Errorf("more than %d subscriptions were taken", maxSubscriptions)
		}
		for _, u := range guests[2:] {
			u.bye()
		}
		stop()
	})
}

// TestBrokerCutsOffWhoFallsSilent has a client ask for a keep-alive of an hour.
func TestBrokerCutsOffWhoFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorld()
		_, stop := startBroker(t, w, nil)
		var conn net.Conn
		u, err := connectUser(t, w, "sleeper", func(o *paho.ClientOptions) {
			o.SetKeepAlive(time.Hour)
			o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (c net.Conn, err error) {
				conn, err = w.Net.DialContext(context.Background(), "tcp", listen)
				return conn, err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * maxKeepAlive)
		if u.IsConnectionOpen() {
			t.Errorf("a client that is silent for %s is still connected", 2*maxKeepAlive)
		}
		u.bye()
		stop()
	})
}

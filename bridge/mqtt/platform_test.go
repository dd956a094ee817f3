package mqtt

import (
	"context"
	"net"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// TestMosquittoTellsWhoReads asks the real broker whether anybody reads a topic.
func TestMosquittoTellsWhoReads(t *testing.T) {
	address, _ := mosquitto(t, freePort(t))
	c := &Client{who: identity{clientID: "mihome2mqtt-0123abcd"}, dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}}
	const topic = "homeassistant/sensor/mihome2mqtt_trial/config"
	ask := func() (read, told bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		read, told, err := readers(ctx, c, topic, "mihome2mqtt/bridge/trial/1")
		if err != nil {
			t.Fatal(err)
		}
		return read, told
	}
	await(t, "the broker", func() bool { conn, err := c.dial(t.Context()); return err == nil && conn.Close() == nil })
	if read, told := ask(); read || !told {
		t.Errorf("with nobody there: read %v, told %v", read, told)
	}
	reader := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + address))
	if token := reader.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer reader.Disconnect(100)
	reader.Subscribe("homeassistant/+/+/config", 0, func(paho.Client, paho.Message) {}).Wait()
	if read, told := ask(); !read || !told {
		t.Errorf("with a reader: read %v, told %v", read, told)
	}
	reader.Subscribe("#", 0, func(paho.Client, paho.Message) {}).Wait()
	if _, told := ask(); told {
		t.Error("somebody who reads everything passes for a platform")
	}
}

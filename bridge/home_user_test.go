package bridge_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// message is one that the broker handed out.
type message struct {
	topic, payload string
	retained       bool
}

// client speaks MQTT over a stream, as little of it as a test needs: one goroutine
// reads, so that what arrives has one order.
type client struct {
	conn net.Conn
	done chan struct{} // closed when the connection broke

	writing sync.Mutex
	id      uint16
}

// dialer has the shape of mi.Network.DialContext.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// connect opens a session that hears everything; heard is called in order.
func connect(ctx context.Context, dial dialer, address, id string, heard func(message)) (*client, error) {
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, done: make(chan struct{})}
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession, hello.ClientIdentifier = "MQTT", 4, true, id
	everything := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	everything.MessageID, everything.Topics, everything.Qoss = 1, []string{"#"}, []byte{0}
	accepted := make(chan error, 1)
	go c.read(accepted, heard)
	if err := c.write(hello); err != nil {
		c.close()
		return nil, err
	}
	if err := <-accepted; err != nil {
		c.close()
		return nil, err
	}
	return c, c.write(everything)
}

func (c *client) read(accepted chan<- error, heard func(message)) {
	defer close(c.done)
	for {
		p, err := packets.ReadPacket(c.conn)
		if err != nil {
			select {
			case accepted <- err:
			default:
			}
			return
		}
		switch p := p.(type) {
		case *packets.ConnackPacket:
			var err error
			if p.ReturnCode != packets.Accepted {
				err = errors.New(packets.ConnackReturnCodes[p.ReturnCode])
			}
			accepted <- err
		case *packets.PublishPacket:
			heard(message{p.TopicName, string(p.Payload), p.Retain})
		}
	}
}

func (c *client) write(p packets.ControlPacket) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return p.Write(c.conn)
}

// publish hands a message to the broker.
func (c *client) publish(topic, payload string, qos byte, retained bool) error {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.Retain = topic, []byte(payload), qos, retained
	if qos > 0 {
		c.id++
		p.MessageID = c.id
	}
	return c.write(p)
}

func (c *client) close() {
	_ = c.conn.Close()
	<-c.done
}

// retained returns what a new client finds at the broker.
func (s *stage) retained() map[string]string {
	var mu sync.Mutex
	tree := map[string]string{}
	var news atomic.Int64
	c, err := connect(context.Background(), s.user.dial, s.user.where, "visitor", func(m message) {
		news.Add(1)
		if m.retained {
			mu.Lock()
			defer mu.Unlock()
			tree[m.topic] = m.payload
		}
	})
	if err != nil {
		s.failed = append(s.failed, err)
		return tree
	}
	defer c.close()
	for before := int64(-1); before != news.Load(); {
		before = news.Load()
		time.Sleep(100 * time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	return maps.Clone(tree)
}

// anew returns what a bridge that knows nothing publishes for the same home.
func (s *stage) anew() map[string]string {
	s.disk = world.NewDisk(s.scene.plan.Seed)
	if s.broker != nil {
		s.broker.Down()
		s.broker.Forget()
		if err := s.broker.Up(); err != nil {
			s.failed = append(s.failed, err)
		}
	}
	s.forget = false
	s.start()
	time.Sleep(2 * time.Minute)
	tree := s.retained()
	s.halt()
	return tree
}

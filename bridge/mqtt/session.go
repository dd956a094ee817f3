package mqtt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

const (
	keepAlive    = 30 * time.Second // a silent broker is found within 1.5 times this
	pingTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
	ackTimeout   = 10 * time.Second
	maxInFlight  = 64 // messages that wait for the broker's acknowledgement
)

var errLost = errors.New("the connection to the broker broke")

// message is something to publish.
type message struct {
	topic    string
	payload  string
	retained bool
	sure     bool // QoS 1
}

func (m message) qos() byte {
	if m.sure {
		return 1
	}
	return 0
}

// arrival is a message that somebody else published.
type arrival struct {
	topic    string
	payload  []byte
	retained bool
	again    bool // marked as sent before
	sure     bool // QoS 1 or 2
}

// session is one connection to the broker, from CONNECT to its end. Nothing of it
// survives: the next connection gets a client of its own, so that paho has nothing
// to replay.
type session struct {
	client paho.Client
	lost   chan struct{} // closed when the connection broke
	cause  error         // why; set before lost is closed
	window chan struct{} // one entry per message in flight
	wire   *wire
}

// identity is what a session tells the broker about itself.
type identity struct {
	clientID       string
	user, password string
	will           message
}

// open connects and waits for the broker's answer. arrived is called from one
// goroutine, in order, and must not block.
func open(ctx context.Context, who identity, dial func(context.Context) (net.Conn, error), arrived func(arrival)) (*session, error) {
	s := &session{lost: make(chan struct{}), window: make(chan struct{}, maxInFlight)}
	o := paho.NewClientOptions().AddBroker("tcp://broker").SetProtocolVersion(4).SetClientID(who.clientID).
		SetUsername(who.user).SetPassword(who.password).
		SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(true).
		SetKeepAlive(keepAlive).SetPingTimeout(pingTimeout).SetWriteTimeout(writeTimeout).SetConnectTimeout(dialTimeout)
	if who.will.topic != "" {
		o.SetWill(who.will.topic, who.will.payload, who.will.qos(), who.will.retained)
	}
	o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		s.wire = newWire(conn, writeTimeout)
		return s.wire, nil
	})
	o.SetConnectionLostHandler(func(_ paho.Client, err error) {
		s.cause = fmt.Errorf("%w: %w", errLost, err)
		close(s.lost)
	})
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
		arrived(arrival{m.Topic(), m.Payload(), m.Retained(), m.Duplicate(), m.Qos() > 0})
	})
	s.client = paho.NewClient(o)
	token := s.client.Connect()
	select {
	case <-token.Done():
		return s, token.Error()
	case <-ctx.Done():
		s.client.Disconnect(0)
		return nil, ctx.Err()
	}
}

// publish hands m to the broker. It blocks while the broker is slow, and never
// hands over anything while the connection is not open.
func (s *session) publish(ctx context.Context, m message) error {
	if m.sure {
		select {
		case s.window <- struct{}{}:
		case <-s.lost:
			return s.cause
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := s.wire.room(ctx); err != nil {
		return err
	}
	if !s.client.IsConnectionOpen() {
		return errLost
	}
	token := s.client.Publish(m.topic, m.qos(), m.retained, m.payload)
	if m.sure {
		go func() {
			<-token.Done() // ends at the latest with the connection
			<-s.window
		}()
		return nil
	}
	return s.handedOver(token)
}

// handedOver returns the error of a token that paho has ended already.
func (s *session) handedOver(token paho.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	default:
		return nil
	}
}

// confirm publishes m and waits until the broker has it. It must not be called by
// a message handler.
func (s *session) confirm(ctx context.Context, m message) error {
	if !s.client.IsConnectionOpen() {
		return errLost
	}
	return s.wait(ctx, s.client.Publish(m.topic, 1, m.retained, m.payload))
}

// subscribe asks for all filters and returns those that the broker refused.
func (s *session) subscribe(ctx context.Context, filters []string) (refused []string, err error) {
	return s.listen(ctx, 1, filters)
}

// browse is subscribe for much that is retained: nothing of it is acknowledged.
func (s *session) browse(ctx context.Context, filters []string) error {
	_, err := s.listen(ctx, 0, filters)
	return err
}

func (s *session) listen(ctx context.Context, qos byte, filters []string) (refused []string, err error) {
	all := map[string]byte{}
	for _, f := range filters {
		all[f] = qos
	}
	if !s.client.IsConnectionOpen() {
		return nil, errLost
	}
	token := s.client.SubscribeMultiple(all, nil)
	if err := s.wait(ctx, token); err != nil {
		return nil, fmt.Errorf("mqtt: subscribe: %w", err)
	}
	granted := token.(*paho.SubscribeToken).Result()
	for _, f := range slices.Sorted(maps.Keys(granted)) {
		if granted[f] > 2 {
			refused = append(refused, f)
		}
	}
	return refused, nil
}

func (s *session) unsubscribe(ctx context.Context, filters []string) error {
	if !s.client.IsConnectionOpen() {
		return errLost
	}
	return s.wait(ctx, s.client.Unsubscribe(filters...))
}

func (s *session) wait(ctx context.Context, token paho.Token) error {
	late := time.NewTimer(ackTimeout)
	defer late.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-s.lost:
		return s.cause
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return fmt.Errorf("%w: it did not answer within %v", errLost, ackTimeout)
	}
}

// close ends the session in order.
func (s *session) close() { s.client.Disconnect(250) }

// clientIDPrefix starts the client id of every bridge.
const clientIDPrefix = "mihome2mqtt-"

package mqtt

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// ErrNobody says that no bridge answers on the broker.
var ErrNobody = errors.New("no bridge answers")

// Ask puts one request to the bridge that runs with these options, over its
// broker, and returns the data of the answer. fields are those of the request.
func Ask(ctx context.Context, o Options, verb string, fields map[string]any) (json.RawMessage, error) {
	d, err := o.dialer()
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("%016x", o.World.Rand("mqtt ask").Uint64())
	who := identity{clientID: "mihome2mqtt_ask_" + id[:8], user: o.User, password: o.Password.Reveal()}
	if o.URL == "" {
		who.user, who.password = o.BrokerUser, o.BrokerPassword.Reveal()
	}
	answers := make(chan answer, 1)
	s, err := open(ctx, who, d.dial, func(a arrival) { pick(a, id, answers) })
	if err != nil {
		return nil, fmt.Errorf("mqtt: %s: %s", d.to, words(err))
	}
	defer s.close()
	l := topic.Layout{Base: cmp.Or(o.Base, "mihome2mqtt")}
	if _, err := s.subscribe(ctx, []string{l.Response(verb)}); err != nil {
		return nil, err
	}
	question := map[string]any{"transaction": id}
	maps.Copy(question, fields)
	if err := s.confirm(ctx, message{topic: l.Request(verb), payload: string(encode(question))}); err != nil {
		return nil, err
	}
	select {
	case a := <-answers:
		return a.data()
	case <-s.lost:
		return nil, s.cause
	case <-ctx.Done():
		return nil, fmt.Errorf("mqtt: %s: %w", d.to, ErrNobody)
	}
}

// dialer reaches the broker of these options, our own one by its address.
func (o *Options) dialer() (dialer, error) {
	if o.URL == "" {
		return o.ownDialer()
	}
	to, err := parseURL(o.URL)
	if err != nil {
		return dialer{}, err
	}
	secure, err := tlsConfig(o.CA, o.Cert, o.Key, o.Insecure)
	return dialer{to: to, tls: secure, stream: o.World.Net.DialContext}, err
}

// ownDialer reaches our own broker. Whatever names stand in its certificate, it is the
// one that is given.
func (o *Options) ownDialer() (dialer, error) {
	scheme, secure := "mqtt://", (*tls.Config)(nil)
	if len(o.BrokerCert) > 0 {
		block, _ := pem.Decode(o.BrokerCert)
		if block == nil {
			return dialer{}, errors.New("mqtt: the broker's certificate is no PEM")
		}
		scheme = "mqtts://"
		secure = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, block.Bytes) {
				return errors.New("another certificate than the one in MIHOME2MQTT_BROKER_CERT")
			}
			return nil
		}}
	}
	to, err := parseURL(scheme + cmp.Or(o.Listen, "127.0.0.1:1883"))
	return dialer{to: to, tls: secure, stream: o.World.Net.DialContext}, err
}

// pick hands on the answer to our own question.
func pick(a arrival, id string, answers chan<- answer) {
	var got answer
	if a.retained || json.Unmarshal(a.payload, &got) != nil || string(got.Transaction) != `"`+id+`"` {
		return
	}
	select {
	case answers <- got:
	default:
	}
}

func (a answer) data() (json.RawMessage, error) {
	if a.Status != "ok" {
		return nil, errors.New(a.Error)
	}
	return json.Marshal(a.Data)
}

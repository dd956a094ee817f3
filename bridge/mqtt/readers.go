package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/mochi-mqtt/server/v2/packets"
)

// maxReply is the longest answer that is read of a broker that is asked who reads.
const maxReply = 64 << 10

// readers asks the broker whether anybody reads a topic. Version 5 of MQTT says so in
// the acknowledgement of a message: here of an empty one that is not retained, which
// means nothing to anybody. A broker that says the same of a secret topic, which nobody
// can know, does not tell.
func readers(ctx context.Context, c *Client, topic, secret string) (read, told bool, err error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return false, false, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends a read that hangs
	defer stop()
	v := &visitor{conn: conn, in: bufio.NewReader(conn)}
	if err := v.connect(c.who); err != nil {
		return false, false, err
	}
	unread, err := v.unread(secret)
	if err != nil || !unread {
		return false, false, err
	}
	unread, err = v.unread(topic)
	return !unread, err == nil, err
}

// visitor is a short connection in version 5 of MQTT.
type visitor struct {
	conn net.Conn
	in   *bufio.Reader
	id   uint16 // of the last message
}

func (v *visitor) connect(who identity) error {
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}, ProtocolVersion: 5}
	pk.Connect = packets.ConnectParams{
		ProtocolName: []byte("MQTT"), ClientIdentifier: who.clientID + "-t", Keepalive: 60, Clean: true,
		UsernameFlag: who.user != "", Username: []byte(who.user), PasswordFlag: who.password != "", Password: []byte(who.password),
	}
	code, err := v.ask(pk.ConnectEncode, packets.Connack, (*packets.Packet).ConnackDecode)
	if err == nil && code != 0 {
		err = fmt.Errorf("mqtt: the broker answers %#x", code)
	}
	return err
}

// unread reports whether the broker says that nobody reads a topic.
func (v *visitor) unread(topic string) (bool, error) {
	v.id++
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, ProtocolVersion: 5, TopicName: topic, PacketID: v.id}
	code, err := v.ask(pk.PublishEncode, packets.Puback, (*packets.Packet).PubackDecode)
	return code == packets.CodeNoMatchingSubscribers.Code, err
}

// ask sends a packet and returns the reason code of the answer, which is of a type.
func (v *visitor) ask(encode func(*bytes.Buffer) error, kind byte, decode func(*packets.Packet, []byte) error) (code byte, err error) {
	var out bytes.Buffer
	if err = encode(&out); err != nil {
		return 0, err
	}
	if _, err = v.conn.Write(out.Bytes()); err != nil {
		return 0, err
	}
	head, err := v.in.ReadByte()
	if err != nil {
		return 0, err
	}
	length, err := binary.ReadUvarint(v.in)
	if err != nil {
		return 0, err
	}
	if head>>4 != kind || length > maxReply {
		return 0, errors.New("mqtt: the broker answers something else")
	}
	body := make([]byte, length)
	if _, err = io.ReadFull(v.in, body); err != nil {
		return 0, err
	}
	answer := packets.Packet{FixedHeader: packets.FixedHeader{Type: kind, Remaining: len(body)}, ProtocolVersion: 5}
	err = decode(&answer, body)
	return answer.ReasonCode, err
}

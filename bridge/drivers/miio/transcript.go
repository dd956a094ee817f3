package miio

import (
	"bytes"
	"context"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Said is one message of a conversation with a device, opened.
type Said struct {
	Sent  bool   // by us
	Hello bool   // the plain greeting, which carries no text
	Stamp uint32 // seconds on the device's clock
	Text  string // JSON
}

// Transcript is a network that tells what is said over it with one device.
type Transcript struct {
	mi.Network
	token [16]byte
	say   func(Said)
}

// NewTranscript wraps net. say gets every message that token opens, and every
// greeting; its calls may come from several goroutines.
func NewTranscript(net mi.Network, token mi.Secret, say func(Said)) (*Transcript, error) {
	raw, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	return &Transcript{Network: net, token: raw, say: say}, nil
}

// ListenUDP implements mi.Network.
func (t *Transcript) ListenUDP(ctx context.Context, address string) (mi.PacketConn, error) {
	conn, err := t.Network.ListenUDP(ctx, address)
	if err != nil {
		return nil, err
	}
	return &listener{PacketConn: conn, transcript: t}, nil
}

// listener is a socket whose datagrams are told.
type listener struct {
	mi.PacketConn
	transcript *Transcript
}

// ReadBatch implements mi.PacketConn.
func (l *listener) ReadBatch(p []mi.Packet) (int, error) {
	n, err := l.PacketConn.ReadBatch(p)
	l.transcript.tell(false, p[:n])
	return n, err
}

// WriteBatch implements mi.PacketConn.
func (l *listener) WriteBatch(p []mi.Packet) error {
	l.transcript.tell(true, p)
	return l.PacketConn.WriteBatch(p)
}

func (t *Transcript) tell(sent bool, packets []mi.Packet) {
	for _, p := range packets {
		h, err := parseHeader(p.Data)
		if err != nil {
			continue
		}
		if h.length == headerLen {
			t.say(Said{Sent: sent, Hello: true, Stamp: h.stamp})
			continue
		}
		// A key of its own, because open decrypts in place and is for one reader.
		if text, err := newKey(t.token).open(bytes.Clone(p.Data)); err == nil {
			t.say(Said{Sent: sent, Stamp: h.stamp, Text: string(text)})
		}
	}
}

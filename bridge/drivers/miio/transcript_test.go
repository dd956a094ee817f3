package miio

import (
	"context"
	"slices"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// loop is a socket that reads what was written to it.
type loop struct {
	mi.Network
	mi.PacketConn
	packets []mi.Packet
}

func (l *loop) ListenUDP(context.Context, string) (mi.PacketConn, error) { return l, nil }

func (l *loop) WriteBatch(p []mi.Packet) error {
	l.packets = append(l.packets, p...)
	return nil
}

func (l *loop) ReadBatch(p []mi.Packet) (int, error) { return copy(p, l.packets), nil }

func TestTranscriptOpensWhatTheTokenOpens(t *testing.T) {
	const token = "00112233445566778899aabbccddeeff"
	var said []Said
	net, err := NewTranscript(&loop{}, token, func(s Said) { said = append(said, s) })
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := parseToken(token)
	sealed := newKey(raw).seal(append(make([]byte, headerLen), `{"id":1}`...), 7, 42)
	foreign := newKey([16]byte{1}).seal(append(make([]byte, headerLen), `{"id":2}`...), 7, 42)
	before := slices.Clone(sealed)
	if err := conn.WriteBatch([]mi.Packet{{Data: appendHello(nil)}, {Data: sealed}, {Data: foreign}, {Data: []byte("noise")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ReadBatch(make([]mi.Packet, 4)); err != nil {
		t.Fatal(err)
	}
	want := []Said{
		{Sent: true, Hello: true, Stamp: 1<<32 - 1}, {Sent: true, Stamp: 42, Text: `{"id":1}`},
		{Hello: true, Stamp: 1<<32 - 1}, {Stamp: 42, Text: `{"id":1}`},
	}
	if !slices.Equal(said, want) {
		t.Errorf("heard %+v\nwant  %+v", said, want)
	}
	if !slices.Equal(sealed, before) {
		t.Error("the datagram was changed")
	}
}

func TestTranscriptNeedsAToken(t *testing.T) {
	if _, err := NewTranscript(&loop{}, "x", nil); err == nil {
		t.Error("took no token at all")
	}
}

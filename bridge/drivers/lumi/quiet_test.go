package lumi_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// deaf hears nothing.
type deaf struct{}

func (deaf) Changed([]mi.Change)   {}
func (deaf) Happened(mi.Happening) {}
func (deaf) Seen()                 {}

// nowhere is a network on which nothing ever happens.
type nowhere struct{ mi.Network }

func (nowhere) ListenUDP(context.Context, string) (mi.PacketConn, error) {
	return &silent{closed: make(chan struct{})}, nil
}

func (nowhere) Interfaces() ([]mi.Interface, error) { return nil, nil }

type silent struct {
	mi.PacketConn
	closed chan struct{}
}

func (s *silent) ReadBatch([]mi.Packet) (int, error) { <-s.closed; return 0, net.ErrClosed }
func (s *silent) WriteBatch([]mi.Packet) error       { return nil }
func (s *silent) Close() error                       { close(s.closed); return nil }

// eventually waits for what happens on real sockets.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never came: %s", what)
		}
	}
}

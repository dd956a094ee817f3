package lumi_test

import (
	"context"
	"net"

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

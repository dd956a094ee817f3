package mqtt

import (
	"context"
	"sync/atomic"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Turns is a hook that lets a retained message be stored and the retained messages
// of a new subscription be looked up only by turns. mochi 2.7.9 reads the name of a
// retained topic without the lock under which it is written (TopicsIndex.RetainMessage
// and scanMessages). It goes last among the hooks of a server.
type Turns struct {
	mochi.HookBase
	turn   chan struct{} // a channel: whoever waits may be a part of a synctest bubble
	holder atomic.Pointer[mochi.Client]
}

// NewTurns returns the hook for one server.
func NewTurns() *Turns { return &Turns{turn: make(chan struct{}, 1)} }

// ID implements mochi.Hook.
func (*Turns) ID() string { return "turns" }

// Provides implements mochi.Hook.
func (*Turns) Provides(b byte) bool {
	switch b {
	case mochi.OnPublish, mochi.OnWill, mochi.OnRetainMessage, mochi.OnSubscribed, mochi.OnPacketProcessed:
		return true
	}
	return false
}

func (t *Turns) take(c *mochi.Client) {
	t.turn <- struct{}{}
	t.holder.Store(c)
}

// give ends c's turn, if it has one.
func (t *Turns) give(c *mochi.Client) {
	if t.holder.CompareAndSwap(c, nil) {
		<-t.turn
	}
}

// OnPublish implements mochi.Hook: a retained message is stored next.
func (t *Turns) OnPublish(c *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Retain {
		t.take(c)
	}
	return pk, nil
}

// OnWill implements mochi.Hook: a will without delay is stored next.
func (t *Turns) OnWill(c *mochi.Client, will mochi.Will) (mochi.Will, error) {
	if will.Retain && will.WillDelayInterval == 0 {
		t.take(c)
	}
	return will, nil
}

// OnRetainMessage implements mochi.Hook: it has been stored.
func (t *Turns) OnRetainMessage(c *mochi.Client, _ packets.Packet, _ int64) { t.give(c) }

// OnSubscribed implements mochi.Hook: the retained messages are looked up next. A
// client that reads slowly makes room for the acknowledgement before its turn, not
// in it.
func (t *Turns) OnSubscribed(c *mochi.Client, _ packets.Packet, _ []byte) {
	if w, ok := c.Net.Conn.(*wire); ok {
		_ = w.room(context.Background()) // a broken connection ends it; the next write tells
	}
	t.take(c)
}

// OnPacketProcessed implements mochi.Hook: they stand in the client's queue.
func (t *Turns) OnPacketProcessed(c *mochi.Client, pk packets.Packet, _ error) {
	if pk.FixedHeader.Type == packets.Subscribe {
		t.give(c)
	}
}

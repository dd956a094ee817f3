package multimode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// request asks the gateway's own services and waits for what they say. What may
// safely happen twice is sent again when no answer comes.
func (g *gate) request(ctx context.Context, method string, params any) (json.RawMessage, error) {
	c := make(chan answer, 1)
	g.d.mu.Lock()
	g.next = g.next%100000 + 1
	id := firstID + g.next
	g.waiting[id] = c
	g.d.mu.Unlock()
	defer func() {
		g.d.mu.Lock()
		delete(g.waiting, id)
		g.d.mu.Unlock()
	}()
	message := map[string]any{"id": id, "method": method, "params": params}
	a, err := ask(ctx, g, topicCommand, message, c, method != "action")
	if err == nil && a.Error != nil {
		err = fmt.Errorf("the gateway refuses: %s (%d): %w", clip(a.Error.Message), a.Error.Code, mi.ErrInvalid)
	}
	return a.Result, err
}

const firstID = 0x60000000 // of our requests: others ask there, too

// write tells the Zigbee part one value and waits until the device has it.
func (g *gate) write(ctx context.Context, did, res string, value mi.Value) error {
	r, err := g.exchange(ctx, "write", did, []any{map[string]any{"res_name": res, "value": value}})
	if err == nil && r.failed != 0 {
		err = fmt.Errorf("the gateway refuses with %d: %w", r.failed, mi.ErrInvalid)
	}
	return err
}

// read has the Zigbee part ask a device.
func (g *gate) read(ctx context.Context, did string, params []any) ([]item, error) {
	r, err := g.exchange(ctx, "read", did, params)
	return r.items, err
}

// exchange sends the Zigbee part one command and waits for what the device says.
func (g *gate) exchange(ctx context.Context, cmd, did string, params []any) (report, error) {
	c := make(chan report, 1)
	key := cmd[:1] + did
	g.d.mu.Lock()
	g.pending[key] = c
	g.d.mu.Unlock()
	defer func() {
		g.d.mu.Lock()
		delete(g.pending, key)
		g.d.mu.Unlock()
	}()
	return ask(ctx, g, topicZigbeeRecv, map[string]any{"cmd": cmd, "did": did, "params": params}, c, true)
}

// ask publishes a message and waits for what comes back.
func ask[T any](ctx context.Context, g *gate, topic string, message any, c <-chan T, again bool) (v T, err error) {
	for range 2 {
		if err := g.publish(ctx, topic, message); err != nil {
			return v, err
		}
		timer := time.NewTimer(answerTime)
		defer timer.Stop()
		select {
		case v = <-c:
			return v, nil
		case <-ctx.Done():
			return v, ctx.Err()
		case <-timer.C:
		}
		if !again {
			break
		}
	}
	return v, mi.ErrTimeout
}

// publish sends a message, as soon as there is a connection when it may be on its
// way.
func (g *gate) publish(ctx context.Context, topic string, message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("message: %w: %w", err, mi.ErrInvalid)
	}
	for {
		g.d.mu.Lock()
		bus, began := g.bus, g.began
		g.d.mu.Unlock()
		err := fmt.Errorf("not connected to the gateway: %w", mi.ErrOffline)
		if bus != nil {
			err = bus.Publish(ctx, topic, b)
		}
		young := began.IsZero() || time.Since(began) < youngTime
		if !errors.Is(err, mi.ErrOffline) || !young {
			return err
		}
		timer := time.NewTimer(retryTime)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

package bluez

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	connectTime = 25 * time.Second // for a device to answer and to name its characteristics
	farewell    = 5 * time.Second  // for the end of a connection
)

// Connect implements mi.Central. The adapter must have heard the device within the
// last half minute or so.
func (a *Adapter) Connect(ctx context.Context, addr mi.Address) (mi.Peripheral, error) {
	select {
	case a.slot <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p, err := a.connect(ctx, addr)
	if err != nil {
		<-a.slot
		return nil, fmt.Errorf("bluetooth: %s: connect %s: %w", a.Name(), bluetooth.Spell(addr), err)
	}
	return p, nil
}

// connect needs the slot, which the peripheral gives back.
func (a *Adapter) connect(ctx context.Context, addr mi.Address) (*peripheral, error) {
	brief, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	p := newPeripheral(func() { <-a.slot })
	c, err := dial(brief, a.net, a.o.Bus, p.take)
	if err != nil {
		return nil, err
	}
	p.conn = c
	if err := a.open(brief, p, addr); err != nil {
		_ = c.Close()
		if brief.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("it did not answer within %v: %w", connectTime, mi.ErrOffline)
		}
		return nil, err
	}
	go p.outlive()
	return p, nil
}

// open finds the device, connects to it and learns its characteristics.
func (a *Adapter) open(ctx context.Context, p *peripheral, addr mi.Address) error {
	if err := watch(ctx, p.conn); err != nil {
		return err
	}
	if err := p.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(service), dbus.WithMatchInterface(properties), dbus.WithMatchArg(0, gattInterface)); err != nil {
		return explain(err)
	}
	all, err := ask(ctx, p.conn)
	if err != nil {
		return err
	}
	adapter, err := choose(all, a.o.Adapter)
	if err != nil {
		return err
	}
	p.at = adapter + dbus.ObjectPath("/dev_"+strings.ReplaceAll(bluetooth.Spell(addr), ":", "_"))
	device, ok := all[p.at][deviceInterface]
	if !ok {
		return fmt.Errorf("the adapter has not heard it lately: %w", mi.ErrOffline)
	}
	if on, _ := device["Connected"].Value().(bool); on {
		return fmt.Errorf("another program of this host is connected to it: %w", mi.ErrBusy)
	}
	close(p.ready)
	if err := p.conn.Object(service, p.at).CallWithContext(ctx, deviceInterface+".Connect", 0).Err; err != nil {
		p.hangUp() // a call that was given up may still succeed
		return explain(err)
	}
	if err := p.learn(ctx); err != nil {
		p.hangUp()
		return err
	}
	return nil
}

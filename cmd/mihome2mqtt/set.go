package main

import (
	"context"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type setCmd struct {
	Device   string `arg:"" help:"Did, host, name or model."`
	Property string `arg:"" help:"Key (environment/temperature), id (p2_1) or name."`
	Value    string `arg:"" help:"Number, text, on or off, or the label of a choice."`
}

// Run writes a property of a device.
func (c *setCmd) Run(p *process) error {
	return p.talkTo(c.Device, func(ctx context.Context, dev *conversation) error {
		i, err := property(dev.spec, c.Property)
		if err != nil {
			return err
		}
		prop := &dev.spec.Props[i]
		setter, ok := dev.link.(mi.Setter)
		if !ok || prop.Access&mi.Write == 0 {
			return fmt.Errorf("%s can only be read: %w", prop.Key, mi.ErrUnsupported)
		}
		value, err := parseValue(prop, c.Value)
		if err != nil {
			return err
		}
		if err := setter.Set(ctx, []mi.Change{{Prop: i, Value: value}}); err != nil {
			return fmt.Errorf("%s: %w", label(dev.info), err)
		}
		fmt.Fprintf(p.talk, "%s is %s.\n", prop.Key, show(prop, value))
		return nil
	})
}

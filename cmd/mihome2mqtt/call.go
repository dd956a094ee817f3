package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type callCmd struct {
	Device string   `arg:"" help:"Did, host, name or model."`
	Action string   `arg:"" help:"Key (vacuum/start-sweep), id (a2_1) or name."`
	Value  []string `arg:"" optional:"" help:"One value for each input of the action."`
	JSON   bool     `name:"json" help:"Print JSON."`
}

// Run calls an action of a device and prints what it answers.
func (c *callCmd) Run(p *process) error {
	return p.talkTo(c.Device, func(ctx context.Context, dev *conversation) error {
		i, err := action(dev.spec, c.Action)
		if err != nil {
			return err
		}
		args, err := c.arguments(dev.spec, &dev.spec.Actions[i])
		if err != nil {
			return err
		}
		caller, ok := dev.link.(mi.Caller)
		if !ok {
			return fmt.Errorf("%s takes no orders: %w", label(dev.info), mi.ErrUnsupported)
		}
		out, err := caller.Call(ctx, i, args)
		if err != nil {
			return fmt.Errorf("%s: %w", label(dev.info), err)
		}
		return c.print(p, dev.spec, &dev.spec.Actions[i], out)
	})
}

func (c *callCmd) arguments(spec *mi.Spec, a *mi.Action) ([]mi.Value, error) {
	if len(c.Value) != len(a.In) {
		names := make([]string, len(a.In))
		for i, in := range a.In {
			names[i] = spec.Props[in].Name
		}
		return nil, wrongUse(fmt.Errorf("%s takes %d values: %s", a.Key, len(a.In), strings.Join(names, " ")))
	}
	args := make([]mi.Value, len(a.In))
	for i, in := range a.In {
		value, err := parseValue(&spec.Props[in], c.Value[i])
		if err != nil {
			return nil, err
		}
		args[i] = value
	}
	return args, nil
}

func (c *callCmd) print(p *process, spec *mi.Spec, a *mi.Action, out []mi.Value) error {
	if c.JSON {
		return json.NewEncoder(p.out).Encode(append([]mi.Value{}, out...))
	}
	for i, v := range out {
		name := "result"
		if i < len(a.Out) {
			name = spec.Props[a.Out[i]].Name
		}
		fmt.Fprintf(p.out, "%s: %s\n", name, v)
	}
	fmt.Fprintln(p.talk, "Done.")
	return nil
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type setCmd struct {
	Device   string `arg:"" help:"Did, host, model or a part of the name."`
	Property string `arg:"" help:"Name or a part of it, key (environment/temperature), id (p2_1) or topic."`
	Value    string `arg:"" help:"Number, text, on or off, or the label of a choice."`
	Yes      bool   `help:"I know what the order can do."`
}

// apiDone is how an order ended, for programs.
type apiDone struct {
	Key   string     `json:"key"`
	Value mi.Value   `json:"value,omitzero"`
	Out   []mi.Value `json:"out,omitempty"`
	Route string     `json:"route"`
	MS    int64      `json:"ms"`
}

// Run writes a property of a device.
func (c *setCmd) Run(p *process) error {
	return p.talkTo(c.Device, c.Yes, func(ctx context.Context, dev partner) error {
		spec := dev.what()
		i, err := writable(spec, dev.behind(c.Property))
		if err != nil {
			return err
		}
		prop, name := &spec.Props[i], nick(spec, i)
		value, err := parseValue(name, prop, c.Value)
		if err != nil {
			return err
		}
		done, err := dev.write(ctx, i, value)
		switch {
		case err != nil:
			return err
		case p.JSON:
			return p.json(apiDone{Key: string(prop.Key), Value: value, Route: done.route, MS: done.took.Milliseconds()})
		}
		_, err = fmt.Fprintf(p.out, "%s is %s (%s).\n", sentence(spaced(name)), show(prop, value), done)
		return err
	})
}

// writable finds a property that can be set, and says so when one can only be read.
func writable(spec *mi.Spec, name string) (int, error) {
	i, err := property(spec, name, mi.Write)
	if err == nil || exitCode(err) != exitNotFound {
		return i, err
	}
	if i, err := property(spec, name, mi.Read|mi.Notify); err == nil {
		return i, &failure{exitRefused, fmt.Errorf("%s can only be read", nick(spec, i))}
	}
	return i, err
}

func spaced(name string) string {
	return strings.NewReplacer("-", " ", "_", " ", "/", " ").Replace(name)
}

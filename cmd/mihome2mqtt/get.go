package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type getCmd struct {
	Device   string   `arg:"" help:"Did, host, name or model."`
	Property []string `arg:"" optional:"" help:"Key (environment/temperature), id (p2_1) or name; all when left out."`
	JSON     bool     `name:"json" help:"Print JSON."`
}

// Run reads properties of a device and prints them.
func (c *getCmd) Run(p *process) error {
	return p.talkTo(c.Device, func(ctx context.Context, dev *conversation) error {
		props, err := c.properties(dev.spec)
		if err != nil {
			return err
		}
		getter, ok := dev.link.(mi.Getter)
		if !ok {
			return fmt.Errorf("%s cannot be read: %w", label(dev.info), mi.ErrUnsupported)
		}
		values, err := getter.Get(ctx, props, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", label(dev.info), err)
		}
		if len(values) == 0 {
			return fmt.Errorf("%s refused to tell: %w", label(dev.info), mi.ErrUnsupported)
		}
		return c.print(p, dev.spec, values)
	})
}

// properties returns the indexes of the properties that were asked for.
func (c *getCmd) properties(spec *mi.Spec) ([]int, error) {
	var props []int
	for _, name := range c.Property {
		i, err := property(spec, name)
		if err != nil {
			return nil, err
		}
		props = append(props, i)
	}
	if c.Property == nil {
		return readable(spec), nil
	}
	return props, nil
}

// readable returns the indexes of all properties that can be read.
func readable(spec *mi.Spec) []int {
	var props []int
	for i := range spec.Props {
		if spec.Props[i].Access&mi.Read != 0 {
			props = append(props, i)
		}
	}
	return props
}

func (c *getCmd) print(p *process, spec *mi.Spec, values []mi.Change) error {
	switch {
	case c.JSON:
		all := map[mi.Key]mi.Value{}
		for _, v := range values {
			all[spec.Props[v.Prop].Key] = v.Value
		}
		return json.NewEncoder(p.out).Encode(all)
	case len(c.Property) == 1:
		_, err := fmt.Fprintln(p.out, values[0].Value)
		return err
	}
	t := newTable(p.out, "PROPERTY", "VALUE", "ID")
	for _, v := range values {
		prop := &spec.Props[v.Prop]
		t.row(string(prop.Key), show(prop, v.Value), prop.ID())
	}
	return t.end()
}

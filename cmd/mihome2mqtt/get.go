package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type getCmd struct {
	Device   string   `arg:"" help:"Did, host, model or a part of the name."`
	Property []string `arg:"" optional:"" help:"Name or a part of it, key (environment/temperature), id (p2_1) or topic; all when left out."`
}

// Run reads properties of a device and prints them.
func (c *getCmd) Run(p *process) error {
	return p.talkTo(c.Device, false, func(ctx context.Context, dev partner) error {
		props, err := c.properties(dev)
		if err != nil {
			return err
		}
		values, err := dev.read(ctx, props)
		if err != nil {
			return err
		}
		return c.print(p, dev.what(), values)
	})
}

// properties returns the indexes of the properties that were asked for.
func (c *getCmd) properties(dev partner) ([]int, error) {
	var props []int
	for _, name := range c.Property {
		i, err := property(dev.what(), dev.behind(name), mi.Read|mi.Notify)
		if err != nil {
			return nil, err
		}
		props = append(props, i)
	}
	if c.Property == nil {
		return readable(dev.what()), nil
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
	case p.JSON:
		all := map[mi.Key]mi.Value{}
		for _, v := range values {
			all[spec.Props[v.Prop].Key] = v.Value
		}
		return p.json(all)
	case len(c.Property) == 1:
		_, err := fmt.Fprintln(p.out, bare(&spec.Props[values[0].Prop], values[0].Value))
		return err
	case p.screen.terminal:
		_, err := io.WriteString(p.out, sideBySide(spec, values, p.screen.columns))
		return err
	}
	t := newTable(p, "PROPERTY", "VALUE", "ID")
	for _, v := range values {
		prop := &spec.Props[v.Prop]
		t.row(string(prop.Key), show(prop, v.Value), prop.ID())
	}
	return t.end()
}

// sideBySide shows what can only be read beside what can be set, as far as there is
// room. What the device says of itself is left out.
func sideBySide(spec *mi.Spec, values []mi.Change, limit int) string {
	var read, set [][2]string
	for _, v := range values {
		prop := &spec.Props[v.Prop]
		pair := [2]string{nick(spec, v.Prop), show(prop, v.Value)}
		switch {
		case strings.HasPrefix(string(prop.Key), "device-information/"):
		case prop.Access&mi.Write == 0:
			read = append(read, pair)
		default:
			if words := choices(prop); len(words) > 0 {
				pair[1] += " (" + strings.Join(words, ", ") + ")"
			}
			set = append(set, pair)
		}
	}
	left, right := pairs(read), pairs(set)
	wide := widest(left)
	if wide > 0 {
		wide += 6
	}
	if wide+widest(right) > limit {
		return strings.Join(append(left, right...), "\n") + "\n"
	}
	var b strings.Builder
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		b.WriteString(strings.TrimRight(l+strings.Repeat(" ", max(0, wide-columns(l)))+r, " ") + "\n")
	}
	return b.String()
}

// pairs aligns names and values.
func pairs(all [][2]string) []string {
	wide := 0
	for _, pair := range all {
		wide = max(wide, columns(pair[0]))
	}
	out := make([]string, len(all))
	for i, pair := range all {
		out[i] = pair[0] + strings.Repeat(" ", wide-columns(pair[0])+gutter) + pair[1]
	}
	return out
}

func widest(lines []string) int {
	wide := 0
	for _, line := range lines {
		wide = max(wide, columns(line))
	}
	return wide
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type callCmd struct {
	Device string   `arg:"" help:"Did, host, model or a part of the name."`
	Action string   `arg:"" help:"Name or a part of it, key (vacuum/start-sweep), id (a2_1) or topic."`
	Value  []string `arg:"" optional:"" passthrough:"" help:"Inputs of the action: values in order, or by name as --mode silent or mode=silent."`
	Yes    bool     `help:"I know what the order can do."`
}

// Run calls an action of a device and prints what it answers.
func (c *callCmd) Run(p *process) error {
	c.flags(p)
	return p.talkTo(c.Device, c.Yes, func(ctx context.Context, dev partner) error {
		spec := dev.what()
		i, err := action(spec, dev.behind(c.Action))
		if err != nil {
			return err
		}
		a := &spec.Actions[i]
		args, err := c.arguments(spec, a)
		if err != nil {
			return err
		}
		done, err := dev.run(ctx, i, args)
		if err != nil {
			return err
		}
		return c.print(p, spec, a, done)
	})
}

// flags takes our own flags out of the inputs.
func (c *callCmd) flags(p *process) {
	own := map[string]*bool{"--json": &p.JSON, "--quiet": &p.Quiet, "--yes": &c.Yes}
	var rest []string
	for _, text := range c.Value {
		if flag := own[text]; flag != nil {
			*flag = true
			continue
		}
		if text != "--" && text != "--no-color" {
			rest = append(rest, text)
		}
	}
	c.Value = rest
}

func (c *callCmd) arguments(spec *mi.Spec, a *mi.Action) ([]mi.Value, error) {
	names := make([]string, len(a.In))
	for i, in := range a.In {
		names[i] = spec.Props[in].Name
	}
	given, err := inputs(names, c.Value)
	if err != nil || len(given) != len(a.In) {
		return nil, wrongUse(fmt.Errorf("%s takes %s", a.Key, takes(spec, a)))
	}
	args := make([]mi.Value, len(a.In))
	for i, in := range a.In {
		if args[i], err = parseValue(names[i], &spec.Props[in], given[i]); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// takes lists the inputs of an action, with what each can be.
func takes(spec *mi.Spec, a *mi.Action) string {
	if len(a.In) == 0 {
		return "no value"
	}
	names := make([]string, len(a.In))
	for i, in := range a.In {
		p := &spec.Props[in]
		names[i] = p.Name
		if words := possible(p); len(words) > 0 {
			names[i] += " (" + strings.Join(words, ", ") + ")"
		}
	}
	return count(len(a.In), "value", "values") + ": " + strings.Join(names, ", ")
}

// inputs sorts what was given by the names of the inputs: --name value, --name=value,
// name=value, or values in order.
func inputs(names, given []string) (map[int]string, error) {
	out := map[int]string{}
	place := func(name string) int {
		for i, n := range names {
			if squeeze(n) == squeeze(name) {
				return i
			}
		}
		return -1
	}
	next := 0
	for k := 0; k < len(given); k++ {
		name, value, assigned := strings.Cut(given[k], "=")
		flag := strings.HasPrefix(given[k], "--")
		i := place(name)
		switch {
		case flag && i < 0, flag && !assigned && k+1 == len(given):
			return nil, fmt.Errorf("%s: no such input", given[k])
		case flag && !assigned:
			k++
			value = given[k]
		case !flag && (!assigned || i < 0):
			for _, taken := out[next]; taken; _, taken = out[next] {
				next++
			}
			i, value = next, given[k]
		}
		out[i] = value
	}
	return out, nil
}

func (c *callCmd) print(p *process, spec *mi.Spec, a *mi.Action, done outcome) error {
	if p.JSON {
		return p.json(apiDone{Key: string(a.Key), Out: append([]mi.Value{}, done.out...), Route: done.route, MS: done.took.Milliseconds()})
	}
	for i, v := range done.out {
		name, text := "result", v.String()
		if i < len(a.Out) {
			out := &spec.Props[a.Out[i]]
			name, text = out.Name, show(out, v)
		}
		fmt.Fprintf(p.out, "%s: %s\n", name, text)
	}
	_, err := fmt.Fprintf(p.out, "Done (%s).\n", done)
	return err
}

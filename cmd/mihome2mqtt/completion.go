package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// scripts hand the words on the command line to __complete, which prints one
// proposal on each line.
var scripts = map[string]string{
	"bash": `_mihome2mqtt() {
  local IFS=$'\n' word
  COMPREPLY=()
  while read -r word; do COMPREPLY+=("$(printf %q "$word")"); done < <(mihome2mqtt __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _mihome2mqtt mihome2mqtt
`,
	"zsh": `#compdef mihome2mqtt
_mihome2mqtt() {
  local -a found
  found=("${(@f)$(mihome2mqtt __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n $found[1] ]] && compadd -U -- $found
}
compdef _mihome2mqtt mihome2mqtt
`,
	"fish": `complete -c mihome2mqtt -f -a '(mihome2mqtt __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
}

// Run prints the script that a shell has to read.
func (c *completionCmd) Run(p *process) error {
	_, err := fmt.Fprint(p.out, scripts[c.Shell])
	return err
}

type completeCmd struct {
	Words []string `arg:"" optional:"" help:"Words after the name of the program; the last one is being written."`
}

// proposeWithin is how long a person at the keyboard waits.
const proposeWithin = 2 * time.Second

// Run prints what the last word can become.
func (c *completeCmd) Run(p *process) error {
	if len(c.Words) == 0 {
		return nil
	}
	p.Quiet = true
	for i := range c.Words {
		c.Words[i] = unquoted(c.Words[i])
	}
	ctx, cancel := context.WithTimeout(p.ctx, proposeWithin)
	defer cancel()
	before, last := c.Words[:len(c.Words)-1], c.Words[len(c.Words)-1]
	for _, word := range p.propose(ctx, before, last) {
		if len(word) >= len(last) && strings.EqualFold(word[:len(last)], last) {
			fmt.Fprintln(p.out, word)
		}
	}
	return nil
}

// unquoted takes the quotes of a shell off a word that is being written.
func unquoted(word string) string {
	if rest, found := strings.CutPrefix(word, "'"); found {
		return strings.TrimSuffix(rest, "'")
	}
	if rest, found := strings.CutPrefix(word, `"`); found {
		return strings.TrimSuffix(rest, `"`)
	}
	return strings.ReplaceAll(word, `\`, "")
}

// propose lists what can follow some words.
func (p *process) propose(ctx context.Context, before []string, last string) []string {
	var words, flags []string
	for _, word := range before {
		if !strings.HasPrefix(word, "-") {
			words = append(words, word)
		}
	}
	command := ""
	if len(words) > 0 {
		command = words[0]
	}
	commands, flags := grammar(command)
	switch {
	case strings.HasPrefix(last, "-"):
		return flags
	case len(words) == 0:
		return commands
	case command == "completion":
		return []string{"bash", "zsh", "fish"}
	case command == "export" && len(words) == 1:
		return slices.Sorted(maps.Keys(platforms))
	case command == "export" && len(words) == 2:
		return p.deviceNames(ctx, last)
	case !slices.Contains([]string{"get", "set", "call", "capture", "doctor"}, command):
		return nil
	case len(words) == 1:
		return p.deviceNames(ctx, last)
	}
	return p.parts(ctx, words)
}

// grammar returns the commands, and the flags of one of them.
func grammar(command string) (commands, flags []string) {
	parser, err := kong.New(&cli{})
	if err != nil { // process.main has made the same one
		return nil, nil
	}
	add := func(all []*kong.Flag) {
		for _, f := range all {
			flags = append(flags, "--"+f.Name)
		}
	}
	add(parser.Model.Flags)
	for _, child := range parser.Model.Children {
		if !child.Hidden {
			commands = append(commands, child.Name)
		}
		if child.Name == command {
			add(child.Flags)
		}
	}
	return commands, flags
}

// deviceNames lists the devices of the running bridge that may be meant by a word
// that is being written, as many as it tells in time; without a bridge those that are
// known.
func (p *process) deviceNames(ctx context.Context, word string) (names []string) {
	if r, err := p.running(ctx); err == nil {
		all, _ := search[apiDevice](ctx, r, "devices", word)
		for _, d := range all {
			names = append(names, d.Name)
		}
	} else if d, _, err := p.direct(); err == nil {
		for _, info := range d.Known() {
			names = append(names, label(info))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// parts lists properties, actions and values of the device that words name.
func (p *process) parts(ctx context.Context, words []string) []string {
	spec := p.knownSpec(ctx, words[1])
	if spec == nil {
		return nil
	}
	names := func(all []thing) (out []string) {
		for _, t := range all {
			out = append(out, t.nick)
		}
		return out
	}
	switch {
	case words[0] == "get":
		return names(properties(spec, mi.Read|mi.Notify))
	case words[0] == "set" && len(words) == 2:
		return names(properties(spec, mi.Write))
	case words[0] == "call" && len(words) == 2:
		return names(actions(spec))
	case words[0] == "set" && len(words) == 3:
		if i, err := property(spec, words[2], mi.Write); err == nil {
			return possible(&spec.Props[i])
		}
	case words[0] == "call":
		if i, err := action(spec, words[2]); err == nil && len(words)-3 < len(spec.Actions[i].In) {
			return possible(&spec.Props[spec.Actions[i].In[len(words)-3]])
		}
	}
	return nil
}

func possible(p *mi.Property) []string {
	if len(p.List) == 0 && p.Format == mi.FormatBool {
		return []string{"on", "off"}
	}
	return choices(p)
}

// knownSpec returns what a device has, without asking the device.
func (p *process) knownSpec(ctx context.Context, name string) *mi.Spec {
	if r, err := p.running(ctx); err == nil {
		g, err := r.visit(ctx, name)
		if err != nil {
			return nil
		}
		return g.spec
	}
	d, _, err := p.direct()
	if err != nil {
		return nil
	}
	info, err := choose(d.Known(), name)
	if err != nil || info.Model == "" {
		return nil
	}
	spec, err := d.Spec(ctx, info.Model)
	if err != nil {
		return nil
	}
	return spec
}

package entity

import (
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// thermostat is what the mode and the presets of a climate share.
type thermostat struct {
	power *onoff   // nil when a mode means off
	mode  *choice  // nil when there is only one mode
	words []string // what each entry of mode means; "" is a preset
	only  string   // the mode that on means when there is none to choose
	stop  int      // the action that stops it, or -1
	start int      // the action that starts it, or -1
	off   mi.Value // the entry that means off; unknown when there is none
}

// climate is the composite of what heats or cools a room.
func (c *composite) climate() bool {
	t := &thermostat{only: c.rule.Default, stop: c.action("stop"), start: c.action("start")}
	var fields []*field
	if f := c.prop("power"); f != nil {
		t.power, fields = c.newOnoff(f), append(fields, f)
	}
	if f := c.prop("mode"); f != nil {
		if t.mode = c.newChoice(f); t.mode != nil {
			fields = append(fields, f)
			c.meanings(t)
		}
	}
	if t.power == nil && t.mode == nil && (t.start < 0 || t.stop < 0) {
		return false
	}
	c.modeBinds(t, fields)
	c.presets(t, fields)
	c.target("temperature")
	c.reading("current_temperature")
	c.reading("current_humidity")
	c.target("target_humidity")
	for _, role := range []string{"fan_mode", "swing_mode", "swing_horizontal_mode"} {
		if f := c.prop(role); f != nil {
			if list := c.newChoice(f); list != nil {
				c.bind(list.listed(bind(Role(role), list, f)))
			} else {
				c.release(f)
			}
		}
	}
	c.activity(t)
	return true
}

// release gives back a property that a role had no use for.
func (c *composite) release(f *field) {
	c.props = slices.DeleteFunc(c.props, func(p int) bool { return p == f.prop })
}

// meanings finds what each entry of the mode list means: the first of each word
// is the mode, the rest are presets.
func (c *composite) meanings(t *thermostat) {
	t.words = make([]string, len(t.mode.words))
	seen := map[string]bool{}
	for i, label := range t.mode.words {
		word := c.word("mode", label)
		switch {
		case word == "off":
			if !t.off.Known() {
				t.off = t.mode.values[i]
			}
			t.words[i] = word
		case word != "" && !seen[word]:
			seen[word], t.words[i] = true, word
		}
	}
}

func (c *composite) modeBinds(t *thermostat, fields []*field) {
	m := &climateMode{t}
	b := bind("mode", m, fields...)
	b.Options = m.options()
	b.Actions = actions(t.start, t.stop)
	b.Command = true
	c.bind(b)
	c.entity.Assumed = !b.State
	switch {
	case t.power != nil:
		c.bind(bind("power", t.power, &t.power.f))
	case t.stop >= 0 && t.start >= 0:
		c.bind(Bind{Role: "power", Command: true, Actions: actions(t.start, t.stop), conv: &relay{off: t.stop, on: t.start}})
	}
}

// actions lists those that are there.
func actions(list ...int) (out []int) {
	for _, a := range list {
		if a >= 0 {
			out = append(out, a)
		}
	}
	return out
}

// presets adds the entries of the mode list that are no mode, or those of a list
// of their own.
func (c *composite) presets(t *thermostat, fields []*field) {
	if f := c.prop("preset_mode"); f != nil {
		if list := c.newChoice(f); list != nil {
			c.bind(list.listed(bind("preset_mode", list, f)))
			return
		}
		c.release(f)
	}
	p := &climatePreset{thermostat: t}
	for i, word := range t.words {
		if word == "" {
			p.entries = append(p.entries, i)
			p.words = append(p.words, t.mode.words[i])
		}
	}
	if len(p.words) > 0 {
		b := bind("preset_mode", p, fields...)
		b.Options = p.words
		c.bind(b)
	}
}

// target adds a number that is set: a temperature or a humidity.
func (c *composite) target(role string) {
	f := c.prop(role)
	if f == nil {
		return
	}
	n := c.newNumber(f)
	if len(f.spec.List) > 0 {
		if n = c.newLevels(f); n == nil {
			c.release(f)
			return
		}
	}
	c.bind(n.limited(bind(Role(role), n, f)))
}

// activity shows what the climate does now, where a status says it.
func (c *composite) activity(t *thermostat) {
	f := c.prop("status")
	if f == nil || len(f.spec.List) == 0 || c.rule.Words["status"] == "" {
		return
	}
	list := c.newChoice(f)
	a := &climateAction{thermostat: t, status: list, words: make([]string, len(list.words))}
	known := false
	for i, label := range list.words {
		a.words[i] = c.word("status", label)
		known = known || a.words[i] != "" && a.words[i] != "off"
	}
	if known {
		b := bind("action", a, f)
		b.Command = false
		c.bind(b)
	}
}

type climateMode struct{ *thermostat }

// options are the modes to choose from, off first.
func (c *climateMode) options() []string {
	out := []string{"off"}
	for _, word := range c.words {
		if word != "" && word != "off" {
			out = append(out, word)
		}
	}
	if len(out) == 1 {
		out = append(out, c.fallback())
	}
	return out
}

// fallback is the mode that on means when the device says no other.
func (t *thermostat) fallback() string {
	if t.only != "" {
		return t.only
	}
	return "auto"
}

func (c *climateMode) render(values []mi.Value) (string, bool) {
	if c.power != nil {
		on, known := c.power.state(values)
		switch {
		case known && !on:
			return "off", true
		case !known && c.power.f.readable():
			return none, true
		}
	}
	if c.mode == nil {
		if c.power == nil || !c.power.f.readable() {
			return "", true
		}
		return c.fallback(), true
	}
	at := c.mode.at(values)
	switch {
	case at < 0 && c.mode.f.value(values).Known():
		return none, false
	case at < 0:
		return none, true
	case c.words[at] != "":
		return c.words[at], true
	}
	return c.during(c.mode.words[at]), true
}

// during is the mode that is shown while a preset runs: the device does not say.
func (c *climateMode) during(string) string {
	options := c.options()
	if slices.Contains(options, "auto") {
		return "auto"
	}
	return options[1]
}

func (c *climateMode) order(payload string, _ []mi.Value, o *mi.Order) error {
	i, err := pickWord(c.options(), payload)
	if err != nil {
		return err
	}
	word := c.options()[i]
	if word == "off" {
		return c.turnOff(o)
	}
	if err := c.turnOn(o); err != nil {
		return err
	}
	if at := slices.Index(c.words, word); at >= 0 {
		return c.mode.f.set(c.mode.values[at], o)
	}
	if c.mode != nil && c.power == nil && c.start < 0 { // only presets: on is the first of them
		return c.mode.f.set(c.mode.values[slices.Index(c.words, "")], o)
	}
	return nil
}

func (t *thermostat) turnOff(o *mi.Order) error {
	switch {
	case t.power != nil:
		return t.power.set(false, o)
	case t.off.Known():
		return t.mode.f.set(t.off, o)
	case t.stop >= 0:
		run(t.stop, o)
		return nil
	}
	return invalid("this device cannot be switched off")
}

func (t *thermostat) turnOn(o *mi.Order) error {
	if t.power != nil {
		return t.power.set(true, o)
	}
	if t.start >= 0 {
		run(t.start, o)
	}
	return nil
}

// climatePreset chooses among the entries of the mode list that are no mode.
type climatePreset struct {
	*thermostat
	entries []int // of the mode list
	words   []string
}

func (c *climatePreset) render(values []mi.Value) (string, bool) {
	at := slices.Index(c.entries, c.mode.at(values))
	if at < 0 {
		return none, true
	}
	return c.words[at], true
}

func (c *climatePreset) order(payload string, _ []mi.Value, o *mi.Order) error {
	i, err := pickWord(c.words, payload)
	if err != nil {
		return err
	}
	if err := c.turnOn(o); err != nil {
		return err
	}
	return c.mode.f.set(c.mode.values[c.entries[i]], o)
}

// climateAction tells what the climate does now.
type climateAction struct {
	readOnly
	*thermostat
	status *choice
	words  []string
}

func (c *climateAction) render(values []mi.Value) (string, bool) {
	if c.power != nil {
		if on, known := c.power.state(values); known && !on {
			return "off", true
		}
	}
	if at := c.status.at(values); at >= 0 && c.words[at] != "" {
		return c.words[at], true
	}
	return none, true
}

func (c *climateAction) order(payload string, values []mi.Value, o *mi.Order) error {
	return c.readOnly.order(payload, values, o)
}

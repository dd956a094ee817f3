package entity

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// none is the text of a value that is not known.
const none = "None"

// converter turns values into the text of one role and a payload into an order.
type converter interface {
	// render returns the role's text; "" is nothing to tell. ok is false when
	// the device says something that the role has no word for.
	render(values []mi.Value) (text string, ok bool)
	// order appends what payload asks for.
	order(payload string, values []mi.Value, o *mi.Order) error
}

// readOnly is embedded by converters that take no commands.
type readOnly struct{}

func (readOnly) order(string, []mi.Value, *mi.Order) error {
	return invalid("this can only be read")
}

// writeOnly is embedded by converters that have no state.
type writeOnly struct{}

func (writeOnly) render([]mi.Value) (string, bool) { return "", true }

// onoff is a two-state property.
type onoff struct {
	f       field
	off, on mi.Value // shown values; unknown for what reads as a truth value
	no, yes string   // words of the role
	toggles bool
}

// newOnoff makes a two-state converter with the words ON and OFF.
func (b *builder) newOnoff(f *field) *onoff {
	c := &onoff{f: *f, no: "OFF", yes: "ON", toggles: f.readable()}
	if pair := b.rules.pair(f.spec); pair != nil {
		c.off, c.on = pair[0], pair[1]
	} else if f.spec.Format == mi.FormatText {
		c.off, c.on = mi.Text("off"), mi.Text("on")
	} else if len(f.spec.List) > 0 {
		c.off, c.on = b.ends(f.spec)
	}
	if a := b.adjust[f.prop]; a != nil {
		if a.OnValue != nil {
			c.on = value(a.OnValue)
		}
		if a.OffValue != nil {
			c.off = value(a.OffValue)
		}
	}
	return c
}

// ends finds the off and on entries of a longer list: by their words, else the
// first entry is off and the second on.
func (b *builder) ends(p *mi.Property) (off, on mi.Value) {
	for i := range p.List {
		switch b.rules.word("power", p.List[i].Label) {
		case "OFF":
			off = p.List[i].Value
		case "ON":
			on = p.List[i].Value
		}
	}
	if !off.Known() || !on.Known() {
		if len(p.List) < 2 {
			return mi.Value{}, mi.Value{}
		}
		return p.List[0].Value, p.List[1].Value
	}
	return off, on
}

// state returns what the property says; known is false when it says nothing or
// nothing that makes sense.
func (c *onoff) state(values []mi.Value) (on, known bool) {
	v := c.f.value(values)
	switch {
	case !v.Known():
		return false, false
	case c.off.Known() && same(v, c.off):
		return false, true
	case c.on.Known() && same(v, c.on):
		return true, true
	case c.off.Known() && c.f.spec.Format == mi.FormatInt && c.f.spec.Range != nil:
		return true, true // any level but off
	}
	return v.Bool()
}

func (c *onoff) render(values []mi.Value) (string, bool) {
	on, known := c.state(values)
	switch {
	case !known:
		return none, !c.f.value(values).Known()
	case on:
		return c.yes, true
	}
	return c.no, true
}

// set appends the write of a state.
func (c *onoff) set(on bool, o *mi.Order) error {
	v := mi.Bool(on)
	switch {
	case on && c.on.Known():
		v = c.on
	case !on && c.off.Known():
		v = c.off
	}
	return c.f.set(v, o)
}

func (c *onoff) order(payload string, values []mi.Value, o *mi.Order) error {
	on, err := c.wanted(payload, values)
	if err != nil {
		return err
	}
	return c.set(on, o)
}

func (c *onoff) wanted(payload string, values []mi.Value) (bool, error) {
	word := strings.TrimSpace(payload)
	if strings.EqualFold(word, "TOGGLE") {
		on, known := c.state(values)
		if !c.toggles || !known {
			return false, invalid("cannot toggle, since the state of %s is not known; send %s or %s", c.f.spec.Key, c.yes, c.no)
		}
		return !on, nil
	}
	if strings.EqualFold(word, c.yes) {
		return true, nil
	}
	if strings.EqualFold(word, c.no) {
		return false, nil
	}
	if on, ok := truth(word); ok {
		return on, nil
	}
	return false, invalid("%q is not a state; send %s or %s", cut(payload, 40), c.yes, c.no)
}

// truth reads the usual words for on and off.
func truth(word string) (on, ok bool) {
	switch strings.ToLower(word) {
	case "on", "true", "1", "yes":
		return true, true
	case "off", "false", "0", "no":
		return false, true
	}
	return false, false
}

// choice is a property that takes one of a list.
type choice struct {
	f      field
	words  []string
	values []mi.Value // shown
}

// newChoice makes the converter of a value list, of a truth value (on, off) or
// of a short range of whole numbers; nil when there is no list to be had.
func (b *builder) newChoice(f *field) *choice {
	c := &choice{f: *f}
	switch limits := f.limits(); {
	case len(f.steps) > 0 && f.steps[len(f.steps)-1].Map != nil:
		c.mapped(f.steps[len(f.steps)-1].Map)
	case len(f.spec.List) > 0:
		c.words = labels(f.spec.List)
		for i := range f.spec.List {
			v := f.spec.List[i].Value
			for s := range f.steps {
				v = f.steps[s].up(v)
			}
			c.values = append(c.values, v)
		}
	case b.rules.shapeOf(f) == "bool":
		c.words, c.values = []string{"off", "on"}, []mi.Value{mi.Bool(false), mi.Bool(true)}
	case f.spec.Format == mi.FormatInt && limits.Max > limits.Min:
		step := max(limits.Step, 1)
		if (limits.Max-limits.Min)/step > 20 {
			return nil
		}
		for v := limits.Min; v <= limits.Max; v += step {
			c.words, c.values = append(c.words, plain(v)), append(c.values, mi.Float(v))
		}
	default:
		return nil
	}
	return c
}

// mapped takes the words of a map step, in the order of their raw values.
func (c *choice) mapped(words map[string]any) {
	for _, raw := range sorted(words) {
		if word := value(words[raw]); !slices.Contains(c.values, word) {
			c.words, c.values = append(c.words, word.String()), append(c.values, word)
		}
	}
}

// at returns the index of the current entry, or -1.
func (c *choice) at(values []mi.Value) int {
	v := c.f.value(values)
	if !v.Known() {
		return -1
	}
	for i := range c.values {
		if same(c.values[i], v) {
			return i
		}
	}
	return -1
}

func (c *choice) render(values []mi.Value) (string, bool) {
	if i := c.at(values); i >= 0 {
		return c.words[i], true
	}
	return none, !c.f.value(values).Known()
}

func (c *choice) order(payload string, _ []mi.Value, o *mi.Order) error {
	i, err := pickWord(c.words, payload)
	if err != nil {
		return err
	}
	return c.f.set(c.values[i], o)
}

// pickWord finds payload in words, regardless of case when that is unambiguous.
func pickWord(words []string, payload string) (int, error) {
	word := strings.TrimSpace(payload)
	for i := range words {
		if words[i] == word {
			return i, nil
		}
	}
	for i := range words {
		if strings.EqualFold(words[i], word) {
			return i, nil
		}
	}
	return 0, invalid("%q is not one of: %s", cut(payload, 40), cut(strings.Join(words, ", "), 400))
}

// same compares two values whatever their kinds: 1, 1.0, "1" and true are one.
func same(a, b mi.Value) bool {
	if a == b {
		return true
	}
	if !a.Known() || !b.Known() {
		return false
	}
	x, okX := a.Float()
	y, okY := b.Float()
	if okX && okY {
		return x == y
	}
	return a.String() == b.String()
}

// text is a property with free text.
type text struct {
	f field
}

func (c *text) render(values []mi.Value) (string, bool) {
	v := c.f.value(values)
	if s := v.String(); s != "" {
		return cut(strings.ToValidUTF8(s, "\uFFFD"), 255), true
	}
	return none, true
}

func (c *text) order(payload string, _ []mi.Value, o *mi.Order) error {
	return c.f.set(mi.Text(payload), o)
}

// limit is a two-state fact read off a number.
type limit struct {
	readOnly
	f  field
	at float64
}

func (c *limit) render(values []mi.Value) (string, bool) {
	v, ok := c.f.value(values).Float()
	switch {
	case !ok:
		return none, !c.f.value(values).Known()
	case v <= c.at:
		return "ON", true
	}
	return "OFF", true
}

// object decodes a JSON object strictly into v and names the fields it may have
// when that fails.
func object(payload string, v any, fields string) error {
	d := json.NewDecoder(strings.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil || d.More() {
		return invalid("%q is not what is understood here; send a JSON object with %s", cut(payload, 60), fields)
	}
	return nil
}
